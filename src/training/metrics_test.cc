#include "training/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace raie {
namespace {

TEST(MetricsTest, EqualTheFormulas) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0);
    std::vector<std::int64_t> ranks;
    std::vector<UserId> users;
    for (int i = 0; i < 200; ++i) {
      ranks.push_back(random.Below(10) == 0 ? kMissedRank
                                            : static_cast<std::int64_t>(1 + random.Below(30)));
      users.push_back(static_cast<UserId>(random.Below(17)));
    }
    const RankSummary summary = Summarise(ranks, users);
    for (std::size_t c = 0; c < kCutoffs.size(); ++c) {
      double sum = 0;
      double user_sum = 0;
      int num_users = 0;
      for (int user = 0; user < 17; ++user) {
        double own = 0;
        int count = 0;
        for (std::size_t i = 0; i < ranks.size(); ++i) {
          if (Index(users[i]) != user) continue;
          const bool hit = ranks[i] <= kCutoffs[c];
          own += hit ? 1 / std::log2(static_cast<double>(ranks[i]) + 1) : 0;
          ++count;
        }
        sum += own;
        user_sum += count > 0 ? own / count : 0;
        num_users += count > 0;
      }
      EXPECT_NEAR(summary.window_mean.ndcg[c], sum / 200, 1e-12);
      EXPECT_NEAR(summary.user_mean.ndcg[c], user_sum / num_users, 1e-12);
      EXPECT_EQ(summary.users, num_users);
    }
  }
}

TEST(MetricsTest, OneRank) {
  const RankMetrics metrics = MetricsOf(7);
  EXPECT_EQ(metrics.recall, (std::array<double, 3>{0, 1, 1}));
  EXPECT_EQ(metrics.ndcg, (std::array<double, 3>{0, 1 / 3.0, 1 / 3.0}));
  EXPECT_EQ(metrics.mrr, 1 / 7.0);
}

TEST(MetricsTest, ATargetOutsideTheCatalogueIsAMissThatCounts) {
  const std::vector<std::int64_t> ranks = {kMissedRank, 1};
  const std::vector<UserId> users = {UserId{0}, UserId{0}};
  const RankSummary summary = Summarise(ranks, users);
  EXPECT_EQ(summary.missed, 1);
  EXPECT_EQ(summary.window_mean.mrr, 0.5);
}

}  // namespace
}  // namespace raie
