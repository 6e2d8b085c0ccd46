#include "regions/spherical_kmeans.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/statistics.h"
#include "raie/error.h"
#include "regions/random_points.h"

namespace raie {
namespace {

using testing::AtAngle;
using testing::RandomClusters;
using testing::RandomUnit;

KMeansOptions Options(std::int64_t k, std::uint64_t seed = 1) {
  KMeansOptions options;
  options.k = k;
  options.seed = seed;
  return options;
}

// sum_k |sum of the members of k|, the objective of a labelling at its best centres.
double SlowObjective(const std::vector<float>& z, std::int64_t dim,
                     const std::vector<std::int32_t>& labels, std::int64_t k) {
  double objective = 0;
  for (std::int64_t cluster = 0; cluster < k; ++cluster) {
    std::vector<double> sum(dim);
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] != cluster) continue;
      for (std::int64_t d = 0; d < dim; ++d) sum[d] += z[i * dim + d];
    }
    double square = 0;
    for (const double s : sum) square += s * s;
    objective += std::sqrt(square);
  }
  return objective;
}

double SlowCosine(const float* a, const float* b, std::int64_t dim) {
  double sum = 0;
  for (std::int64_t d = 0; d < dim; ++d) sum += double{a[d]} * double{b[d]};
  return sum;
}

void ExpectRefused(const std::vector<float>& z, std::int64_t dim, const KMeansOptions& options,
                   const std::string& reason) {
  TaskPool pool(1);
  try {
    SphericalKMeans(z, dim, options, pool);
    FAIL() << "no error: " << reason;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
  }
}

TEST(SphericalKMeans, EveryPropertyOfAnOptimumHolds) {
  TaskPool pool(2);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStream random(seed, 0);
    const auto dim = static_cast<std::int64_t>(1 + random.Below(40));
    const auto n = static_cast<std::int64_t>(50 + random.Below(900));
    std::int64_t k = 1 + static_cast<std::int64_t>(random.Below(12));
    if (dim == 1) k = std::min<std::int64_t>(k, 2);  // the sphere has two points
    std::vector<float> z;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::vector<float> row = RandomUnit(dim, random);
      z.insert(z.end(), row.begin(), row.end());
    }
    KMeansOptions options = Options(k, seed);
    options.tolerance = 0;
    options.max_iterations = 1000;
    const KMeansResult result = SphericalKMeans(z, dim, options, pool);

    EXPECT_NEAR(result.objective, SlowObjective(z, dim, result.labels, k), 1e-6 * n);
    double before = 0;
    for (const KMeansIteration& iteration : result.iterations) {
      EXPECT_GE(iteration.objective, before);
      before = iteration.objective;
    }
    EXPECT_EQ(result.objective, before);
    EXPECT_EQ(result.iterations.front().moved_points, n);
    std::vector<std::int64_t> counts(k);
    for (std::int64_t i = 0; i < n; ++i) {
      ++counts[result.labels[i]];
      const double own = SlowCosine(&z[i * dim], &result.centres_KD[result.labels[i] * dim], dim);
      for (std::int64_t other = 0; other < k; ++other) {
        EXPECT_LE(SlowCosine(&z[i * dim], &result.centres_KD[other * dim], dim), own + 1e-6);
      }
    }
    EXPECT_EQ(counts, result.counts);
    EXPECT_GE(*std::min_element(counts.begin(), counts.end()), 1);
  }
}

TEST(SphericalKMeans, FindsTheBestOfAllPartitions) {
  TaskPool pool(1);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStream random(seed, 7);
    constexpr std::int64_t kPoints = 9;
    std::vector<float> z;
    for (std::int64_t i = 0; i < kPoints; ++i) {
      const std::vector<float> row = RandomUnit(3, random);
      z.insert(z.end(), row.begin(), row.end());
    }
    double best = 0;
    for (int bits = 1; bits + 1 < (1 << kPoints); ++bits) {
      std::vector<std::int32_t> labels;
      for (int i = 0; i < kPoints; ++i) labels.push_back((bits >> i) & 1);
      best = std::max(best, SlowObjective(z, 3, labels, 2));
    }
    KMeansOptions options = Options(2, seed);
    options.restarts = 50;
    EXPECT_NEAR(SphericalKMeans(z, 3, options, pool).objective, best, 1e-6);
  }
}

TEST(SphericalKMeans, RecoversSeparateClusters) {
  TaskPool pool(2);
  RandomStream random(3, 0);
  const std::vector<float> z = RandomClusters(10, 300, 32, 0.05, random);
  std::vector<std::int64_t> truth;
  for (std::int64_t i = 0; i < 3000; ++i) truth.push_back(i / 300);
  const KMeansResult result = SphericalKMeans(z, 32, Options(10), pool);
  const std::vector<std::int64_t> found(result.labels.begin(), result.labels.end());
  EXPECT_DOUBLE_EQ(AdjustedRandIndex(truth, found), 1);
}

TEST(SphericalKMeans, OneClusterIsTheSphericalMean) {
  TaskPool pool(1);
  std::vector<float> z = AtAngle(0.1);
  const std::vector<float> other = AtAngle(0.5);
  z.insert(z.end(), other.begin(), other.end());
  const KMeansResult result = SphericalKMeans(z, 2, Options(1), pool);
  EXPECT_NEAR(std::atan2(result.centres_KD[1], result.centres_KD[0]), 0.3, 1e-6);
  EXPECT_NEAR(result.resultant_lengths[0], 2 * std::cos(0.2), 1e-6);
}

