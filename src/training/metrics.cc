#include "training/metrics.h"

#include <cmath>
#include <map>

namespace raie {
namespace {

struct Sums {
  RankMetrics metrics;
  std::int64_t windows = 0;
};

void AddScaled(const RankMetrics& metrics, double scale, RankMetrics& sums) {
  for (std::size_t i = 0; i < kCutoffs.size(); ++i) {
    sums.recall[i] += scale * metrics.recall[i];
    sums.ndcg[i] += scale * metrics.ndcg[i];
  }
  sums.mrr += scale * metrics.mrr;
}

}  // namespace

RankMetrics MetricsOf(std::int64_t rank) {
  RankMetrics metrics;
  if (rank == kMissedRank) return metrics;
  const auto r = static_cast<double>(rank);
  for (std::size_t i = 0; i < kCutoffs.size(); ++i) {
    if (rank > kCutoffs[i]) continue;
    metrics.recall[i] = 1;
    metrics.ndcg[i] = 1 / std::log2(r + 1);
  }
  metrics.mrr = 1 / r;
  return metrics;
}

RankSummary Summarise(std::span<const std::int64_t> ranks, std::span<const UserId> users) {
  RankSummary summary;
  summary.windows = std::ssize(ranks);
  if (ranks.empty()) return summary;
  std::map<UserId, Sums> by_user;
  RankMetrics sums;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const RankMetrics metrics = MetricsOf(ranks[i]);
    AddScaled(metrics, 1, sums);
    Sums& user = by_user[users[i]];
    AddScaled(metrics, 1, user.metrics);
    ++user.windows;
    if (ranks[i] == kMissedRank) ++summary.missed;
  }
  summary.users = std::ssize(by_user);
  AddScaled(sums, 1 / static_cast<double>(summary.windows), summary.window_mean);
  const double share = 1 / static_cast<double>(summary.users);
  for (const auto& [id, user] : by_user) {
    AddScaled(user.metrics, share / static_cast<double>(user.windows), summary.user_mean);
  }
  return summary;
}

}  // namespace raie
