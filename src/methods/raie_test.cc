#include <gtest/gtest.h>

#include <algorithm>
#include <numbers>
#include <numeric>
#include <set>

#include "methods/group_trainer.h"
#include "methods/method.h"
#include "methods/shop_fixture.h"
#include "methods/slice_plan.h"
#include "methods/snapshot_scorer.h"
#include "methods/window_states.h"
#include "raie/error.h"
#include "regions/geometry.h"
#include "regions/sphere.h"

namespace raie {
namespace {

using testing::Adapted;
using testing::RunMethod;
using testing::Shop;
using testing::TinyShop;

AdaptOptions Plain() { return testing::PlainOptions(); }

// A gate that opens for about half of the regions, whatever their significance.
AdaptOptions HalfGate() {
  Shop& shop = TinyShop();
  AdaptOptions options = Shop::Options();
  options.budget = BudgetKind::kOwn;
  options.gate = GateKind::kDrift;
  options.drift.level = 1;
  const SlicePlan plan = MeasureSliceDrift(shop.context(), options, shop.snapshot, shop.slice());
  std::vector<double> drifts;
  for (const auto& region : plan.drift->regions) drifts.push_back(region.drift.drift);
  std::sort(drifts.begin(), drifts.end());
  options.drift.d_min = std::max(0.0, (drifts[1] + drifts[2]) / 2);
  return options;
}

TEST(RaieTest, EveryRegionGetsAnAdapterWithoutTheGate) {
  const Adapted run = RunMethod("raie", Plain());
  std::set<const Adapter*> distinct;
  for (const auto& region : run.report.regions) {
    EXPECT_EQ(region.trained, region.new_windows > 0);
    if (!region.trained) continue;
    distinct.insert(run.snapshot.AdapterOf(region.region));
    EXPECT_EQ(run.snapshot.AdapterOf(region.region)->options().rank, 2);
    EXPECT_FALSE(run.snapshot.AdapterOf(region.region)->IsZero());
    EXPECT_GT(region.memory_windows, 0);
    EXPECT_GT(region.rows_per_step, 0);
  }
  EXPECT_GE(distinct.size(), 3u);
  EXPECT_EQ(run.report.forward_passes, 2);
}

TEST(RaieTest, OwnBudgetIsEpochsOverItsSets) {
  const Adapted run = RunMethod("raie", Plain());
  std::int64_t all = 0;
  for (const auto& region : run.report.regions) all += region.new_windows + region.memory_windows;
  EXPECT_EQ(run.report.training.samples, all);
}

TEST(RaieTest, RhoDecidesHowMuchMemoryIsReplayed) {
  AdaptOptions options = Plain();
  options.rho = 0;
  const Adapted none = RunMethod("raie", options);
  options.rho = 0.5;
  const Adapted half = RunMethod("raie", options);
  for (std::size_t k = 0; k < none.report.regions.size(); ++k) {
    EXPECT_EQ(none.report.regions[k].memory_windows, 0);
    EXPECT_LE(half.report.regions[k].memory_windows, half.report.regions[k].new_windows);
  }
  EXPECT_GT(half.report.training.samples, none.report.training.samples);
}

TEST(RaieTest, EveryEditIsJournalled) {
  const Adapted run = RunMethod("raie", Plain());
  const EditSummary& edits = run.report.edits;
  const auto contexts = FindDistinctContexts(TinyShop().new_windows).window_of_row.size();
  EXPECT_EQ(edits.updated + edits.expanded + edits.added, static_cast<std::int64_t>(contexts));
  EXPECT_GE(run.report.journal.size(), contexts);
}

// The scores of windows, as the snapshot answers.
std::vector<float> Scores(const Snapshot& snapshot, const ReadWindows& read) {
  std::vector<float> scores(read.contexts.num_rows() * snapshot.catalogue_size);
  SnapshotScorer(std::make_shared<const Snapshot>(snapshot))
      .Score(read.contexts, snapshot.catalogue_size, scores);
  return scores;
}

class RaieLocalityTest : public ::testing::TestWithParam<ItemRowsKind> {};

TEST_P(RaieLocalityTest, RegionsThatDoNotDriftAnswerBitIdentically) {
  Shop& shop = TinyShop();
  AdaptOptions options = HalfGate();
  options.item_rows = GetParam();
  const Adapted run = RunMethod("raie", options);
  std::set<RegionId> drifting;
  for (const auto& region : run.report.drift.regions) {
    if (region.drift.drifts) drifting.insert(region.drift.region);
  }
  ASSERT_FALSE(drifting.empty());
  ASSERT_LT(drifting.size(), run.report.drift.regions.size());

  Snapshot before = WithCatalogue(shop.snapshot, shop.data.catalogue_size(1), 7);
  before.editor = run.snapshot.editor;  // the edits move centres; answers are what must not move
  std::vector<std::int64_t> chosen(std::min<std::int64_t>(300, shop.new_windows.size()));
  std::iota(chosen.begin(), chosen.end(), 0);
  const ReadWindows read =
      ReadContexts(shop.data, shop.new_windows, chosen, 5, shop.data.catalogue_size(1));
  const auto old_scores = Scores(before, read);
  const auto new_scores = Scores(run.snapshot, read);
  const auto routes = SnapshotScorer(std::make_shared<const Snapshot>(run.snapshot))
                          .Routes(read.contexts, shop.pool);
  const std::int64_t items = run.snapshot.catalogue_size;
  std::int64_t moved = 0;
  for (std::int64_t row = 0; row < read.contexts.num_rows(); ++row) {
    const bool same =
        std::equal(old_scores.begin() + row * items, old_scores.begin() + (row + 1) * items,
                   new_scores.begin() + row * items);
    if (!drifting.contains(routes[row].region)) {
      EXPECT_TRUE(same) << row;
    }
    moved += !same;
  }
  EXPECT_GT(moved, 0);
}

INSTANTIATE_TEST_SUITE_P(Rows, RaieLocalityTest,
                         ::testing::Values(ItemRowsKind::kFrozen, ItemRowsKind::kRegional));

TEST(RaieTest, WithoutDriftNothingIsTrained) {
  AdaptOptions options = Shop::Options();
  options.gate = GateKind::kDrift;
  options.drift.d_min = 50;
  const Adapted run = RunMethod("raie", options);
  EXPECT_EQ(run.report.training.samples, 0);
  EXPECT_TRUE(run.snapshot.adapters.empty());
  EXPECT_EQ(run.snapshot.catalogue_size, TinyShop().data.catalogue_size(1));
}

TEST(RaieTest, SharedIsOneAdapterOfRankTimesTheDriftingRegions) {
  AdaptOptions options = Plain();
  options.sharing = Sharing::kShared;
  const Adapted run = RunMethod("raie", options);
  std::int64_t trained = 0;
  std::set<const Adapter*> distinct;
  for (const auto& region : run.report.regions) {
    trained += region.trained;
    if (region.trained) distinct.insert(run.snapshot.AdapterOf(region.region));
  }
  ASSERT_EQ(distinct.size(), 1u);
  EXPECT_EQ((*distinct.begin())->options().rank, 2 * trained);
  EXPECT_DOUBLE_EQ((*distinct.begin())->options().alpha, 4.0 * static_cast<double>(trained));
}

TEST(RaieTest, WarmStartsFromOneAdapterThenPartsWays) {
  AdaptOptions options = Plain();
  options.sharing = Sharing::kWarm;
  const Adapted warm = RunMethod("raie", options);
  const Adapted cold = RunMethod("raie", Plain());
  EXPECT_EQ(warm.report.training.samples, cold.report.training.samples);
  std::set<const Adapter*> distinct;
  for (const auto& region : warm.report.regions) {
    if (!region.trained) continue;
    distinct.insert(warm.snapshot.AdapterOf(region.region));
    const auto warm_values = warm.snapshot.AdapterOf(region.region)->values();
    const auto cold_values = cold.snapshot.AdapterOf(region.region)->values();
    EXPECT_FALSE(std::equal(warm_values.begin(), warm_values.end(), cold_values.begin()));
  }
  EXPECT_GE(distinct.size(), 3u);
}

TEST(RaieTest, EqualBudgetKeepsTheBestCheckpoint) {
  AdaptOptions options = Shop::Options(EditorPreset::kPaper);
  const Adapted run = RunMethod("raie", options);
  const double n_f = static_cast<double>(TinyShop().new_windows.size());
  ASSERT_EQ(run.report.curve.size(), 3u);
  EXPECT_EQ(run.report.curve[0].samples, 0);
  EXPECT_EQ(run.report.maximum_samples, std::llround(n_f / (1 - kBudgetRho)));
  const auto best = std::max_element(
      run.report.curve.begin(), run.report.curve.end(),
      [](const auto& a, const auto& b) { return a.validation_ndcg10 < b.validation_ndcg10; });
  EXPECT_EQ(run.report.chosen_share, best->share);
  const auto wanted = std::llround(best->share * static_cast<double>(run.report.maximum_samples));
  EXPECT_GE(run.report.training.samples, wanted);
  EXPECT_LT(run.report.training.samples, wanted + options.batch_size);
}

TEST(RaieTest, TrainedMeansThatRowsWereSeen) {
  AdaptOptions options = Shop::Options(EditorPreset::kPaper);
  options.budget = BudgetKind::kEqual;
  options.learning_rate = 1;  // validation chooses no training at all
  const Adapted run = RunMethod("raie", options);
  ASSERT_EQ(run.report.training.samples, 0);
  for (const auto& region : run.report.regions) EXPECT_FALSE(region.trained);
}

TEST(RaieTest, ASecondSliceGoesOnFromTheFirst) {
  Shop& shop = TinyShop();
  const auto method = MakeMethod("raie", shop.context(), Plain());
  method->Prepare(shop.snapshot, shop.setup.training);
  method->Adapt(shop.slice());
  const Snapshot first = *method->snapshot();
  method->Adapt(shop.slice());
  const Snapshot second = *method->snapshot();
  EXPECT_EQ(second.version, 2);
  for (const auto& [region, adapter] : first.adapters) {
    const Adapter* next = second.AdapterOf(region);
    ASSERT_NE(next, nullptr);
    EXPECT_EQ(next->options().rank, adapter->options().rank);
    EXPECT_FALSE(
        std::equal(next->values().begin(), next->values().end(), adapter->values().begin()));
  }
}

TEST(RaieTest, DriftReportDescribesEveryRegion) {
  Shop& shop = TinyShop();
  const SlicePlan plan =
      MeasureSliceDrift(shop.context(), Shop::Options(), shop.snapshot, shop.slice());
  ASSERT_TRUE(plan.drift.has_value());
  double share = 0;
  for (const auto& region : plan.drift->regions) {
    share += region.share;
    EXPECT_LE(region.top_items.size(), 10u);
    EXPECT_TRUE(std::is_sorted(region.top_items.begin(), region.top_items.end(),
                               [](const auto& a, const auto& b) { return a.second > b.second; }));
  }
  EXPECT_NEAR(share, 1, 1e-9);
}

TEST(RaieTest, ComparisonSaysHowRegionsMovedAndGrew) {
  Shop& shop = TinyShop();
  const Adapted run = RunMethod("raie", Plain());
  const RegionSet& before = shop.snapshot.editor.regions;
  const RegionSet& after = run.snapshot.editor.regions;
  ASSERT_EQ(std::ssize(run.report.comparison.regions), before.size());
  // The same from the states of S at the old centres and of F at the new ones.
  const auto radii = [&](const RegionSet& regions, const WindowSet& windows) {
    return MeasureRadii(
        regions,
        ComputeStates(shop.snapshot, shop.data, windows, shop.data.catalogue_size(0), shop.pool)
            .z_MD,
        shop.pool);
  };
  const MeasuredRadii old_radii = radii(before, shop.setup.training);
  double moved = 0;
  for (std::size_t k = 0; k < run.report.comparison.regions.size(); ++k) {
    const RegionChange& change = run.report.comparison.regions[k];
    const Region& edited = after.regions[SlotOf(after, change.region)];
    EXPECT_NEAR(change.displacement_deg,
                AngleRad(before.regions[k].centre, edited.centre) * 180 / std::numbers::pi, 1e-6);
    EXPECT_NEAR(*change.radius_before_rad, *old_radii[k], 1e-6);
    moved += change.displacement_deg;
  }
  EXPECT_GT(moved, 0);
  EXPECT_NEAR(*run.report.comparison.separability_before, *Separability(before, old_radii), 1e-6);
  const Adapted fixed = RunMethod("raie_wo_ke", Plain());
  for (const RegionChange& change : fixed.report.comparison.regions) {
    EXPECT_EQ(change.displacement_deg, 0);
    EXPECT_NE(change.radius_before_rad, change.radius_after_rad);
  }
}

TEST(RaieTest, AModelWithoutRegionsIsRefused) {
  Shop& shop = TinyShop();
  const auto method = MakeMethod("raie", shop.context(), Plain());
  Snapshot bare = shop.snapshot;
  bare.editor = {};
  method->Prepare(bare, shop.setup.training);
  EXPECT_THROW(method->Adapt(shop.slice()), Error);
}

TEST(LoraTest, OneAdapterAnswersForEverybody) {
  AdaptOptions options = Plain();
  const Adapted run = RunMethod("lora", options);
  ASSERT_EQ(run.snapshot.adapters.size(), 1u);
  EXPECT_EQ(run.snapshot.editor.regions.size(), 0);
  const Adapter* adapter = run.snapshot.AdapterOf(RegionId{3});
  ASSERT_NE(adapter, nullptr);
  EXPECT_FALSE(adapter->IsZero());
  EXPECT_EQ(adapter->options().rank, 2);
  EXPECT_EQ(run.report.training.samples, TinyShop().new_windows.size());
}

TEST(LoraTest, BigHasTheRankOfAllRegionsAfterTheEdits) {
  const AdaptOptions options = Plain();
  const Adapted big = RunMethod("lora_big", options);
  const Adapted raie = RunMethod("raie", options);
  const std::int64_t regions = raie.snapshot.editor.regions.size();
  EXPECT_EQ(big.snapshot.AdapterOf(kNoRegion)->options().rank, 2 * regions);
  EXPECT_DOUBLE_EQ(big.snapshot.AdapterOf(kNoRegion)->options().alpha,
                   4.0 * static_cast<double>(regions));
}

TEST(FrozenTest, AnswersAsTheBackboneDid) {
  const Adapted run = RunMethod("frozen", Plain());
  EXPECT_TRUE(run.snapshot.adapters.empty());
  EXPECT_EQ(run.report.training.samples, 0);
  EXPECT_EQ(run.snapshot.catalogue_size, TinyShop().data.catalogue_size(1));
}

TEST(MethodsTest, AnUnknownNameNamesTheNearest) {
  Shop& shop = TinyShop();
  try {
    MakeMethod("lorra", shop.context(), Plain());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("lora"), std::string::npos);
  }
}

TEST(AdaptOptionsTest, PresetsDifferWhereTheyShould) {
  const auto ours = AdaptOptions::Preset(EditorPreset::kRaie, Protocol::kStrict);
  const auto paper = AdaptOptions::Preset(EditorPreset::kPaper, Protocol::kPaper);
  EXPECT_EQ(ours.gate, GateKind::kDriftOrGain);
  EXPECT_EQ(ours.lora.dropout, 0);
  EXPECT_EQ(ours.item_rows, ItemRowsKind::kShared);
  EXPECT_EQ(paper.gate, GateKind::kOff);
  EXPECT_EQ(paper.rho, 0.7);
  // docs/decisions/005: rho goes with the editor, not with the protocol.
  EXPECT_EQ(ours.rho, 0.3);
  EXPECT_EQ(AdaptOptions::Preset(EditorPreset::kPaper, Protocol::kStrict).rho, 0.7);
  EXPECT_EQ(AdaptOptions::Preset(EditorPreset::kRaie, Protocol::kPaper).rho, 0.3);
  EXPECT_EQ(paper.lora.dropout, 0.05);
  EXPECT_EQ(paper.budget, BudgetKind::kOwn);
  EXPECT_EQ(paper.batches, BatchKind::kSeparate);
  EXPECT_EQ(paper.item_rows, ItemRowsKind::kFrozen);
}

TEST(AdaptOptionsTest, SettingsThatCannotWorkAreRefused) {
  AdaptOptions options;
  options.gate = GateKind::kDrift;
  options.drift.level = 0;
  EXPECT_THROW(options.Validate(), Error);
  options = AdaptOptions();
  options.sharing = Sharing::kShared;
  options.overlap_penalty = 0.1;
  EXPECT_THROW(options.Validate(), Error);
  options = AdaptOptions();
  options.sharing = Sharing::kWarm;
  options.warm_share = 0;
  EXPECT_THROW(options.Validate(), Error);
}

TEST(RaieThreadsTest, SameBytesForAnyNumberOfThreads) {
  Shop& shop = TinyShop();
  AdaptOptions options = Plain();
  options.item_rows = ItemRowsKind::kShared;
  options.lora.dropout = 0.1;
  std::vector<Snapshot> results;
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    const RunContext context{.data = shop.data, .pool = pool, .seed = 7};
    const auto method = MakeMethod("raie", context, options);
    method->Prepare(shop.snapshot, shop.setup.training);
    method->Adapt(shop.slice());
    results.push_back(*method->snapshot());
  }
  for (std::size_t i = 1; i < results.size(); ++i) {
    ASSERT_EQ(results[i].adapters.size(), results[0].adapters.size());
    for (const auto& [region, adapter] : results[0].adapters) {
      EXPECT_TRUE(std::ranges::equal(results[i].AdapterOf(region)->values(), adapter->values()));
    }
    EXPECT_TRUE(std::ranges::equal(results[i].items->base_ND(), results[0].items->base_ND()));
    for (std::size_t k = 0; k < results[0].editor.regions.regions.size(); ++k) {
      EXPECT_EQ(results[i].editor.regions.regions[k].centre,
                results[0].editor.regions.regions[k].centre);
    }
  }
}

}  // namespace
}  // namespace raie