TEST(SphericalKMeans, ASumWithoutDirectionKeepsTheSeed) {
  TaskPool pool(1);
  const KMeansResult result = SphericalKMeans(std::vector<float>{1, 0, -1, 0}, 2, Options(1), pool);
  EXPECT_EQ(result.resultant_lengths[0], 0);
  EXPECT_EQ(std::abs(result.centres_KD[0]), 1);
}

TEST(SphericalKMeans, AsManyClustersAsDistinctPointsServesEachExactly) {
  TaskPool pool(1);
  RandomStream random(5, 0);
  std::vector<float> z;
  std::vector<std::vector<float>> distinct;
  for (int i = 0; i < 6; ++i) distinct.push_back(RandomUnit(4, random));
  for (int i = 0; i < 60; ++i) z.insert(z.end(), distinct[i % 6].begin(), distinct[i % 6].end());
  KMeansOptions options = Options(6);
  options.restarts = 20;
  EXPECT_NEAR(SphericalKMeans(z, 4, options, pool).objective, 60, 1e-5);
  ExpectRefused(z, 4, Options(7), "only 6 distinct points among 60");
}

// Distances below the rounding of a float: seeds collide, so clusters become empty.
TEST(SphericalKMeans, ReseedsEmptyClustersByTheWorstServedPoint) {
  TaskPool pool(1);
  std::vector<float> z;
  for (int copy = 0; copy < 20; ++copy) {
    for (int i = 0; i < 5; ++i) {
      const std::vector<float> row = AtAngle(1e-4 * i);
      z.insert(z.end(), row.begin(), row.end());
    }
  }
  std::int64_t reseeded = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    KMeansOptions options = Options(5, seed);
    options.restarts = 1;
    const KMeansResult result = SphericalKMeans(z, 2, options, pool);
    double before = 0;
    for (const KMeansIteration& iteration : result.iterations) {
      reseeded += iteration.empty_reseeded;
      EXPECT_GE(iteration.objective, before);
      before = iteration.objective;
    }
    EXPECT_GE(*std::min_element(result.counts.begin(), result.counts.end()), 1);
  }
  EXPECT_GT(reseeded, 0);
}

TEST(SphericalKMeans, MoreRestartsAreNeverWorse) {
  TaskPool pool(2);
  RandomStream random(11, 0);
  const std::vector<float> z = RandomClusters(20, 30, 16, 0.2, random);
  double before = 0;
  for (const std::int64_t restarts : {1, 2, 4, 8}) {
    KMeansOptions options = Options(20);
    options.restarts = restarts;
    const double objective = SphericalKMeans(z, 16, options, pool).objective;
    EXPECT_GE(objective, before);
    before = objective;
  }
}

TEST(SphericalKMeans, SeedingPrefersFarPoints) {
  // 997 points in one place and three elsewhere: k-means++ hits all four places nearly always,
  // uniform seeds almost never.
  std::vector<float> z;
  for (int i = 0; i < 1000; ++i) {
    const std::vector<float> row = AtAngle(i < 997 ? 1e-5 * i / 997 : 1.5 * (i - 996));
    z.insert(z.end(), row.begin(), row.end());
  }
  TaskPool pool(1);
  int all_places = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    KMeansOptions options = Options(4, seed);
    options.restarts = 1;
    options.max_iterations = 1;
    const KMeansResult result = SphericalKMeans(z, 2, options, pool);
    all_places += result.objective > 999.99 ? 1 : 0;
  }
  EXPECT_GE(all_places, 48);
}

TEST(SphericalKMeans, RefusesWhatItCannotCluster) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  ExpectRefused({1, 0, nan, 0}, 2, Options(1), "row 1 is not finite");
  ExpectRefused({1, 0, 0, 0}, 2, Options(1), "row 1 is a zero vector");
  ExpectRefused({1, 0, 2, 0}, 2, Options(1), "norm 2.0");
  ExpectRefused({1, 0, 1}, 2, Options(1), "no rows of 2");
  ExpectRefused({}, 2, Options(1), "only 0 distinct points");
  ExpectRefused({1, 0, 0, 1}, 2, Options(3), "choose k <= 2");
  ExpectRefused({1, 0, 0, 1}, 2, Options(0), "k = 0: must be 1 to");
}

TEST(SphericalKMeansThreads, SameBytesForAnyNumberOfThreads) {
  RandomStream random(2, 0);
  const std::vector<float> z = RandomClusters(7, 400, 24, 0.3, random);
  TaskPool one(1);
  const KMeansResult expected = SphericalKMeans(z, 24, Options(12), one);
  for (const int threads : {2, 5}) {
    TaskPool pool(threads);
    const KMeansResult result = SphericalKMeans(z, 24, Options(12), pool);
    EXPECT_EQ(result.centres_KD, expected.centres_KD);
    EXPECT_EQ(result.labels, expected.labels);
    EXPECT_EQ(result.objective, expected.objective);
    EXPECT_EQ(result.best_restart, expected.best_restart);
  }
}

}  // namespace
}  // namespace raie
