#include "base/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

TEST(Quantile, IsAnOrderStatistic) {
  EXPECT_EQ(QuantileIndex(10, 0.5), 5);
  EXPECT_EQ(QuantileIndex(10, 1), 9);
  EXPECT_EQ(QuantileIndex(1, 0), 0);
  EXPECT_EQ(QuantileIndex(7, 0.9), 6);
  const std::vector<double> values = {5, 1, 4, 2, 3};
  EXPECT_EQ(Quantile(values, 0), 1);
  EXPECT_EQ(Quantile(values, 0.19), 1);
  EXPECT_EQ(Quantile(values, 0.2), 2);
  EXPECT_EQ(Quantile(values, 0.5), 3);
  EXPECT_EQ(Quantile(values, 1), 5);
  EXPECT_EQ(Quantile(std::vector<std::int64_t>{9, 7, 8}, 0.5), 8);
  EXPECT_THROW(Quantile(std::vector<double>{}, 0.5), Error);
  EXPECT_THROW(Quantile(values, -0.1), Error);
  EXPECT_THROW(Quantile(values, 1.1), Error);
  EXPECT_THROW(Quantile(values, NAN), Error);
  EXPECT_THROW(Quantile(std::vector<double>{1, NAN}, 0.5), Error);
}

TEST(Moments, ByHand) {
  const std::vector<double> values = {2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_EQ(Mean(values), 5);
  EXPECT_DOUBLE_EQ(SampleVariance(values), 32.0 / 7);
  EXPECT_THROW(Mean(std::vector<double>{}), Error);
  EXPECT_THROW(SampleVariance(std::vector<double>{1}), Error);
}

TEST(Student, TableValues) {
  EXPECT_NEAR(StudentTail(2.228, 10), 0.025, 1e-5);
  EXPECT_NEAR(StudentTail(0, 3), 0.5, 1e-12);
  EXPECT_NEAR(StudentTail(-2.228, 10), 0.975, 1e-5);
  EXPECT_NEAR(StudentQuantile(0.975, 10), 2.228139, 1e-6);
  EXPECT_NEAR(StudentQuantile(0.95, 1), 6.313752, 1e-6);
}

TEST(Welch, ByHand) {
  const std::vector<double> a = {3, 4, 5, 8};  // mean 5, variance 14/3
  const std::vector<double> b = {1, 2, 3};     // mean 2, variance 1
  const WelchResult result = WelchTest(a, b).value();
  const double square_a = 14.0 / 12;
  const double square_b = 1.0 / 3;
  EXPECT_DOUBLE_EQ(result.difference, 3);
  EXPECT_DOUBLE_EQ(result.standard_error, std::sqrt(1.5));
  EXPECT_DOUBLE_EQ(result.t, 3 / std::sqrt(1.5));
  EXPECT_NEAR(result.degrees_of_freedom, 2.25 / (square_a * square_a / 3 + square_b * square_b / 2),
              1e-12);
  EXPECT_NEAR(result.p_greater, StudentTail(result.t, result.degrees_of_freedom), 1e-15);
  EXPECT_NEAR(WelchTest(b, a)->p_greater, 1 - result.p_greater, 1e-12);
}

TEST(Welch, DegenerateSamples) {
  const std::vector<double> one = {1};
  const std::vector<double> ones = {1, 1};
  const std::vector<double> twos = {2, 2};
  EXPECT_FALSE(WelchTest(one, twos).has_value());
  EXPECT_FALSE(WelchTest(twos, {}).has_value());
  EXPECT_EQ(WelchTest(twos, ones)->p_greater, 0);
  EXPECT_EQ(WelchTest(ones, twos)->p_greater, 1);
  EXPECT_EQ(WelchTest(ones, ones)->p_greater, 1);
  const std::vector<double> tiny = {1e-200, 2e-200, 4e-200};
  EXPECT_TRUE(std::isfinite(WelchTest(tiny, ones)->p_greater));
  EXPECT_THROW(WelchTest(std::vector<double>{1, NAN}, ones), Error);
}

TEST(Welch, HoldsItsLevelWithUnequalVariances) {
  int rejected = 0;
  constexpr int kTrials = 4000;
  for (int trial = 0; trial < kTrials; ++trial) {
    RandomStream random(1, trial);
    std::vector<double> a(12);
    std::vector<double> b(30);
    for (double& x : a) x = 5 * random.Normal();
    for (double& x : b) x = random.Normal();
    rejected += WelchTest(a, b)->p_greater < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(rejected, 200, 5 * 14);
}

TEST(Holm, ByHand) {
  const std::vector<double> adjusted = HolmAdjust(std::vector<double>{0.01, 0.04, 0.03, 0.005});
  const std::vector<double> expected = {0.03, 0.06, 0.06, 0.02};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(adjusted[i], expected[i], 1e-12);
  EXPECT_EQ(HolmAdjust(std::vector<double>{0.9, 0.8}), (std::vector<double>{1, 1}));
  EXPECT_TRUE(HolmAdjust({}).empty());
  EXPECT_THROW(HolmAdjust(std::vector<double>{1.5}), Error);
  EXPECT_THROW(HolmAdjust(std::vector<double>{NAN}), Error);
}

// The pair counts of every two points.
double SlowRand(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
  double both = 0;
  double in_a = 0;
  double in_b = 0;
  double all = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      all += 1;
      in_a += a[i] == a[j] ? 1 : 0;
      in_b += b[i] == b[j] ? 1 : 0;
      both += a[i] == a[j] && b[i] == b[j] ? 1 : 0;
    }
  }
  const double expected = in_a * in_b / all;
  return (both - expected) / ((in_a + in_b) / 2 - expected);
}

