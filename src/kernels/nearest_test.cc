#include "kernels/nearest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference_random.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

std::vector<float> UnitRows(std::int64_t rows, std::int64_t dim, std::uint64_t stream) {
  std::vector<float> values = RandomValues(rows * dim, stream);
  for (std::int64_t r = 0; r < rows; ++r) {
    double norm = 0;
    for (std::int64_t c = 0; c < dim; ++c) norm += std::pow(values[r * dim + c], 2);
    for (std::int64_t c = 0; c < dim; ++c) values[r * dim + c] /= std::sqrt(norm);
  }
  return values;
}

struct Found {
  std::vector<std::int32_t> best;
  std::vector<float> best_cos, second_cos;
  explicit Found(std::int64_t n) : best(n), best_cos(n), second_cos(n) {}
  NearestOutputs outputs() { return {best, best_cos, second_cos}; }
};

TEST(NearestThreadsTest, EqualsSlowTwinForAnyNumberOfThreads) {
  for (const std::int64_t dim : {5, 64, 70}) {
    for (const std::int64_t k : {1, 2, 3, 4, 5, 6, 9, 16, 17, 100, 128}) {
      SCOPED_TRACE(testing::Message() << "D " << dim << " K " << k);
      const std::int64_t n = k == 3 ? 5000 : 301;
      const std::vector<float> z = UnitRows(n, dim, 1);
      std::vector<float> mu = UnitRows(k, dim, 2);
      if (k > 4) std::copy_n(mu.begin(), dim, mu.begin() + 3 * dim);  // a tie
      Found one(n);
      TaskPool pool(1);
      NearestCentres(View(z, n, dim), View(mu, k, dim), pool, one.outputs());
      for (std::int64_t i = 0; i < n; ++i) {
        double best = -2, second = -std::numeric_limits<double>::infinity();
        std::vector<double> cosines(k);
        for (std::int64_t j = 0; j < k; ++j) {
          for (std::int64_t c = 0; c < dim; ++c) {
            cosines[j] += double{z[i * dim + c]} * mu[j * dim + c];
          }
          best = std::max(best, cosines[j]);
        }
        for (std::int64_t j = 0; j < k; ++j) {
          if (j != one.best[i]) second = std::max(second, cosines[j]);
        }
        ASSERT_NEAR(cosines[one.best[i]], best, 1e-6);
        ASSERT_NEAR(one.best_cos[i], best, 1e-6);
        if (k > 1) {
          ASSERT_NEAR(one.second_cos[i], second, 1e-6);
        }
        if (k > 4) {
          ASSERT_NE(one.best[i], 3);  // the smaller index of the tie
        }
      }
      TaskPool many(3);
      Found three(n);
      NearestCentres(View(z, n, dim), View(mu, k, dim), many, three.outputs());
      EXPECT_EQ(three.best, one.best);
      EXPECT_EQ(three.best_cos, one.best_cos);
      EXPECT_EQ(three.second_cos, one.second_cos);
    }
  }
}

TEST(NearestTest, OneCentreHasNoSecond) {
  const std::vector<float> z = UnitRows(3, 8, 1);
  TaskPool pool(1);
  Found found(3);
  NearestCentres(View(z, 3, 8), View(z, 1, 8), pool, found.outputs());
  EXPECT_EQ(found.second_cos[1], -std::numeric_limits<float>::infinity());
  EXPECT_THROW(NearestCentres(View(z, 3, 8), View(z, 0, 8), pool, found.outputs()), Error);
}

}  // namespace
}  // namespace raie::kernels
