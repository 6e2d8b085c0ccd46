#include "compare/stream_cell.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "data/log_fixture.h"
#include "data/prepare.h"
#include "data/simulator.h"
#include "methods/group_trainer.h"
#include "methods/popularity.h"
#include "methods/popularity_prior.h"
#include "methods/rank_windows.h"
#include "methods/setup.h"
#include "methods/snapshot_scorer.h"
#include "service/fit_model.h"
#include "training/metrics.h"

namespace raie {
namespace {

using Json = nlohmann::ordered_json;
using Matrix = std::vector<std::vector<double>>;

constexpr int kLast = 2;  // slices 0, 1, 2

// A small shop in three slices, an unfitted backbone.
class StreamCellTest : public ::testing::Test {
 protected:
  StreamCellTest() : data_(Prepare()), configuration_(ConfigureFit(data_, Wanted())) {
    std::shared_ptr<Backbone> backbone = MakeBackbone(configuration_.backbone, 1);
    const std::int64_t items = data_.catalogue_size(0);
    setup_ = MakeFittedSnapshot(
        {.backbone = backbone,
         .items = std::make_shared<const ItemTable>(
             backbone->dim(), MakeItemRows(configuration_.backbone, *backbone, items, 2)),
         .catalogue_size = items});
  }

  static Settings Wanted() {
    Settings settings;
    settings.values = {{"backbone.sasrec.dim", "16"},   {"backbone.sasrec.blocks", "1"},
                       {"backbone.sasrec.heads", "1"},  {"edit.epochs", "1"},
                       {"edit.checkpoints", "2"},       {"edit.learning_rate", "1e-2"},
                       {"edit.validation_share", "0.2"}};
    return settings;
  }

  PreparedData Prepare() {
    SimulatorOptions simulator;
    simulator.users = 60;
    simulator.items = 60;
    simulator.events = 2400;
    simulator.interests = 3;
    simulator.drifting = 1;
    simulator.born_later = 0.2;
    PrepareOptions options;
    options.protocol = Protocol::kStream;
    options.slices = {0.5, 0.75};
    options.context = 3;
    options.k_core = 2;
    PrepareData(SimulateLog(simulator, pool_).log, options, folder_ / "data", pool_);
    return PreparedData::Load(folder_ / "data");
  }

  Json Run(const std::string& method) {
    const RunContext context{.data = data_, .pool = pool_, .seed = 7};
    const Json about = {{"method", method}};
    const auto cell = folder_ / method;
    RunCell({.data = data_,
             .method = method,
             .configuration = configuration_,
             .setup = setup_,
             .about = about,
             .context = context},
            cell);
    return Json::parse(ReadFile(cell / "cell.json")).at("stream").at("ndcg@10");
  }

  // NDCG@10 of windows ranked one by one by the frozen model, over the catalogue of a slice; the
  // model knows the slices up to `learnt`.
  double FrozenNdcg(const WindowSet& windows, int learnt, int catalogue_of) {
    const SnapshotScorer scorer(
        std::make_shared<const Snapshot>(WithCatalogue(setup_, data_.catalogue_size(learnt), 7)));
    const std::int64_t items = data_.catalogue_size(catalogue_of);
    double sum = 0;
    for (const Window& window : windows.windows) {
      WindowSet one;
      one.windows.push_back(window);
      const RankedSet ranked = RankWindows(
          scorer, data_, one,
          {.context = 3, .catalogue_size = items, .popularity_slice = catalogue_of}, pool_);
      const std::int64_t rank = ranked.ranks[0];
      const bool outside = Index(data_.items()[window.target]) >= items;
      EXPECT_EQ(rank == kMissedRank, outside);
      if (rank <= 10) sum += 1 / std::log2(static_cast<double>(rank) + 1);
    }
    return sum / static_cast<double>(windows.size());
  }

  // The same with the prior a cell has chosen after slice `learnt`.
  double NdcgWithPrior(const Json& chosen, int learnt, int part, bool own_time) {
    std::vector<std::int64_t> held_out =
        MakeSetupWindows(data_, 0, WindowOptionsOf(data_)).removed_events;
    for (int j = 0; j <= kLast; ++j) {
      for (const Window& window : PartOf(j).windows) held_out.push_back(window.target);
    }
    std::ranges::sort(held_out);
    PopularityPrior prior{.weight = chosen.at("weight"),
                          .half_life_seconds = chosen.at("half_life_days").get<double>() * 86400,
                          .end_seconds = EndOfSlice(data_, learnt),
                          .counts_N = {}};
    const auto counts =
        FadingCounts(data_, {.last_slice = learnt, .end = prior.end_seconds}, held_out,
                     data_.catalogue_size(learnt), prior.half_life_seconds);
    prior.counts_N.assign(counts.begin(), counts.end());
    Snapshot snapshot = WithCatalogue(setup_, data_.catalogue_size(learnt), 7);
    snapshot.prior = std::make_shared<const PopularityPrior>(prior);
    const EarlierRequests earlier(data_, prior, learnt, held_out);
    const RankedSet ranked =
        RankWindows(SnapshotScorer(std::make_shared<const Snapshot>(snapshot)), data_, PartOf(part),
                    {.context = 3,
                     .catalogue_size = data_.catalogue_size(std::min(learnt, part)),
                     .popularity_slice = std::min(learnt, part),
                     .earlier = own_time ? &earlier : nullptr},
                    pool_);
    return Summarise(ranked.ranks, ranked.users).window_mean.ndcg[1];
  }

