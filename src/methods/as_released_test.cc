#include "methods/as_released.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "data/sequences.h"
#include "methods/group_trainer.h"
#include "methods/rank_windows.h"
#include "methods/shop_fixture.h"
#include "raie/error.h"
#include "training/encode.h"

namespace raie {
namespace {

// A simulated shop prepared as-released, and a small backbone fitted on users' last sequences.
struct ReleasedShop {
  ReleasedShop() : data(Prepare()) {
    windows = WindowOptionsOf(data);
    memory = MakeWindows(data, 0, MemoryWindowOptionsOf(data));
    new_windows = MakeWindows(data, 1, windows);
    TransformerOptions& sizes = NamedSection(refit.backbone);
    sizes.dim = 16;
    sizes.blocks = 1;
    sizes.heads = 1;
    sizes.context = windows.context;
    refit.fit.on = FitOn::kTails;
    refit.fit.max_epochs = 8;
    refit.fit.patience_epochs = 0;
    refit.fit.patience_steps = 0;
    refit.fit.batch_size = 16;
    refit.fit.loss.kind = LossKind::kBce;
    refit.fit.adam.learning_rate = 5e-3;
    refit.regions.k = 3;
    std::shared_ptr<Backbone> backbone = MakeBackbone(refit.backbone, 1);
    ItemTable items(16, MakeItemRows(refit.backbone, *backbone, data.num_items(), 2));
    FitRequest request{.data = data, .windows = windows, .tiles = {}, .checkpoint = {}};
    request.seed = 3;
    request.catalogue_size = data.num_items();
    fit = FitBackbone(refit.fit, request, *backbone, items, pool);
    snapshot = MakeFittedSnapshot({.backbone = backbone,
                                   .items = std::make_shared<const ItemTable>(std::move(items)),
                                   .catalogue_size = data.num_items()});
  }

  PreparedData Prepare() {
    SimulatorOptions simulator;
    simulator.users = 120;
    simulator.items = 80;
    simulator.events = 12000;
    simulator.interests = 4;
    simulator.drifting = 1;
    PrepareOptions options;
    options.protocol = Protocol::kAsReleased;
    options.context = 6;
    PrepareData(SimulateLog(simulator, pool).log, options, folder / "prepared", pool);
    return PreparedData::Load(folder / "prepared");
  }

  RunContext context() { return {.data = data, .pool = pool, .seed = 7, .refit = &refit}; }

  AdaptSlice slice() const {
    return {.slice = 1,
            .windows = &new_windows,
            .memory = &memory,
            .catalogue_size = data.num_items(),
            .context = windows.context,
            .seen = SeenItems::kContextMasked};
  }

  static AdaptOptions Options() {
    AdaptOptions options = AdaptOptions::Preset(EditorPreset::kRaie, Protocol::kAsReleased);
    options.lora.rank = 2;
    options.lora.alpha = 4;
    options.batch_size = 32;
    options.learning_rate = 5e-3;
    return options;
  }

  // The scores of every checkpoint and at last.
  struct Run {
    AdaptReport report;
    std::unique_ptr<Method> method;
    std::map<double, std::vector<float>> at;  // by share
    std::map<double, std::int64_t> samples;
  };
  Run Learn(const std::string& name, const AdaptOptions& options) {
    Run run;
    std::vector<std::int64_t> chosen(32);
    std::iota(chosen.begin(), chosen.end(), 0);
    const ReadWindows read =
        ReadContexts(data, new_windows, chosen, windows.context, data.num_items());
    RunContext watched = context();
    watched.on_checkpoint = [&](const Checkpoint& checkpoint) {
      run.at[checkpoint.share] = testing::ScoresOf(*checkpoint.scorer, read, data.num_items());
      run.samples[checkpoint.share] = checkpoint.samples;
    };
    run.method = MakeMethod(name, watched, options);
    run.method->Prepare(snapshot, memory);
    run.report = run.method->Adapt(slice());
    return run;
  }

