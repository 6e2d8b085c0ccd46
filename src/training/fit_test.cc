#include "training/fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "base/files.h"
#include "data/log_fixture.h"
#include "data/prepare.h"
#include "raie/error.h"
#include "training/encode.h"
#include "training/toy_backbone.h"

namespace raie {
namespace {

using testing::LogEvent;
using testing::RandomRows;
using testing::TemporaryFolder;

constexpr int kItems = 30;
constexpr std::int64_t kFitDim = 12;

// Each user mostly walks from one item to the next.
InteractionLog WalkingUsers() {
  std::vector<LogEvent> events;
  RandomStream random(3, 0);
  for (int user = 0; user < 50; ++user) {
    auto item = static_cast<int>(random.Below(kItems));
    std::int64_t time = static_cast<std::int64_t>(random.Below(100));
    for (int i = 0; i < 40; ++i) {
      item = random.Uniform() < 0.9 ? (item + 1) % kItems : static_cast<int>(random.Below(kItems));
      time += 1 + static_cast<std::int64_t>(random.Below(50));
      events.push_back({"u" + std::to_string(user), "i" + std::to_string(item), time});
    }
  }
  return testing::MakeLog(events, testing::Ratings::kNone);
}

// A backbone that asks to stop once it was bound so many times.
class StoppingBackbone : public testing::ToyBackbone {
 public:
  StoppingBackbone(CancelFlag* cancel, int after)
      : ToyBackbone(kFitDim, 0.1f, 1), cancel_(cancel), left_(after) {}
  std::unique_ptr<BoundWeights> Bind(const Adapter* adapter, Purpose purpose) const override {
    if (cancel_ != nullptr && --left_ == 0) cancel_->Set();
    return ToyBackbone::Bind(adapter, purpose);
  }

 private:
  CancelFlag* cancel_;
  mutable int left_;
};

class FitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TaskPool pool(1);
    PrepareData(WalkingUsers(), {.k_core = 0, .context = 3}, folder_ / "data", pool);
    data_ = std::make_unique<PreparedData>(PreparedData::Load(folder_ / "data"));
    options_.batch_size = 16;
    options_.max_epochs = 6;
    options_.adam.learning_rate = 0.02;
  }

  FitRequest Request() const {
    return {.data = *data_,
            .windows = WindowOptionsOf(*data_),
            .catalogue_size = data_->catalogue_size(0),
            .tiles = {.tokens = 30},
            .seed = 4};
  }
  ItemTable Items() const {
    return ItemTable(kFitDim, RandomRows(data_->catalogue_size(0), kFitDim, 5, 0.3));
  }

  // Fits one epoch; returns the request that goes on from its checkpoint.
  FitRequest FinishedFit(StoppingBackbone& backbone, ItemTable& items, TaskPool& pool) {
    options_.max_epochs = 1;
    FitRequest request = Request();
    request.checkpoint = folder_ / "state";
    FitBackbone(options_, request, backbone, items, pool);
    request.resume = true;
    return request;
  }

  TemporaryFolder folder_;
  std::unique_ptr<PreparedData> data_;
  FitOptions options_;
};

TEST_F(FitTest, LearnsFromSequencesAndFromWindows) {
  TaskPool pool(2);
  for (const FitOn on : {FitOn::kSequences, FitOn::kWindows}) {
    options_.on = on;
    options_.max_epochs = 15;
    StoppingBackbone backbone(nullptr, 0);
    ItemTable items = Items();
    std::vector<Progress> told;
    FitRequest request = Request();
    request.observer = [&](const Progress& progress) { told.push_back(progress); };
    const FitReport report = FitBackbone(options_, request, backbone, items, pool);
    ASSERT_EQ(report.epochs.size(), 15u);
    EXPECT_LT(report.epochs.back().loss, 0.8 * report.epochs.front().loss);
    const FitEpoch& best = report.epochs[report.best_epoch - 1];
    EXPECT_GT(best.validation_ndcg10, 0.5);  // by chance: .15
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.back().done, told.back().total);
    // What was kept is the best epoch.
    const SetupWindows windows = MakeSetupWindows(*data_, 0, request.windows);
    const auto ranking = RankFittedWindows(request, backbone, items, windows.validation, pool);
    const auto hits = std::count_if(ranking.ranks.begin(), ranking.ranks.end(),
                                    [](std::int64_t rank) { return rank <= 10; });
    EXPECT_NEAR(static_cast<double>(hits) / static_cast<double>(ranking.ranks.size()),
                best.validation_recall10, 1e-12);
  }
}

