#include <gtest/gtest.h>

#include <algorithm>

#include "methods/budget.h"
#include "methods/shop_fixture.h"

namespace raie {
namespace {

using testing::Adapted;
using testing::RunMethod;
using testing::Shop;

// All regions are trained, at a rate that does those good in which tastes have drifted and no
// other.
AdaptOptions HastyOptions(KeepGateKind keep) {
  AdaptOptions options = Shop::Options();
  options.gate = GateKind::kOff;
  options.keep_gate = keep;
  options.item_rows = ItemRowsKind::kShared;
  options.learning_rate = 2e-2;
  options.rho = 0;
  options.validation_share = 0.4;
  return options;
}

TEST(KeepGateTest, WhatDoesNoGoodIsTrainedAndNotKept) {
  const Adapted run = RunMethod("raie", HastyOptions(KeepGateKind::kValidation));
  const Adapted all = RunMethod("raie", HastyOptions(KeepGateKind::kOff));
  int dropped = 0;
  int kept = 0;
  for (const RegionTraining& region : run.report.regions) {
    EXPECT_TRUE(region.trained);
    EXPECT_EQ(run.snapshot.AdapterOf(region.region) != nullptr, region.kept);
    (region.kept ? kept : dropped) += 1;
  }
  EXPECT_GT(dropped, 0);
  EXPECT_GT(kept, 0);
  // Training is the same; the rows of the dropped regions' targets have moved as well.
  EXPECT_EQ(run.report.training.samples, all.report.training.samples);
  EXPECT_TRUE(std::ranges::equal(run.snapshot.items->base_ND(), all.snapshot.items->base_ND()));
  for (const RegionTraining& region : all.report.regions) {
    EXPECT_TRUE(region.kept);
    if (run.snapshot.AdapterOf(region.region) == nullptr) continue;
    EXPECT_TRUE(std::ranges::equal(run.snapshot.AdapterOf(region.region)->values(),
                                   all.snapshot.AdapterOf(region.region)->values()));
  }
}

// What a configuration is judged by is the state that would be kept.
TEST(KeepGateTest, TheTuningPassIsJudgedAsItIsKept) {
  Shop& shop = testing::TinyShop();
  RunContext context = shop.context();
  double shown = -1;
  context.on_tuned = [&](const TunedState& state) {
    shown = ValidationNdcg(shop.context(), state.slice, state.split, state.scorer);
  };
  const auto judge = [&](KeepGateKind keep) {
    const auto method = MakeMethod("raie", context, HastyOptions(keep));
    method->Prepare(shop.snapshot, shop.setup.training);
    AdaptSlice slice = shop.slice();
    slice.passes = AdaptPasses::kTuningOnly;
    return method->Adapt(slice);
  };
  const AdaptReport gated = judge(KeepGateKind::kValidation);
  ASSERT_TRUE(gated.kept_validation_ndcg10.has_value());
  EXPECT_EQ(shown, *gated.kept_validation_ndcg10);
  const AdaptReport all = judge(KeepGateKind::kOff);
  EXPECT_FALSE(all.kept_validation_ndcg10.has_value());
  const auto best = std::ranges::max_element(all.curve, {}, &CheckpointScore::validation_ndcg10);
  EXPECT_EQ(shown, best->validation_ndcg10);
  EXPECT_NE(shown, *gated.kept_validation_ndcg10);
}

}  // namespace
}  // namespace raie
