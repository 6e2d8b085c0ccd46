#include <gtest/gtest.h>

#include <algorithm>

#include "data/sequences.h"
#include "methods/rank_windows.h"
#include "methods/shop_fixture.h"
#include "raie/error.h"
#include "training/metrics.h"

namespace raie {
namespace {

using testing::Adapted;
using testing::PlainOptions;
using testing::RunMethod;
using testing::Shop;
using testing::TinyShop;

double Ndcg10(const Method& method, const WindowSet& windows) {
  Shop& shop = TinyShop();
  const RankedSet ranked = RankWindows(*method.MakeScorer(), shop.data, windows,
                                       {.context = shop.windows.context,
                                        .catalogue_size = shop.data.catalogue_size(1),
                                        .seen = SeenItems::kRanked,
                                        .popularity_slice = -1},
                                       shop.pool);
  return Summarise(ranked.ranks, ranked.users).window_mean.ndcg[1];
}

TEST(FullRetrainTest, FitsAFreshModelOnBothSlices) {
  Shop& shop = TinyShop();
  const auto before = shop.snapshot.backbone->parameters();
  const std::vector<float> kept(before.begin(), before.end());
  const Adapted run = RunMethod("full_retrain", PlainOptions());
  EXPECT_NE(run.snapshot.backbone, shop.snapshot.backbone);
  EXPECT_TRUE(std::ranges::equal(shop.snapshot.backbone->parameters(), kept));
  EXPECT_EQ(run.snapshot.items->num_items(), shop.data.catalogue_size(1));
  EXPECT_EQ(run.snapshot.old_catalogue_size, shop.data.catalogue_size(0));
  // It has seen F: better there than the model of S; and S: not lost.
  const Adapted frozen = RunMethod("frozen", PlainOptions());
  EXPECT_GT(Ndcg10(*run.method, shop.new_windows), 1.1 * Ndcg10(*frozen.method, shop.new_windows));
  EXPECT_GT(Ndcg10(*run.method, shop.setup.held_out),
            0.7 * Ndcg10(*frozen.method, shop.setup.held_out));
}

TEST(FullRetrainTest, EpochsAreChosenOnTheEarlyPart) {
  Shop& shop = TinyShop();
  const Adapted run = RunMethod("full_retrain", PlainOptions());
  ASSERT_FALSE(run.report.curve.empty());
  const auto best = std::ranges::max_element(
      run.report.curve, {}, [](const CheckpointScore& score) { return score.validation_ndcg10; });
  const std::int64_t epochs = best - run.report.curve.begin() + 1;
  // Targets of an epoch: every event with an eligible one before it, held-out events of S left out.
  SequenceSet set = MakeSequences(shop.data, 0, shop.windows, shop.setup.removed_events);
  const SequenceSet more = MakeSequences(shop.data, 1, shop.windows, {});
  EXPECT_EQ(run.report.training.samples, epochs * (set.num_targets() + more.num_targets()));
  const std::int64_t tuned = run.report.tuning.samples / std::ssize(run.report.curve);
  EXPECT_LT(tuned, set.num_targets() + more.num_targets());
  EXPECT_GT(tuned, set.num_targets());
}

TEST(FullRetrainTest, ItHasToKnowHowTheModelWasFitted) {
  Shop& shop = TinyShop();
  RunContext context = shop.context();
  context.refit = nullptr;
  const auto method = MakeMethod("full_retrain", context, PlainOptions());
  EXPECT_THROW(method->Prepare(shop.snapshot, shop.setup.training), Error);
}

}  // namespace
}  // namespace raie
