#include "kernels/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/reference_random.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

TEST(AdamWTest, StepsEqualTheSlowTwin) {
  constexpr std::int64_t kSize = 77;
  std::vector<float> p = RandomValues(kSize, 1), m(kSize), v(kSize);
  std::vector<double> p_twin(p.begin(), p.end()), m_twin(kSize), v_twin(kSize);
  const std::vector<AdamWRange> ranges = {{0, 20, true}, {20, 51, false}, {60, 77, true}};
  const std::vector<float> start = p;
  AdamWArgs args{.learning_rate = 1e-2,
                 .weight_decay = 0.1,
                 .gradient_scale = 0.5f,
                 .ranges = ranges,
                 .parameters = p,
                 .first_moment = m,
                 .second_moment = v};
  for (args.step = 1; args.step <= 20; ++args.step) {
    const std::vector<float> gradient = RandomValues(kSize, 10 + args.step);
    args.gradient = gradient;
    AdamWStep(args);
    for (const AdamWRange& range : ranges) {
      for (std::int64_t i = range.begin; i < range.end; ++i) {
        const double g = 0.5 * gradient[i];
        if (range.decays) p_twin[i] *= 1 - 1e-2 * 0.1;
        m_twin[i] = 0.9 * m_twin[i] + 0.1 * g;
        v_twin[i] = 0.999 * v_twin[i] + 0.001 * g * g;
        const double m_hat = m_twin[i] / (1 - std::pow(0.9, args.step));
        const double v_hat = v_twin[i] / (1 - std::pow(0.999, args.step));
        p_twin[i] -= 1e-2 * m_hat / (std::sqrt(v_hat) + 1e-8);
      }
    }
  }
  EXPECT_LE(TensorError(p, p_twin), 1e-6);
  EXPECT_LE(TensorError(m, m_twin), 1e-6);
  EXPECT_LE(TensorError(v, v_twin), 1e-6);
  for (std::int64_t i = 51; i < 60; ++i) EXPECT_EQ(p[i], start[i]);  // outside all ranges
}

TEST(AdamWTest, SumOfSquares) {
  for (const std::int64_t n : {0, 1, 7, 64, 1001}) {
    const std::vector<float> values = RandomValues(n, 3);
    double sum = 0;
    for (const float value : values) sum += double{value} * value;
    EXPECT_NEAR(SumOfSquares(values), sum, 1e-12 * (sum + 1));
  }
}

TEST(AdamWTest, WrongSizesAreErrors) {
  std::vector<float> p(4), m(3);
  EXPECT_THROW(AdamWStep({.gradient = p, .parameters = p, .first_moment = m, .second_moment = m}),
               Error);
  const std::vector<AdamWRange> ranges = {{0, 5, true}};
  EXPECT_THROW(AdamWStep({.ranges = ranges,
                          .gradient = p,
                          .parameters = p,
                          .first_moment = p,
                          .second_moment = p}),
               Error);
}

}  // namespace
}  // namespace raie::kernels