TEST(AdjustedRandIndex, AgreesWithPairCounting) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStream random(seed, 0);
    std::vector<std::int64_t> a;
    std::vector<std::int64_t> b;
    for (int i = 0; i < 60; ++i) {
      a.push_back(static_cast<std::int64_t>(random.Below(4)));
      b.push_back(random.Uniform() < 0.5 ? a.back() + 10
                                         : static_cast<std::int64_t>(random.Below(6)));
    }
    EXPECT_NEAR(AdjustedRandIndex(a, b), SlowRand(a, b), 1e-12);
    EXPECT_DOUBLE_EQ(AdjustedRandIndex(a, a), 1);
  }
  const std::vector<std::int64_t> one = {1, 1, 1};
  const std::vector<std::int64_t> apart = {1, 2, 3};
  EXPECT_EQ(AdjustedRandIndex(one, one), 1);
  EXPECT_EQ(AdjustedRandIndex(apart, apart), 1);
  EXPECT_EQ(AdjustedRandIndex(one, apart), 0);
  EXPECT_EQ(AdjustedRandIndex(std::vector<std::int64_t>{4}, std::vector<std::int64_t>{5}), 1);
  EXPECT_THROW(AdjustedRandIndex(one, std::vector<std::int64_t>{1}), Error);
  EXPECT_THROW(AdjustedRandIndex({}, {}), Error);
}

TEST(Spearman, RanksWithTies) {
  EXPECT_EQ(AverageRanks(std::vector<double>{10, 30, 20, 20}),
            (std::vector<double>{1, 4, 2.5, 2.5}));
  const std::vector<double> x = {1, 2, 3, 4, 5};
  EXPECT_DOUBLE_EQ(SpearmanCorrelation(x, std::vector<double>{1, 8, 27, 64, 125}).value(), 1);
  EXPECT_DOUBLE_EQ(SpearmanCorrelation(x, std::vector<double>{5, 4, 3, 2, 1}).value(), -1);
  // 1 - 6 sum d^2 / (n (n^2 - 1)) with d = 0 1 -1 1 -1.
  EXPECT_NEAR(SpearmanCorrelation(x, std::vector<double>{1, 3, 2, 5, 4}).value(), 1 - 6 * 4 / 120.0,
              1e-12);
  EXPECT_FALSE(SpearmanCorrelation(x, std::vector<double>{1, 1, 1, 1, 1}).has_value());
  EXPECT_FALSE(SpearmanCorrelation(std::vector<double>{1}, std::vector<double>{1}).has_value());
  EXPECT_THROW(SpearmanCorrelation(x, std::vector<double>{1}), Error);
}

}  // namespace
}  // namespace raie
