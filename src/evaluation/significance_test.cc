#include "evaluation/significance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "base/statistics.h"
#include "raie/error.h"

namespace raie {
namespace {

// As in tests/golden/make_wilcoxon_golden.py.
std::vector<double> GoldenDifferences(int n, int zeros, int levels, int shift) {
  std::int64_t state = 12345;
  std::vector<double> values;
  for (int i = 0; i < n; ++i) {
    state = (1103515245 * state + 12345) % 2147483648;
    const auto value = static_cast<double>((state / 65536) % levels - levels / 2 + shift);
    values.push_back(zeros > 0 && i % (n / zeros) == 0 ? 0.0 : value);
  }
  return values;
}

TEST(WilcoxonTest, EqualsScipyWithPrattsZeros) {  // scipy 1.17.1
  const std::vector<double> plain = {1.5, -0.3, 2.2, 0.7, -1.1, 3.4, 0.2, -2.9, 4.1, 5.0};
  EXPECT_NEAR(WilcoxonSignedRank(plain).p_value, 0.16015625, 1e-12);
  EXPECT_EQ(WilcoxonSignedRank(plain).minus, 13.0);
  const std::vector<double> tied = {1, -1, 2, 0, 2, 3, -2, 0, 4, 1, -3, 5};
  EXPECT_NEAR(WilcoxonSignedRank(tied).p_value, 0.205078125, 1e-12);
  EXPECT_TRUE(WilcoxonSignedRank(tied).exact);

  const WilcoxonResult some = WilcoxonSignedRank(GoldenDifferences(200, 40, 21, 1));
  EXPECT_EQ(some.zeros, 45);
  EXPECT_EQ(std::min(some.plus, some.minus), 8648.0);
  EXPECT_NEAR(some.z, -1.0863067939098339, 1e-12);
  EXPECT_NEAR(some.p_value, 0.27734328224410876, 1e-12);
  const WilcoxonResult half = WilcoxonSignedRank(GoldenDifferences(1000, 500, 101, 3));
  EXPECT_EQ(half.zeros, 505);
  EXPECT_NEAR(half.p_value, 0.16650216133067963, 1e-12);
  const WilcoxonResult none = WilcoxonSignedRank(GoldenDifferences(60, 0, 1001, 40));
  EXPECT_EQ(none.zeros, 0);
  EXPECT_NEAR(none.p_value, 0.9853164560014295, 1e-12);
}

// Every assignment of signs is tried, ranks are counted one by one.
double SlowExact(const std::vector<double>& differences) {
  std::vector<double> ranks;
  double observed = 0;
  for (const double d : differences) {
    if (d == 0) continue;
    double below = 0;
    double equal = 0;
    for (const double other : differences) {
      below += std::abs(other) < std::abs(d);
      equal += std::abs(other) == std::abs(d);
    }
    ranks.push_back(below + (equal + 1) / 2);
    if (d > 0) observed += ranks.back();
  }
  double at_most = 0;
  double at_least = 0;
  const std::int64_t all = std::int64_t{1} << ranks.size();
  for (std::int64_t signs = 0; signs < all; ++signs) {
    double plus = 0;
    for (std::size_t i = 0; i < ranks.size(); ++i) plus += (signs >> i & 1) * ranks[i];
    at_most += plus <= observed + 1e-9;
    at_least += plus >= observed - 1e-9;
  }
  return std::min(1.0, 2 * std::min(at_most, at_least) / static_cast<double>(all));
}

TEST(WilcoxonTest, TheExactDistributionIsThatOfAllSigns) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 1);
    std::vector<double> differences(1 + random.Below(12));
    for (double& d : differences) d = static_cast<double>(random.Below(9)) - 3;
    EXPECT_NEAR(WilcoxonSignedRank(differences).p_value, SlowExact(differences), 1e-12);
  }
}

TEST(WilcoxonTest, ExactAndApproximateMeetWhereTheyJoin) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 2);
    std::vector<double> differences(25);
    for (double& d : differences) d = random.Normal() + 0.3;
    const double exact = WilcoxonSignedRank(differences).p_value;
    differences.push_back(1e-6);  // the smallest rank: changes little, but the distribution used
    const WilcoxonResult approximate = WilcoxonSignedRank(differences);
    EXPECT_FALSE(approximate.exact);
    EXPECT_NEAR(approximate.p_value, exact, 0.05);
  }
}

