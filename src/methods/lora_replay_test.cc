#include <gtest/gtest.h>

#include <algorithm>

#include "methods/shop_fixture.h"
#include "methods/snapshot_scorer.h"

namespace raie {
namespace {

using testing::PlainOptions;
using testing::RunMethod;
using testing::Shop;
using testing::TinyShop;

std::vector<float> AdapterOf(const Snapshot& snapshot) {
  const auto values = snapshot.AdapterOf(kNoRegion)->values();
  return {values.begin(), values.end()};
}

double MeanNll(const Snapshot& snapshot, const WindowSet& windows) {
  Shop& shop = TinyShop();
  const SnapshotScorer scorer(std::make_shared<const Snapshot>(snapshot));
  double sum = 0;
  const auto losses =
      TargetLosses(scorer, shop.data, windows, shop.data.catalogue_size(1), shop.pool);
  for (const double loss : losses) sum += loss;
  return sum / static_cast<double>(losses.size());
}

TEST(LoraReplayTest, HalfOfTheSamplesAreOfTheMemory) {
  const auto run = RunMethod("lora_replay", PlainOptions());
  EXPECT_EQ(run.report.training.samples, 2 * TinyShop().new_windows.size());
  const auto lora = RunMethod("lora", PlainOptions());
  EXPECT_GT(run.report.bytes_kept, lora.report.bytes_kept);
}

TEST(LoraReplayTest, TheWeightMovesTheBalanceOfOldAndNew) {
  AdaptOptions options = PlainOptions();
  options.epochs = 4;
  double memory[2];
  double slice[2];
  for (int heavy = 0; heavy < 2; ++heavy) {
    options.replay.weight = heavy == 0 ? 0.05 : 0.9;
    const auto run = RunMethod("lora_replay", options);
    memory[heavy] = MeanNll(run.snapshot, TinyShop().setup.training);
    slice[heavy] = MeanNll(run.snapshot, TinyShop().new_windows);
  }
  EXPECT_LT(memory[1], memory[0]);
  EXPECT_GT(slice[1], slice[0]);
}

TEST(LoraReplayTest, WithoutWeightTheMemoryTeachesNothing) {
  // The same batches of the slice: rows of the memory change nothing if their weight is 0.
  AdaptOptions options = PlainOptions();
  options.replay.weight = 0;
  options.batch_size = 128;
  const auto replay = RunMethod("lora_replay", options);
  options.batch_size = 64;
  const auto lora = RunMethod("lora", options);
  const auto a = AdapterOf(replay.snapshot);
  const auto b = AdapterOf(lora.snapshot);
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-4);
  options.replay.weight = 0.3;
  options.batch_size = 128;
  const auto c = AdapterOf(RunMethod("lora_replay", options).snapshot);
  double distance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    distance = std::max<double>(distance, std::abs(a[i] - c[i]));
  }
  EXPECT_GT(distance, 1e-2);
}

TEST(LoraReplayTest, TheEqualBudgetCountsTheMemory) {
  AdaptOptions options = Shop::Options();
  options.budget = BudgetKind::kEqual;
  const auto run = RunMethod("lora_replay", options);
  const double n_f = static_cast<double>(TinyShop().new_windows.size());
  EXPECT_EQ(run.report.maximum_samples, std::llround(n_f / (1 - kBudgetRho)));
  EXPECT_LE(run.report.training.samples, run.report.maximum_samples);
  EXPECT_EQ(run.report.curve.back().share, 1);
}

}  // namespace
}  // namespace raie
