#include "evaluation/ranking_summary.h"

#include <cmath>
#include <map>
#include <string>

#include "methods/scorer.h"

namespace raie {
namespace {

void AddRank(std::int64_t rank, RankingMeans& sums) {
  if (rank == kOutsideCatalogue) return;
  const double gain = 1 / std::log2(1 + static_cast<double>(rank));
  for (std::size_t i = 0; i < kCutoffs.size(); ++i) {
    if (rank > kCutoffs[i]) continue;
    sums.recall[i] += 1;
    sums.ndcg[i] += gain;
  }
  sums.mrr += 1 / static_cast<double>(rank);
}

void AddScaled(const RankingMeans& means, double scale, RankingMeans& sums) {
  for (std::size_t i = 0; i < kCutoffs.size(); ++i) {
    sums.recall[i] += scale * means.recall[i];
    sums.ndcg[i] += scale * means.ndcg[i];
  }
  sums.mrr += scale * means.mrr;
}

nlohmann::ordered_json MeansToJson(const RankingMeans& means, std::int64_t count) {
  nlohmann::ordered_json json;
  const auto set = [&](const std::string& name, double value) {
    if (count == 0) {
      json[name] = nullptr;
    } else {
      json[name] = value;
    }
  };
  for (std::size_t i = 0; i < kCutoffs.size(); ++i) {
    set("recall@" + std::to_string(kCutoffs[i]), means.recall[i]);
  }
  for (std::size_t i = 0; i < kCutoffs.size(); ++i) {
    set("ndcg@" + std::to_string(kCutoffs[i]), means.ndcg[i]);
  }
  set("mrr", means.mrr);
  return json;
}

}  // namespace

RankingSummary Summarise(std::span<const RankedWindow> windows) {
  struct UserSums {
    RankingMeans sums;
    std::int64_t windows = 0;
  };
  RankingSummary summary;
  RankingMeans sums;
  std::map<std::int32_t, UserSums> by_user;
  for (const RankedWindow& window : windows) {
    UserSums& user = by_user[Index(window.user)];
    AddRank(window.rank, sums);
    AddRank(window.rank, user.sums);
    ++user.windows;
    if (window.rank == kOutsideCatalogue) ++summary.misses_outside;
  }
  summary.windows = std::ssize(windows);
  summary.users = static_cast<std::int64_t>(by_user.size());
  if (windows.empty()) return summary;
  AddScaled(sums, 1 / static_cast<double>(summary.windows), summary.window_mean);
  const double share = 1 / static_cast<double>(summary.users);
  for (const auto& [index, user] : by_user) {
    AddScaled(user.sums, share / static_cast<double>(user.windows), summary.user_mean);
  }
  return summary;
}

nlohmann::ordered_json ToJson(const RankingSummary& summary) {
  nlohmann::ordered_json json;
  json["windows"] = summary.windows;
  json["users"] = summary.users;
  json.update(MeansToJson(summary.window_mean, summary.windows));
  json["user_mean"] = MeansToJson(summary.user_mean, summary.users);
  return json;
}

}  // namespace raie
