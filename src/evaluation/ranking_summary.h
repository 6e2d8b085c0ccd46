// How good is a list of ranks, over windows and over users?
//
// Source:  METHOD section 2: Recall@k = [rank <= k], NDCG@k = [rank <= k] / log2(1 + rank),
//          MRR = 1 / rank; a target outside the catalogue has no rank and counts as a miss.
//          Window means weigh every window alike, user means every user.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>

#include "raie/types.h"

namespace raie {

inline constexpr std::array<std::int64_t, 3> kCutoffs = {5, 10, 20};

struct RankingMeans {
  std::array<double, 3> recall{};  // at kCutoffs
  std::array<double, 3> ndcg{};
  double mrr = 0;
};

struct RankingSummary {
  std::int64_t windows = 0;
  std::int64_t users = 0;
  std::int64_t misses_outside = 0;  // targets the catalogue does not hold
  RankingMeans window_mean;
  RankingMeans user_mean;

  double recall_at_10() const { return window_mean.recall[1]; }
  double ndcg_at_10() const { return window_mean.ndcg[1]; }
};

struct RankedWindow {
  UserId user;
  std::int64_t rank;  // kOutsideCatalogue: a miss
};

// Windows of one user need not stand together.
RankingSummary Summarise(std::span<const RankedWindow> windows);

// {"windows", "users", "recall@5", ..., "ndcg@20", "mrr", "user_mean": {...}}; means of no window
// are null.
nlohmann::ordered_json ToJson(const RankingSummary& summary);

}  // namespace raie
