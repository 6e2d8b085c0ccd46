#include "evaluation/ranking_summary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "methods/scorer.h"

namespace raie {
namespace {

// The formulas, one window at a time.
double SlowMetric(std::int64_t rank, const std::string& name) {
  if (rank == kOutsideCatalogue) return 0;
  const double r = static_cast<double>(rank);
  if (name == "mrr") return 1 / r;
  const std::int64_t k = std::stoll(name.substr(name.find('@') + 1));
  if (rank > k) return 0;
  return name.starts_with("recall") ? 1 : 1 / std::log2(r + 1);
}

TEST(RankingSummaryTest, EqualsTheFormulas) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0);
    std::vector<RankedWindow> windows;
    for (int i = 0; i < 200; ++i) {
      const auto rank = static_cast<std::int64_t>(1 + random.Below(30));
      windows.push_back({static_cast<UserId>(random.Below(17)),
                         random.Below(10) == 0 ? kOutsideCatalogue : rank});
    }
    const auto json = ToJson(Summarise(windows));
    EXPECT_EQ(json["windows"], 200);
    for (const std::string name :
         {"recall@5", "recall@10", "recall@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr"}) {
      double sum = 0;
      double user_sum = 0;
      int users = 0;
      for (int user = 0; user < 17; ++user) {
        double own = 0;
        int count = 0;
        for (const RankedWindow& window : windows) {
          if (Index(window.user) != user) continue;
          own += SlowMetric(window.rank, name);
          ++count;
        }
        sum += own;
        if (count > 0) user_sum += own / count;
        users += count > 0;
      }
      EXPECT_NEAR(json[name], sum / 200, 1e-12) << name;
      EXPECT_NEAR(json["user_mean"][name], user_sum / users, 1e-12) << name;
      EXPECT_EQ(json["users"], users);
    }
  }
}

TEST(RankingSummaryTest, NoWindowHasNoMean) {
  const auto json = ToJson(Summarise({}));
  EXPECT_EQ(json["windows"], 0);
  EXPECT_TRUE(json["recall@10"].is_null());
}

}  // namespace
}  // namespace raie
