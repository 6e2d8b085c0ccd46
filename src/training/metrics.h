// How good is a list of ranks?
//
// Concept: every window gives one rank of its one target. recall@k = [rank <= k], ndcg@k =
//          [rank <= k] / log2(rank + 1), mrr = 1 / rank; a target outside the catalogue
//          (kMissedRank) counts as zero in all of them. Means over windows, and means over users of
//          each user's mean.
// Source:  METHOD section 2 ("Ranking").
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "raie/types.h"
#include "training/score.h"

namespace raie {

inline constexpr std::array<std::int64_t, 3> kCutoffs = {5, 10, 20};

struct RankMetrics {
  std::array<double, 3> recall{};  // at kCutoffs
  std::array<double, 3> ndcg{};
  double mrr = 0;
};

// Metrics of a single rank.
RankMetrics MetricsOf(std::int64_t rank);

struct RankSummary {
  std::int64_t windows = 0;
  std::int64_t users = 0;
  std::int64_t missed = 0;  // targets the catalogue lacks
  RankMetrics window_mean;
  RankMetrics user_mean;
};

// Summarises ranks; users[i] is the user of ranks[i], in any order.
RankSummary Summarise(std::span<const std::int64_t> ranks, std::span<const UserId> users);

}  // namespace raie
