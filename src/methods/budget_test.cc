#include "methods/budget.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "methods/rank_windows.h"
#include "methods/shop_fixture.h"
#include "methods/snapshot_method.h"

namespace raie {
namespace {

using testing::Shop;
using testing::TinyShop;

struct Seen {
  Checkpoint::Pass pass;
  double share;
  std::int64_t samples;
  std::vector<std::int64_t> ranks;  // of the held-out windows
};

struct Outcome {
  AdaptReport report;
  std::vector<Seen> seen;
  std::vector<float> adapter;  // of the first region
};

enum class Watch { kNo, kYes };

Outcome Learn(const char* name, const AdaptOptions& options, AdaptPasses passes, Watch watch) {
  auto& shop = TinyShop();
  Outcome outcome;
  RunContext context = shop.context();
  if (watch == Watch::kYes) {
    context.on_checkpoint = [&](const Checkpoint& at) {
      const RankedSet ranked =
          RankWindows(*at.scorer, shop.data, shop.setup.held_out,
                      {.context = 5, .catalogue_size = shop.data.catalogue_size(0)}, shop.pool);
      outcome.seen.push_back({at.pass, at.share, at.samples, ranked.ranks});
    };
  }
  const auto method = MakeMethod(name, context, options);
  method->Prepare(shop.snapshot, shop.setup.training);
  AdaptSlice slice = shop.slice();
  slice.passes = passes;
  outcome.report = method->Adapt(slice);
  for (const auto& [region, adapter] : method->snapshot()->adapters) {
    outcome.adapter.assign(adapter->values().begin(), adapter->values().end());
    break;
  }
  return outcome;
}

TEST(BudgetTest, CheckpointsAreThoseOfTheCurveAndChangeNothing) {
  const AdaptOptions options = Shop::Options();
  for (const char* name : {"lora", "raie"}) {
    SCOPED_TRACE(name);
    const Outcome watched = Learn(name, options, AdaptPasses::kAll, Watch::kYes);
    const Outcome alone = Learn(name, options, AdaptPasses::kAll, Watch::kNo);
    EXPECT_EQ(watched.adapter, alone.adapter);
    EXPECT_EQ(watched.report.chosen_share, alone.report.chosen_share);
    ASSERT_EQ(watched.seen.size(), watched.report.curve.size());
    for (std::size_t i = 0; i < watched.seen.size(); ++i) {
      EXPECT_EQ(watched.seen[i].pass, Checkpoint::Pass::kTuning);
      EXPECT_EQ(watched.seen[i].share, watched.report.curve[i].share);
      EXPECT_EQ(watched.seen[i].samples, watched.report.curve[i].samples);
    }
    EXPECT_EQ(watched.seen[0].samples, 0);
    EXPECT_NE(watched.seen.front().ranks, watched.seen.back().ranks);
  }
}

TEST(BudgetTest, TuningOnlyEndsWithTheSameCurve) {
  const AdaptOptions options = Shop::Options();
  const Outcome all = Learn("lora", options, AdaptPasses::kAll, Watch::kNo);
  const Outcome tuning = Learn("lora", options, AdaptPasses::kTuningOnly, Watch::kNo);
  ASSERT_EQ(tuning.report.curve.size(), all.report.curve.size());
  for (std::size_t i = 0; i < all.report.curve.size(); ++i) {
    EXPECT_EQ(tuning.report.curve[i].validation_ndcg10, all.report.curve[i].validation_ndcg10);
  }
  EXPECT_EQ(tuning.report.training.samples, 0);
  EXPECT_GT(all.report.training.samples + (all.report.chosen_share == 0), 0);
}

TEST(BudgetTest, OwnEpochsAreSeenOneByOneAndChangeNothing) {
  AdaptOptions options = Shop::Options();
  options.budget = BudgetKind::kOwn;
  options.epochs = 3;
  const Outcome watched = Learn("lora", options, AdaptPasses::kAll, Watch::kYes);
  const Outcome alone = Learn("lora", options, AdaptPasses::kAll, Watch::kNo);
  EXPECT_EQ(watched.adapter, alone.adapter);
  ASSERT_EQ(watched.seen.size(), 4u);  // untrained and after each epoch
  EXPECT_EQ(watched.seen[0].samples, 0);
  EXPECT_EQ(watched.seen[3].pass, Checkpoint::Pass::kWhole);
  EXPECT_EQ(watched.seen[3].samples, watched.report.training.samples);
  EXPECT_TRUE(watched.report.curve.empty());

  const Outcome tuning = Learn("lora", options, AdaptPasses::kTuningOnly, Watch::kNo);
  ASSERT_EQ(tuning.report.curve.size(), 1u);
  EXPECT_GT(tuning.report.curve[0].validation_ndcg10, 0);
  EXPECT_LT(tuning.report.curve[0].samples, watched.report.training.samples);
}

// A slice whose last part has no window: its users go on, but never reach a whole context.
TEST(BudgetTest, ASliceWithoutValidationWindowsIsRefusedWithTheFix) {
  Shop& shop = TinyShop();
  const auto border = SplitInTime(shop.data, 1, shop.new_windows, 0.1).border;
  WindowSet early = shop.new_windows;
  std::erase_if(early.windows,
                [&](const Window& window) { return shop.data.times()[window.target] >= border; });
  AdaptSlice slice = shop.slice();
  slice.windows = &early;
  for (const char* name : {"lora", "raie", "full_retrain", "recent_popularity"}) {
    SCOPED_TRACE(name);
    const auto method = MakeMethod(name, shop.context(), Shop::Options());
    method->Prepare(shop.snapshot, shop.setup.training);
    try {
      method->Adapt(slice);
      FAIL() << "nothing was refused";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find("set "), std::string::npos) << error.what();
    }
  }
  AdaptOptions options = Shop::Options();
  options.budget = BudgetKind::kOwn;
  const auto lora = MakeMethod("lora", shop.context(), options);
  lora->Prepare(shop.snapshot, shop.setup.training);
  EXPECT_GT(lora->Adapt(slice).training.samples, 0);
}

// The best items begin with the target exactly where its rank is 1, and hold it where it is <= k.
TEST(RankWindowsTest, TopItemsAgreeWithRanks) {
  auto& shop = TinyShop();
  const SnapshotScorer scorer(std::make_shared<const Snapshot>(shop.snapshot));
  constexpr std::int64_t kTop = 5;
  for (const SeenItems seen : {SeenItems::kRanked, SeenItems::kContextMasked}) {
    const RankSetRequest request{
        .context = 5, .catalogue_size = shop.data.catalogue_size(0), .seen = seen};
    const WindowSet& set = shop.setup.held_out;
    const RankedSet ranked = RankWindows(scorer, shop.data, set, request, shop.pool);
    const auto top = TopOfWindows(scorer, shop.data, set, request, kTop, shop.pool);
    ASSERT_EQ(std::ssize(top), set.size() * kTop);
    ASSERT_EQ(std::ssize(ranked.margins), set.size());
    std::int64_t found = 0;
    for (std::int64_t i = 0; i < set.size(); ++i) {
      const ItemId target = shop.data.items()[set.windows[i].target];
      const auto begin = top.begin() + i * kTop;
      const auto at = std::find(begin, begin + kTop, target);
      if (at != begin + kTop) {
        // A masked context may hold the target, which then competes for its rank alone.
        EXPECT_LE(ranked.ranks[i], kTop);
        EXPECT_EQ(at - begin + 1, ranked.ranks[i]);
        ++found;
      } else if (seen == SeenItems::kRanked) {
        EXPECT_GT(ranked.ranks[i], kTop);
      }
      EXPECT_GE(ranked.margins[i], 0);
    }
    EXPECT_GT(found, 0);
  }
}

}  // namespace
}  // namespace raie