TEST(WilcoxonTest, SidesAreSymmetricAndRoundingTies) {
  std::vector<double> differences = GoldenDifferences(200, 40, 21, 2);
  const double p = WilcoxonSignedRank(differences).p_value;
  std::vector<double> mirrored;
  std::vector<double> rounded;
  RandomStream random(1, 3);
  for (const double d : differences) {
    mirrored.push_back(-d);
    rounded.push_back(d + 1e-15 * random.Normal());
  }
  EXPECT_EQ(WilcoxonSignedRank(mirrored).p_value, p);
  EXPECT_EQ(WilcoxonSignedRank(rounded).p_value, p);
  EXPECT_EQ(WilcoxonSignedRank(std::vector<double>(40, 0.0)).p_value, 1);
}

// The level of the test: p < .05 in about 5 % of trials without a difference.
TEST(WilcoxonTest, RejectsAsOftenAsItSays) {
  int rejected = 0;
  constexpr int kTrials = 1000;
  for (int trial = 0; trial < kTrials; ++trial) {
    RandomStream random(trial, 4);
    std::vector<double> differences(80);
    for (double& d : differences) d = random.Uniform() < 0.5 ? 0 : std::round(5 * random.Normal());
    rejected += WilcoxonSignedRank(differences).p_value < 0.05;
  }
  EXPECT_GT(rejected, 0.03 * kTrials);
  EXPECT_LT(rejected, 0.07 * kTrials);
}

struct Table {
  std::vector<UserId> users;
  std::vector<std::vector<double>> values_by_seed;
};

Table RandomTable(std::uint64_t seed, int num_users, int num_seeds) {
  RandomStream random(seed, 5);
  Table table;
  for (int u = 0; u < num_users; ++u) {
    const std::uint64_t windows = 1 + random.Below(4);
    for (std::uint64_t w = 0; w < windows; ++w) table.users.push_back(UserId{7 * u});
  }
  Shuffle(std::span(table.users), random);
  for (int s = 0; s < num_seeds; ++s) {
    auto& values = table.values_by_seed.emplace_back();
    for (std::size_t i = 0; i < table.users.size(); ++i) values.push_back(random.Uniform());
  }
  return table;
}

TEST(CrossedBootstrapTest, MeansAreThoseOfTheWindows) {
  const Table table = RandomTable(3, 20, 3);
  const CrossedValues values = SumByUser(table.users, table.values_by_seed);
  double sum = 0;
  for (const auto& of_seed : table.values_by_seed) {
    for (const double value : of_seed) sum += value;
  }
  EXPECT_NEAR(WindowMean(values), sum / (3.0 * static_cast<double>(table.users.size())), 1e-12);
  const std::vector<double> means = UserMeans(values);
  for (std::size_t u = 0; u < means.size(); ++u) {
    double of_user = 0;
    double count = 0;
    for (const auto& of_seed : table.values_by_seed) {
      for (std::size_t i = 0; i < table.users.size(); ++i) {
        if (table.users[i] != values.users[u]) continue;
        of_user += of_seed[i];
        ++count;
      }
    }
    EXPECT_NEAR(means[u], of_user / count, 1e-12);
  }
}

// Window by window: every replicate lists the values it is the mean of.
Interval SlowBootstrap(const Table& table, const CrossedValues& order,
                       const BootstrapOptions& options) {
  std::vector<double> means;
  for (std::int64_t r = 0; r < options.replicates; ++r) {
    RandomStream random(options.seed, static_cast<std::uint64_t>(r));
    std::vector<std::size_t> seeds;
    for (std::int64_t s = 0; s < order.num_seeds; ++s) {
      seeds.push_back(random.Below(order.num_seeds));
    }
    std::vector<UserId> users;
    for (std::int64_t u = 0; u < order.num_users(); ++u) {
      users.push_back(order.users[random.Below(order.num_users())]);
    }
    std::vector<double> drawn;
    for (const std::size_t seed : seeds) {
      for (const UserId user : users) {
        for (std::size_t i = 0; i < table.users.size(); ++i) {
          if (table.users[i] == user) drawn.push_back(table.values_by_seed[seed][i]);
        }
      }
    }
    means.push_back(Mean(drawn));
  }
  return {Quantile(means, (1 - options.level) / 2), Quantile(means, 1 - (1 - options.level) / 2)};
}