  TaskPool pool{2};
  testing::TemporaryFolder folder;
  PreparedData data;
  WindowOptions windows;
  WindowSet memory;
  WindowSet new_windows;
  RefitOptions refit;
  FitReport fit;
  Snapshot snapshot;
};

ReleasedShop& TheShop() {
  static ReleasedShop shop;
  return shop;
}

TEST(AsReleasedTest, RaieSeesSixTimesTheSamplesOfLoraAndExpandsNothing) {
  ReleasedShop& shop = TheShop();
  const std::int64_t new_windows = shop.new_windows.size();
  const auto lora = shop.Learn("lora", ReleasedShop::Options());
  EXPECT_EQ(lora.report.training.samples, 3 * new_windows);

  const auto raie = shop.Learn("raie", ReleasedShop::Options());
  std::int64_t of_f = 0;
  std::int64_t of_s = 0;
  for (const RegionTraining& region : raie.report.regions) {
    EXPECT_TRUE(region.trained);
    of_f += region.new_windows;
    of_s += region.memory_windows;
  }
  EXPECT_EQ(raie.report.training.samples, 3 * (new_windows + of_f + of_s));
  // Each window once and, where one region has all of the share, twice more.
  EXPECT_NEAR(static_cast<double>(of_f), 3.0 * static_cast<double>(new_windows),
              0.05 * static_cast<double>(new_windows));
  EXPECT_NEAR(static_cast<double>(of_s), 7.0 / 3 * static_cast<double>(new_windows),
              0.35 * static_cast<double>(new_windows));
  const double ratio = static_cast<double>(raie.report.training.samples) /
                       static_cast<double>(lora.report.training.samples);
  EXPECT_GT(ratio, 5.9);
  EXPECT_LT(ratio, 6.4);
  EXPECT_EQ(raie.report.maximum_samples, raie.report.training.samples);

  EXPECT_EQ(raie.report.edits.expanded, 0);
  EXPECT_EQ(raie.report.edits.regions_added, 0);
  EXPECT_LE(raie.report.edits.added, new_windows / 50);
  EXPECT_EQ(raie.report.edits.updated + raie.report.edits.added, new_windows);
  EXPECT_EQ(std::ssize(raie.report.journal), new_windows);
  EXPECT_EQ(raie.report.forward_passes, 2);
  EXPECT_EQ(raie.method->snapshot(), nullptr);
}

// Without decay and with frozen rows the warm-up is lora, to the last bit; the regions go on there.
TEST(AsReleasedTest, RegionsStartFromTheGlobalAdapter) {
  AdaptOptions options = ReleasedShop::Options();
  options.weight_decay = 0;
  options.item_rows = ItemRowsKind::kFrozen;
  ReleasedShop& shop = TheShop();
  const auto lora = shop.Learn("lora", options);
  const auto raie = shop.Learn("raie", options);
  EXPECT_EQ(raie.samples.at(0), 3 * shop.new_windows.size());
  EXPECT_EQ(raie.at.at(0), lora.at.at(1));
  EXPECT_NE(raie.at.at(1), raie.at.at(0));
  EXPECT_NE(lora.at.at(1), lora.at.at(0));
}

TEST(AsReleasedTest, EveryWindowIsTrainedWhereItIsRouted) {
  ReleasedShop& shop = TheShop();
  const auto raie = shop.Learn("raie", ReleasedShop::Options());
  const RankedSet ranked = RankWindows(*raie.method->MakeScorer(), shop.data, shop.new_windows,
                                       {.context = shop.windows.context,
                                        .catalogue_size = shop.data.num_items(),
                                        .seen = SeenItems::kContextMasked},
                                       shop.pool);
  std::map<RegionId, std::int64_t> routed;
  for (const RegionId region : ranked.regions) ++routed[region];
  EXPECT_EQ(routed.size(), raie.report.regions.size());
  for (const RegionTraining& region : raie.report.regions) {
    EXPECT_NEAR(static_cast<double>(region.new_windows),
                3.0 * static_cast<double>(routed[region.region]),
                0.05 * static_cast<double>(shop.new_windows.size()));
  }
}

TEST(AsReleasedThreadsTest, TheSameBytesForAnyNumber) {
  ReleasedShop& shop = TheShop();
  const auto two = shop.Learn("raie", ReleasedShop::Options());
  TaskPool one(1);
  RunContext context{.data = shop.data, .pool = one, .seed = 7, .refit = &shop.refit};
  const auto method = MakeMethod("raie", context, ReleasedShop::Options());
  method->Prepare(shop.snapshot, shop.memory);
  method->Adapt(shop.slice());
  std::vector<std::int64_t> chosen(32);
  std::iota(chosen.begin(), chosen.end(), 0);
  const ReadWindows read = ReadContexts(shop.data, shop.new_windows, chosen, shop.windows.context,
                                        shop.data.num_items());
  EXPECT_EQ(testing::ScoresOf(*method->MakeScorer(), read, shop.data.num_items()), two.at.at(1));
}

TEST(AsReleasedTest, RowsMoveAtTheirOwnRate) {
  ReleasedShop& shop = TheShop();
  AdaptOptions options = ReleasedShop::Options();
  options.weight_decay = 0;
  // Adam's first step is as long as the rate, whatever the gradient.
  const auto moved = [&](double rate) {
    TrainPlan plan;
    TrainGroup group{.regions = {kNoRegion}, .start = nullptr, .samples = {}};
    for (std::int64_t i = 0; i < 8; ++i) group.samples.push_back({false, i});
    plan.groups.push_back(std::move(group));
    plan.new_windows = &shop.new_windows;
    plan.catalogue_size = shop.data.num_items();
    plan.maximum_samples = 8;
    plan.row_rate = rate;
    GroupTrainer trainer(shop.context(), options, shop.snapshot, std::move(plan));
    trainer.TrainTo(8);
    const Snapshot now = trainer.Current();
    double largest = 0;
    for (std::size_t i = 0; i < now.items->base_ND().size(); ++i) {
      largest = std::max<double>(
          largest, std::abs(now.items->base_ND()[i] - shop.snapshot.items->base_ND()[i]));
    }
    return largest;
  };
  EXPECT_NEAR(moved(1), options.learning_rate, 1e-5);
  EXPECT_NEAR(moved(0.4), 0.4 * options.learning_rate, 1e-5);
}

TEST(AsReleasedTest, TheModelOfSLearnsEachUsersLastSequenceOnceAnEpoch) {
  ReleasedShop& shop = TheShop();
  std::int64_t targets = 0;
  for (std::int32_t user = 0; user < shop.data.num_users(); ++user) {
    const std::int64_t events = shop.data.SliceEvents(UserId{user}, 0).size();
    targets += std::max<std::int64_t>(0, std::min(events - 1, shop.windows.context));
  }
  EXPECT_EQ(shop.fit.samples, 8 * targets);
  EXPECT_EQ(shop.fit.best_epoch, 8);  // the last is kept
  EXPECT_LT(targets, MakeSequences(shop.data, 0, shop.windows, {}).num_targets());
}

TEST(AsReleasedTest, MeanStatesAreTheMeanOverThePositions) {
  ReleasedShop& shop = TheShop();
  const std::vector<std::int64_t> chosen = {0, 3, 5};
  WindowBatch contexts =
      ReadContexts(shop.data, shop.new_windows, chosen, shop.windows.context, shop.data.num_items())
          .contexts;
  const Backbone& backbone = *shop.snapshot.backbone;
  const ItemRows rows = shop.snapshot.items->Rows(kNoRegion);
  std::vector<OutputPosition> outputs;
  for (std::int32_t row = 0; row < 3; ++row) {
    for (std::int32_t p = 0; p < 6; ++p) outputs.push_back({row, p});
  }
  std::vector<float> hidden(outputs.size() * 16);
  const auto weights = backbone.Bind(nullptr, Purpose::kScore);
  backbone.Forward(*weights, {.batch = contexts, .outputs = outputs, .items = rows}, hidden);
  const BoundModel encoder = MakeEncoder(backbone, *shop.snapshot.items, shop.pool);
  const auto z = EncodeContexts(encoder, contexts, shop.pool, Pooling::kMean);
  for (std::size_t row = 0; row < 3; ++row) {
    std::vector<double> mean(16);
    double squares = 0;
    for (std::size_t d = 0; d < 16; ++d) {
      for (std::size_t p = 0; p < 6; ++p) mean[d] += hidden[(row * 6 + p) * 16 + d] / 6;
      squares += mean[d] * mean[d];
    }
    for (std::size_t d = 0; d < 16; ++d) {
      EXPECT_NEAR(z[row * 16 + d], mean[d] / std::sqrt(squares), 1e-5);
    }
  }
}

TEST(AsReleasedTest, RefusesWhatIsNotReproduced) {
  ReleasedShop& shop = TheShop();
  const auto refused = [&](const char* name, const AdaptOptions& options) {
    return testing::ErrorOf(ErrorCode::kInvalidArgument,
                            [&] { MakeMethod(name, shop.context(), options); });
  };
  for (const char* name : {"lora_big", "lora_replay", "raie_wo_ke", "recent_popularity"}) {
    const std::string message = refused(name, ReleasedShop::Options());
    EXPECT_NE(message.find(name), std::string::npos);
    EXPECT_NE(message.find("as-released"), std::string::npos);
  }
  AdaptOptions equal = ReleasedShop::Options();
  equal.budget = BudgetKind::kEqual;
  EXPECT_NE(refused("lora", equal).find("edit.budget"), std::string::npos);
  AdaptOptions prior = ReleasedShop::Options();
  prior.popularity_prior.use = PriorUse::kOn;
  EXPECT_NE(refused("frozen", prior).find("popularity_prior"), std::string::npos);
}

}  // namespace
}  // namespace raie