TEST_F(FitTest, AnAdapterTakesThePlaceOfTheParametersAndResumes) {
  TaskPool pool(2);
  options_.adam.learning_rate = 0.05;
  const auto fit = [&](CancelFlag* cancel, int stop, std::vector<float>& adapter_values) {
    StoppingBackbone backbone(cancel, stop);
    const std::vector<float> before(backbone.parameters().begin(), backbone.parameters().end());
    ItemTable items = Items();
    Adapter adapter = Adapter::Make(backbone.linear_maps(), {.rank = 2, .alpha = 4}, 9);
    FitRequest request = Request();
    request.adapter = &adapter;
    request.checkpoint = folder_ / "adapter";
    request.resume = true;
    request.cancel = cancel;
    try {
      const FitReport report = FitBackbone(options_, request, backbone, items, pool);
      EXPECT_LT(report.epochs.back().loss, report.epochs.front().loss);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
      return false;
    }
    EXPECT_TRUE(std::ranges::equal(before, backbone.parameters()));
    EXPECT_FALSE(adapter.IsZero());
    adapter_values.assign(adapter.values().begin(), adapter.values().end());
    return true;
  };
  std::vector<float> whole, resumed;
  ASSERT_TRUE(fit(nullptr, 0, whole));
  std::filesystem::remove_all(folder_ / "adapter");
  CancelFlag cancel;
  ASSERT_FALSE(fit(&cancel, 4, resumed));
  ASSERT_TRUE(fit(nullptr, 0, resumed));
  EXPECT_EQ(whole, resumed);
}

TEST_F(FitTest, ResumesToTheSameBytes) {
  TaskPool pool(2);
  StoppingBackbone whole(nullptr, 0);
  ItemTable whole_items = Items();
  FitRequest request = Request();
  request.checkpoint = folder_ / "whole";
  const FitReport report = FitBackbone(options_, request, whole, whole_items, pool);
  for (const int stop : {1, 4, 9, 13}) {
    SCOPED_TRACE(stop);
    request.checkpoint = folder_ / ("cut" + std::to_string(stop));
    request.resume = true;
    FitReport resumed;
    int pieces = 0;
    std::vector<float> parameters, items;
    for (bool done = false; !done; ++pieces) {
      CancelFlag cancel;
      request.cancel = &cancel;
      StoppingBackbone backbone(&cancel, stop + pieces);
      ItemTable table = Items();
      try {
        resumed = FitBackbone(options_, request, backbone, table, pool);
        done = true;
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::kCancelled) << error.what();
      }
      parameters.assign(backbone.parameters().begin(), backbone.parameters().end());
      items.assign(table.base_ND().begin(), table.base_ND().end());
    }
    EXPECT_GT(pieces, 1);
    EXPECT_TRUE(std::equal(parameters.begin(), parameters.end(), whole.parameters().begin()));
    EXPECT_TRUE(std::equal(items.begin(), items.end(), whole_items.base_ND().begin()));
    EXPECT_EQ(resumed.steps, report.steps);
    EXPECT_EQ(resumed.best_epoch, report.best_epoch);
    ASSERT_EQ(resumed.epochs.size(), report.epochs.size());
    for (std::size_t i = 0; i < report.epochs.size(); ++i) {
      EXPECT_EQ(resumed.epochs[i].loss, report.epochs[i].loss);
      EXPECT_EQ(resumed.epochs[i].validation_ndcg10, report.epochs[i].validation_ndcg10);
    }
    EXPECT_EQ(ReadFile(request.checkpoint / "state.safetensors"),
              ReadFile(folder_ / "whole" / "state.safetensors"));
  }
}

TEST_F(FitTest, RefusesADamagedCheckpoint) {
  TaskPool pool(1);
  StoppingBackbone backbone(nullptr, 0);
  ItemTable items = Items();
  FitRequest request = FinishedFit(backbone, items, pool);
  const auto file = request.checkpoint / "state.safetensors";
  std::string bytes = ReadFile(file);
  bytes[bytes.size() - 40] ^= 1;  // of a number
  WriteFileAtomically(file, bytes);
  try {
    FitBackbone(options_, request, backbone, items, pool);
    FAIL() << "resumed from a damaged checkpoint";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorruptData);
    EXPECT_NE(std::string(error.what()).find("state.safetensors is damaged"), std::string::npos);
  }
}