  // Each user's last window of a slice.
  WindowSet PartOf(int slice) {
    const WindowOptions options = WindowOptionsOf(data_);
    if (slice == 0) return MakeSetupWindows(data_, 0, options).held_out;
    WindowSet part;
    for (const Window& window : MakeWindows(data_, slice, options).windows) {
      if (!part.windows.empty() && part.windows.back().user == window.user) {
        part.windows.back() = window;
      } else {
        part.windows.push_back(window);
      }
    }
    return part;
  }

  testing::TemporaryFolder folder_;
  TaskPool pool_{2};
  PreparedData data_;
  Configuration configuration_;
  Snapshot setup_;
};

TEST_F(StreamCellTest, EarlierPartsSeeWhatWasPopularThen) {
  configuration_.edit.popularity_prior.use = PriorUse::kOn;
  configuration_.edit.popularity_prior.weights = {1.6};
  configuration_.edit.popularity_prior.half_lives = {0.5};
  const auto matrix = Run("frozen").at("R").get<Matrix>();
  const Json cell = Json::parse(ReadFile(folder_ / "frozen" / "cell.json"));
  const Json& chosen = cell.at("slices").at(kLast - 1).at("popularity_prior");
  ASSERT_GT(chosen.at("weight").get<double>(), 0);
  for (int j = 0; j <= kLast; ++j) {
    EXPECT_NEAR(matrix[kLast][j], NdcgWithPrior(chosen, kLast, j, true), 1e-12) << j;
  }
  EXPECT_NE(matrix[kLast][0], NdcgWithPrior(chosen, kLast, 0, false));
}

TEST_F(StreamCellTest, WithAPriorFrozenTransfersAndForgetsNothingOfItsOwn) {
  configuration_.edit.popularity_prior.use = PriorUse::kOn;
  configuration_.edit.popularity_prior.weights = {1.6};
  configuration_.edit.popularity_prior.half_lives = {0.5};
  const Json frozen = Run("frozen");
  const Json cell = Json::parse(ReadFile(folder_ / "frozen" / "cell.json"));
  ASSERT_GT(cell.at("slices").at(0).at("popularity_prior").at("weight").get<double>(), 0);
  EXPECT_EQ(frozen.at("forward_transfer").get<double>(), 0);
  EXPECT_EQ(frozen.at("frozen").at(2), frozen.at("R").at(1).at(2));
  // What the prior does to part 0 is not transfer: both look at part 1 alone.
  const auto matrix = frozen.at("R").get<Matrix>();
  EXPECT_NEAR(frozen.at("backward_transfer").get<double>(), matrix[2][1] - matrix[1][1], 1e-12);
  EXPECT_NEAR(frozen.at("forgetting").get<double>(), matrix[1][1] - matrix[2][1], 1e-12);
}

TEST_F(StreamCellTest, PopularityAnswersBeforeItHasSeenASlice) {
  const Json popular = Run("recent_popularity");
  EXPECT_GT(popular.at("next").at(0).get<double>(), 0);
  EXPECT_GT(popular.at("R").at(0).at(0).get<double>(), 0);
}

TEST_F(StreamCellTest, TheMatrixIsWhatRankingByHandGives) {
  ASSERT_EQ(data_.num_slices(), kLast + 1);
  ASSERT_GT(data_.catalogue_size(1), data_.catalogue_size(0));
  const Json frozen = Run("frozen");
  const auto matrix = frozen.at("R").get<Matrix>();
  for (int i = 0; i <= kLast; ++i) {
    for (int j = 0; j <= kLast; ++j) {
      EXPECT_NEAR(matrix[i][j], FrozenNdcg(PartOf(j), i, std::min(i, j)), 1e-12) << i << " " << j;
    }
  }
  for (int i = 0; i < kLast; ++i) {
    const WindowSet next = MakeWindows(data_, i + 1, WindowOptionsOf(data_));
    EXPECT_NEAR(frozen.at("next").at(i).get<double>(), FrozenNdcg(next, i, i), 1e-12);
  }
  EXPECT_EQ(frozen.at("forward_transfer").get<double>(), 0);
  // The catalogue of a part never grows past its slice, so growth is not forgetting.
  EXPECT_EQ(frozen.at("forgetting").get<double>(), 0);
  EXPECT_EQ(frozen.at("backward_transfer").get<double>(), 0);
}

TEST_F(StreamCellTest, LearningMovesWhatComesAfterItOnly) {
  const auto frozen = Run("frozen").at("R").get<Matrix>();
  const Json lora = Run("lora");
  const auto matrix = lora.at("R").get<Matrix>();
  EXPECT_EQ(matrix[0], frozen[0]);
  EXPECT_NE(matrix[1], frozen[1]);
  EXPECT_NE(matrix[2], matrix[1]);
  double average = 0;
  for (int j = 0; j <= kLast; ++j) average += matrix[kLast][j] / (kLast + 1);
  EXPECT_NEAR(lora.at("average_accuracy").get<double>(), average, 1e-12);
  EXPECT_NEAR(lora.at("forward_transfer").get<double>(),
              matrix[1][2] - lora.at("frozen").at(2).get<double>(), 1e-12);
  EXPECT_GT(lora.at("average_accuracy").get<double>(), frozen[kLast][kLast]);
}

}  // namespace
}  // namespace raie
