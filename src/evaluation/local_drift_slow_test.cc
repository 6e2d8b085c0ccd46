// METHOD section 8 at its own scale: a simulated shop of 8 interests, frozen item rows, equal
// budget. Prints the table; the assertions are what the method promises.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "backbones/registry.h"
#include "data/log_fixture.h"
#include "data/prepare.h"
#include "data/simulator.h"
#include "evaluation/comparison.h"
#include "evaluation/truth_agreement.h"
#include "methods/setup.h"
#include "training/fit.h"

namespace raie {
namespace {

struct ShopResult {
  std::vector<ComparisonRow> rows;
  SlicePlan plan;
  TruthAgreement agreement;
};

ShopResult RunShop(std::int64_t drifting, std::span<const std::uint64_t> seeds) {
  TaskPool pool(AvailableThreads());
  testing::TemporaryFolder folder;
  SimulatorOptions simulator;
  simulator.drifting = drifting;
  if (drifting == 0) simulator.drift = DriftKind::kNone;
  const Simulation simulation = SimulateLog(simulator, pool);
  PrepareOptions prepare;
  prepare.context = 10;
  PrepareData(simulation.log, prepare, folder / "prepared", pool);
  const PreparedData data = PreparedData::Load(folder / "prepared");
  const WindowOptions windows = WindowOptionsOf(data);
  const SetupWindows setup = MakeSetupWindows(data, 0, windows);
  const WindowSet new_windows = MakeWindows(data, 1, windows);

  BackboneOptions options;
  options.sasrec.dim = 64;
  options.sasrec.context = 10;
  std::shared_ptr<Backbone> backbone = MakeBackbone(options, 1);
  ItemTable items(64, MakeItemRows(options, *backbone, data.catalogue_size(0), 1));
  FitRequest request{.data = data, .windows = windows, .tiles = {}, .checkpoint = {}};
  request.catalogue_size = data.catalogue_size(0);
  request.seed = 1;
  FitOptions fit;
  fit.adam.learning_rate = 1e-3;
  const FitReport fitted = FitBackbone(fit, request, *backbone, items, pool);
  std::printf("fit: best epoch %ld of %zu, validation N@10 %.3f\n", fitted.best_epoch,
              fitted.epochs.size(), fitted.epochs[fitted.best_epoch - 1].validation_ndcg10);
  const Snapshot bare =
      MakeFittedSnapshot({.backbone = backbone,
                          .items = std::make_shared<const ItemTable>(std::move(items)),
                          .catalogue_size = data.catalogue_size(0)});
  DiscoveryOptions discovery;
  discovery.k = 8;
  AdaptOptions adapt = AdaptOptions::Preset(EditorPreset::kRaie, Protocol::kStrict);
  adapt.item_rows = ItemRowsKind::kFrozen;
  const Snapshot snapshot = WithRegions(bare, data, setup, discovery, adapt.editor, pool);
  const AdaptSlice slice{.slice = 1,
                         .windows = &new_windows,
                         .memory = &setup.training,
                         .reference = &setup.held_out,
                         .catalogue_size = data.catalogue_size(1),
                         .context = windows.context,
                         .seen = SeenItems::kRanked};

  ShopResult result;
  result.plan = MeasureSliceDrift({.data = data, .pool = pool, .seed = 1}, adapt, snapshot, slice);
  result.agreement = CompareWithTruth(result.plan, new_windows, AlignTruth(simulation.truth, data));
  for (std::size_t k = 0; k < result.plan.drift->regions.size(); ++k) {
    const RegionDriftReport& region = result.plan.drift->regions[k];
    const RegionTruth& truth = result.agreement.regions[k];
    std::printf(
        "region %d: drift %6.2f [%5.2f, %5.2f] p %.1e %s  share %.2f  interest %ld (%.2f) "
        "drifted %.2f held out %ld\n",
        Index(region.drift.region), region.drift.drift, region.drift.low, region.drift.high,
        region.drift.p_adjusted, region.drift.drifts ? "DRIFTS" : "", region.share,
        truth.main_interest, truth.main_share, truth.drifted_share, region.drift.held_out_windows);
  }
  std::printf("adjusted Rand index %.3f, drift correlation %.3f\n", result.agreement.adjusted_rand,
              result.agreement.drift_correlation.value_or(-9));
  EvaluationRequest evaluation{.windows = windows, .setup_part = SetupPart::kHeldOutOnly};
  std::vector<ComparedMethod> methods = StandardComparison(adapt);
  for (const double rho : {0.0, 0.7}) {
    methods.push_back({"RAIE, gate, rho " + std::to_string(rho).substr(0, 3), "raie", adapt});
    methods.back().options.rho = rho;
  }
  result.rows = CompareMethods(methods, data,
                               {.setup = snapshot,
                                .setup_windows = setup,
                                .slice = slice,
                                .evaluation = evaluation,
                                .seeds = seeds},
                               pool);
  for (const auto& row : ToJson(result.rows)) {
    std::printf(
        "%-22s S %.3f %.3f  T %.3f %.3f  %6.1f s  %8.0f samples (share %.2f) %5.0f steps "
        "%7.0f parameters\n",
        row["method"].get<std::string>().c_str(), row["S_held_out"]["recall@10"].get<double>(),
        row["S_held_out"]["ndcg@10"].get<double>(), row["T"]["recall@10"].get<double>(),
        row["T"]["ndcg@10"].get<double>(), row["seconds"].get<double>(),
        row["samples"].get<double>(), row["chosen_share"].get<double>(), row["steps"].get<double>(),
        row["trained_parameters"].get<double>());
  }
  std::fflush(stdout);
  return result;
}

double MeanOf(const ShopResult& result, const std::string& label,
              RankSummary EvaluationReport::*part) {
  for (const auto& row : ToJson(result.rows)) {
    if (row["method"] != label) continue;
    return row[part == &EvaluationReport::test ? "T" : "S_held_out"]["ndcg@10"];
  }
  ADD_FAILURE() << label;
  return 0;
}

TEST(LocalDriftSlowTest, TheGateFindsTwoOfEightAndRaieBeatsOneLora) {
  const std::vector<std::uint64_t> seeds = {0, 1, 2};
  const ShopResult result = RunShop(2, seeds);
  for (std::size_t k = 0; k < result.agreement.regions.size(); ++k) {
    EXPECT_EQ(result.plan.drift->regions[k].drift.drifts,
              result.agreement.regions[k].drifted_share > 0.5)
        << k;
  }
  EXPECT_GT(result.agreement.adjusted_rand, 0.6);
  for (const auto part : {&EvaluationReport::held_out, &EvaluationReport::test}) {
    EXPECT_GT(MeanOf(result, "RAIE", part), MeanOf(result, "one LoRA", part));
  }
}

TEST(LocalDriftSlowTest, WithoutDriftTheGateStaysShut) {
  const std::vector<std::uint64_t> seeds = {0};
  const ShopResult result = RunShop(0, seeds);
  for (const auto& region : result.plan.drift->regions) EXPECT_FALSE(region.drift.drifts);
}

TEST(LocalDriftSlowTest, GlobalDriftOpensEveryGate) {
  const std::vector<std::uint64_t> seeds = {0};
  const ShopResult result = RunShop(8, seeds);
  for (const auto& region : result.plan.drift->regions) EXPECT_TRUE(region.drift.drifts);
}

}  // namespace
}  // namespace raie
