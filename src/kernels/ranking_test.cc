#include "kernels/ranking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "kernels/reference_random.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

// Scores with many ties.
std::vector<float> TiedScores(std::int64_t n, std::uint64_t stream, double levels) {
  std::vector<float> scores = RandomValues(n, stream);
  for (float& score : scores) score = static_cast<float>(std::round(score * levels) / levels);
  return scores;
}

// Indices by falling score, ties by smaller index.
std::vector<std::int32_t> Argsort(std::span<const float> scores) {
  std::vector<std::int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return scores[a] > scores[b]; });
  return order;
}

TEST(RankingTest, RanksEqualArgsortPessimisticInTies) {
  constexpr std::int64_t kRows = 20;
  constexpr std::int64_t kItems = 203;
  RandomStream random(1, 1);
  const std::vector<float> scores = TiedScores(kRows * kItems, 2, 4);
  std::vector<std::int32_t> targets, masked, offsets = {0};
  std::vector<float> target_scores;
  std::vector<std::set<std::int32_t>> mask_sets(kRows);
  for (std::int64_t r = 0; r < kRows; ++r) {
    targets.push_back(static_cast<std::int32_t>(random.Below(kItems)));
    target_scores.push_back(scores[r * kItems + targets[r]]);
    for (int m = 0; m < 15; ++m) mask_sets[r].insert(random.Below(kItems));
    if (r % 2 == 0) mask_sets[r].insert(targets[r]);  // the target competes even if masked
    masked.insert(masked.end(), mask_sets[r].begin(), mask_sets[r].end());
    offsets.push_back(static_cast<std::int32_t>(masked.size()));
  }
  for (const bool with_mask : {false, true}) {
    std::vector<std::int64_t> counts(kRows);
    for (std::int64_t j = 0; j < kItems; j += 50) {
      CountRanksArgs args{.first_item = j, .targets_R = targets, .target_scores_R = target_scores};
      if (with_mask) args.masked_offsets_R1 = offsets, args.masked = masked;
      AddToRanks(args, View(scores, kRows, kItems).Columns(j, std::min(kItems, j + 50)), counts);
    }
    for (std::int64_t r = 0; r < kRows; ++r) {
      std::int64_t better = 0;
      for (const std::int32_t j : Argsort({scores.data() + r * kItems, kItems})) {
        if (scores[r * kItems + j] < target_scores[r]) break;
        better += j != targets[r] && !(with_mask && mask_sets[r].contains(j));
      }
      EXPECT_EQ(counts[r], better) << "row " << r << " mask " << with_mask;
    }
  }
}

TEST(RankingTest, NotFiniteIsAnError) {
  for (const std::int64_t n : {1, 7, 8, 40}) {
    for (const float bad : {std::nanf(""), INFINITY, -INFINITY}) {
      std::vector<float> scores = RandomValues(n, 1);
      EXPECT_TRUE(AllFinite(scores));
      scores[n / 2] = bad;
      EXPECT_FALSE(AllFinite(scores));
      const std::vector<std::int32_t> target = {0};
      const std::vector<float> target_score = {0};
      std::vector<std::int64_t> counts(1);
      EXPECT_THROW(AddToRanks({.targets_R = target, .target_scores_R = target_score},
                              View(scores, 1, n), counts),
                   Error);
    }
  }
}

TEST(RankingTest, TopKEqualsArgsort) {
  constexpr std::int64_t kItems = 5000;
  for (const std::int64_t k : {1, 10, 1000, 6000}) {
    for (const double levels : {3.0, 1e6}) {
      const std::vector<float> scores = TiedScores(kItems, 7, levels);
      const std::vector<std::int32_t> masked = {0, 17, 900, 4999};
      TopK top(k);
      for (const std::int64_t begin : {3000, 0, 4100}) {  // tiles in any order
        const std::int64_t end = begin == 3000 ? 4100 : begin == 0 ? 3000 : kItems;
        top.Add({scores.data() + begin, static_cast<std::size_t>(end - begin)}, begin, masked);
      }
      std::vector<std::int32_t> expected = Argsort(scores);
      std::erase_if(expected, [&](auto j) { return std::ranges::binary_search(masked, j); });
      if (static_cast<std::int64_t>(expected.size()) > k) expected.resize(k);
      const std::vector<ScoredItem> best = top.Best();
      ASSERT_EQ(best.size(), expected.size());
      for (std::size_t i = 0; i < best.size(); ++i) {
        EXPECT_EQ(best[i].item, expected[i]);
        EXPECT_EQ(best[i].score, scores[expected[i]]);
      }
      top.Clear();
      EXPECT_TRUE(top.Best().empty());
    }
  }
  EXPECT_THROW(TopK(0), Error);
}

TEST(RankingTest, CountAtLeast) {
  const std::vector<float> scores = {1, 2, 3, 2, 5, 1, 2, 2, 9, 0, 2};
  EXPECT_EQ(CountAtLeast(scores, 2), 8);
  EXPECT_EQ(CountAtLeast({}, 2), 0);
}

}  // namespace
}  // namespace raie::kernels