TEST_F(FitTest, RefusesTheCheckpointOfAnotherRun) {
  TaskPool pool(1);
  StoppingBackbone backbone(nullptr, 0);
  ItemTable items = Items();
  FitRequest request = FinishedFit(backbone, items, pool);
  request.seed = 5;
  try {
    FitBackbone(options_, request, backbone, items, pool);
    FAIL() << "resumed with another seed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("seed was 4 there and is 5"), std::string::npos)
        << error.what();
  }
  request.seed = 4;
  request.backbone = "other";
  EXPECT_THROW(FitBackbone(options_, request, backbone, items, pool), Error);
}

// A stopped fit is told to end earlier than it was to, or to take longer.
TEST_F(FitTest, GoesOnWithOtherLimits) {
  TaskPool pool(1);
  options_.patience_epochs = 4;
  const auto fit = [&](const char* name, CancelFlag* cancel, FitOptions options) {
    StoppingBackbone backbone(cancel, 9);
    ItemTable items = Items();
    FitRequest request = Request();
    request.checkpoint = folder_ / name;
    request.resume = true;
    request.cancel = cancel;
    FitBackbone(options, request, backbone, items, pool);
    return ReadFile(folder_ / name / "state.safetensors");
  };
  for (const std::int64_t epochs : {5, 9}) {
    FitOptions other = options_;
    other.max_epochs = epochs;
    other.patience_epochs = epochs;
    const std::string name = "to" + std::to_string(epochs);
    CancelFlag cancel;
    EXPECT_THROW(fit(name.c_str(), &cancel, options_), Error);
    EXPECT_EQ(fit(name.c_str(), nullptr, other), fit((name + "whole").c_str(), nullptr, other));
  }
  const auto refuses = [&](const char* key, FitOptions options) {
    try {
      fit("to9", nullptr, options);
      FAIL() << key;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(key), std::string::npos) << error.what();
    }
  };
  FitOptions options = options_;
  options.patience_epochs = 9;
  options.max_epochs = 8;
  refuses("fit.max_epochs = 8: it stands at epoch 9", options);
  options.max_epochs = 9;
  options.patience_epochs = 8;
  refuses("fit.patience_epochs = 8", options);
  options.patience_epochs = 9;
  options.adam.beta1 = 0.8;
  refuses("fit.adam.beta1 was 0.9 there and is 0.8 now", options);
}

TEST_F(FitTest, StopsWhenValidationNoLongerRises) {
  TaskPool pool(1);
  options_.max_epochs = 200;
  options_.patience_epochs = 3;
  options_.patience_steps = 1;
  options_.adam.learning_rate = 0.1;
  StoppingBackbone backbone(nullptr, 0);
  ItemTable items = Items();
  const FitReport report = FitBackbone(options_, Request(), backbone, items, pool);
  EXPECT_LT(report.epochs.size(), 200u);
  EXPECT_EQ(std::ssize(report.epochs), report.best_epoch + 3);
  for (const FitEpoch& epoch : report.epochs) {
    EXPECT_LE(epoch.validation_ndcg10, report.epochs[report.best_epoch - 1].validation_ndcg10);
  }
}

TEST_F(FitTest, RefusesWhatCannotBe) {
  TaskPool pool(1);
  StoppingBackbone backbone(nullptr, 0);
  ItemTable items = Items();
  const auto refuses = [&](const std::function<void(FitOptions&, FitRequest&)>& change) {
    FitOptions options = options_;
    FitRequest request = Request();
    change(options, request);
    EXPECT_THROW(FitBackbone(options, request, backbone, items, pool), Error);
  };
  refuses([](FitOptions& options, FitRequest&) { options.batch_size = 0; });
  refuses([](FitOptions& options, FitRequest&) { options.adam.learning_rate = -1; });
  refuses([](FitOptions&, FitRequest& request) { request.windows.context = 17; });
  refuses([](FitOptions&, FitRequest& request) { request.catalogue_size += 1; });
  refuses([](FitOptions& options, FitRequest& request) {
    options.on = FitOn::kWindows;
    request.windows.min_context = 1000;
  });
}

using FitThreads = FitTest;

TEST_F(FitThreads, SameBytesForAnyNumber) {
  options_.max_epochs = 2;
  std::vector<std::vector<float>> parameters;
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    StoppingBackbone backbone(nullptr, 0);
    ItemTable items = Items();
    FitBackbone(options_, Request(), backbone, items, pool);
    parameters.emplace_back(backbone.parameters().begin(), backbone.parameters().end());
    parameters.back().insert(parameters.back().end(), items.base_ND().begin(),
                             items.base_ND().end());
  }
  EXPECT_EQ(parameters[0], parameters[1]);
  EXPECT_EQ(parameters[0], parameters[2]);
}

}  // namespace
}  // namespace raie
