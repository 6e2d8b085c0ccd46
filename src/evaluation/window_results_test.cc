#include "evaluation/window_results.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "methods/shop_fixture.h"
#include "methods/snapshot_scorer.h"
#include "raie/error.h"
#include "training/metrics.h"

namespace raie {
namespace {

WindowResults RandomResults(std::uint64_t seed, std::int64_t size, std::int64_t top) {
  RandomStream random(seed, 1);
  WindowResults results;
  results.num_top = top;
  for (std::int64_t i = 0; i < size; ++i) {
    results.users.push_back(UserId{static_cast<int>(random.Below(50))});
    results.targets.push_back(ItemId{static_cast<int>(random.Below(50))});
    results.ranks.push_back(static_cast<std::int32_t>(random.Below(30)));
    results.regions.push_back(RegionId{static_cast<int>(random.Below(4)) - 1});
    results.margins.push_back(static_cast<float>(random.Uniform()));
    for (std::int64_t k = 0; k < top; ++k) {
      results.top.push_back(ItemId{static_cast<int>(random.Below(50))});
    }
  }
  return results;
}

TEST(WindowResultsTest, WhatIsWrittenIsReadBack) {
  for (const std::int64_t top : {0, 3}) {
    for (const std::int64_t size : {0, 1, 70}) {
      const WindowResults results = RandomResults(5, size, top);
      const std::string bytes = EncodeWindowResults(results);
      EXPECT_EQ(DecodeWindowResults(bytes, "here"), results);
      if (size == 0) continue;
      EXPECT_THROW(DecodeWindowResults(bytes.substr(0, bytes.size() - 1), "here"), Error);
      EXPECT_THROW(DecodeWindowResults(bytes + "x", "here"), Error);
      std::string other = bytes;
      other[0] = 'x';
      EXPECT_THROW(DecodeWindowResults(other, "here"), Error);
      other = bytes;
      other[15] = static_cast<char>(0x7f);  // an absurd number of windows
      EXPECT_THROW(DecodeWindowResults(other, "here"), Error);
    }
  }
}

TEST(WindowResultsTest, AppendingIsConcatenation) {
  WindowResults all = RandomResults(1, 4, 2);
  const WindowResults more = RandomResults(2, 3, 2);
  AppendResults(more, all);
  EXPECT_EQ(all.size(), 7);
  EXPECT_EQ(all.ranks[5], more.ranks[1]);
  EXPECT_EQ(all.top[2 * 5 + 1], more.top[2 * 1 + 1]);
}

TEST(WindowResultsTest, MeansEqualThoseOfTheEvaluation) {
  auto& shop = testing::TinyShop();
  const SnapshotScorer scorer(std::make_shared<const Snapshot>(shop.snapshot));
  // A small catalogue: some targets are misses.
  const RankSetRequest request{.context = 5, .catalogue_size = 40};
  const WindowSet& windows = shop.setup.held_out;
  const RankedSet ranked = RankWindows(scorer, shop.data, windows, request, shop.pool);
  const WindowResults results = MakeWindowResults(
      shop.data, windows, ranked, TopOfWindows(scorer, shop.data, windows, request, 4, shop.pool));
  EXPECT_EQ(results.num_top, 4);
  const RankSummary summary = Summarise(ranked.ranks, ranked.users);
  EXPECT_GT(summary.missed, 0);
  double ndcg = 0;
  double recall = 0;
  for (const double value : Ndcg10(results)) ndcg += value;
  for (const double value : Recall10(results)) recall += value;
  EXPECT_NEAR(ndcg / static_cast<double>(results.size()), summary.window_mean.ndcg[1], 1e-12);
  EXPECT_NEAR(recall / static_cast<double>(results.size()), summary.window_mean.recall[1], 1e-12);
}

}  // namespace
}  // namespace raie