TEST(CrossedBootstrapTest, EqualsTheSlowTwin) {
  TaskPool pool(2);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(seed);
    const Table table = RandomTable(seed, 8, 3);
    const CrossedValues values = SumByUser(table.users, table.values_by_seed);
    const BootstrapOptions options{.replicates = 70, .level = 0.9, .seed = seed};
    const Interval fast = CrossedBootstrap(values, options, pool);
    const Interval slow = SlowBootstrap(table, values, options);
    EXPECT_NEAR(fast.low, slow.low, 1e-12);
    EXPECT_NEAR(fast.high, slow.high, 1e-12);
  }
}

TEST(CrossedBootstrapThreadsTest, SameForAnyNumber) {
  const Table table = RandomTable(9, 30, 5);
  const CrossedValues values = SumByUser(table.users, table.values_by_seed);
  TaskPool one(1);
  TaskPool five(5);
  const Interval a = CrossedBootstrap(values, {.replicates = 500}, one);
  const Interval b = CrossedBootstrap(values, {.replicates = 500}, five);
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_LT(a.low, WindowMean(values));
  EXPECT_GT(a.high, WindowMean(values));
}

// Users drawn anew for every seed: what the crossed bootstrap is not.
Interval NestedBootstrap(const CrossedValues& values, std::int64_t replicates) {
  std::vector<double> means;
  for (std::int64_t r = 0; r < replicates; ++r) {
    RandomStream random(77, static_cast<std::uint64_t>(r));
    double sum = 0;
    double windows = 0;
    for (std::int64_t i = 0; i < values.num_seeds; ++i) {
      const std::size_t seed = random.Below(values.num_seeds);
      for (std::int64_t j = 0; j < values.num_users(); ++j) {
        const std::size_t user = random.Below(values.num_users());
        sum += values.sums_SU[seed * values.num_users() + user];
        windows += values.windows_U[user];
      }
    }
    means.push_back(sum / windows);
  }
  return {Quantile(means, 0.025), Quantile(means, 0.975)};
}

// Users' effects are shared by the seeds, as in a real comparison: 95 % intervals hold the true
// mean in about 95 % of simulations; nested ones in far fewer.
TEST(CrossedBootstrapTest, CoversTheTruthAsOftenAsItSays) {
  TaskPool pool(2);
  constexpr int kTrials = 200;
  constexpr int kUsers = 60;
  constexpr int kSeeds = 5;
  int covered = 0;
  int nested = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    RandomStream random(trial, 6);
    CrossedValues values;
    values.num_seeds = kSeeds;
    values.windows_U.assign(kUsers, 1);
    values.users.resize(kUsers);
    std::vector<double> of_user(kUsers);
    for (double& effect : of_user) effect = random.Normal();
    for (int s = 0; s < kSeeds; ++s) {
      const double of_seed = 0.05 * random.Normal();
      for (int u = 0; u < kUsers; ++u) {
        values.sums_SU.push_back(of_user[u] + of_seed + 0.5 * random.Normal());
      }
    }
    const Interval crossed = CrossedBootstrap(
        values, {.replicates = 200, .seed = static_cast<std::uint64_t>(trial)}, pool);
    covered += crossed.low <= 0 && crossed.high >= 0;
    const Interval other = NestedBootstrap(values, 100);
    nested += other.low <= 0 && other.high >= 0;
  }
  EXPECT_GE(covered, 0.90 * kTrials);
  EXPECT_LE(covered, 0.99 * kTrials);
  EXPECT_LE(nested, 0.75 * kTrials);
}

TEST(CrossedBootstrapTest, ADifferenceNeedsTheSameWindows) {
  const Table table = RandomTable(1, 10, 2);
  const CrossedValues a = SumByUser(table.users, table.values_by_seed);
  EXPECT_NEAR(WindowMean(Difference(a, a)), 0, 1e-15);
  Table other = table;
  other.users[0] = UserId{1000};
  EXPECT_THROW(Difference(a, SumByUser(other.users, other.values_by_seed)), Error);
  Table fewer = table;
  fewer.values_by_seed.pop_back();
  EXPECT_THROW(Difference(a, SumByUser(fewer.users, fewer.values_by_seed)), Error);
  other.values_by_seed[0].pop_back();
  EXPECT_THROW(SumByUser(other.users, other.values_by_seed), Error);
  EXPECT_THROW(WilcoxonSignedRank({}), Error);
}

}  // namespace
}  // namespace raie
