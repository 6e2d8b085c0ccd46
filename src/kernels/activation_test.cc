#include "kernels/activation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/reference_double.h"
#include "kernels/reference_random.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

using reference::Activate;

TEST(ActivationTest, GeluIsWithinOneMillionth) {
  std::vector<float> x, y, derivative;
  for (double v = -12; v <= 12; v += 1e-4) x.push_back(static_cast<float>(v));
  y.resize(x.size());
  derivative.resize(x.size());
  ActivationForward({.dim = static_cast<std::int64_t>(x.size()),
                     .x_TF = x,
                     .y_TF = y,
                     .derivative_TF = derivative});
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    EXPECT_NEAR(y[i], Activate(Activation::kGelu, v), 1e-6) << v;
    const double slope = 0.5 * (1 + std::erf(v / std::sqrt(2.0))) +
                         v * std::exp(-v * v / 2) / std::sqrt(2 * 3.14159265358979);
    EXPECT_NEAR(derivative[i], slope, 1e-6) << v;
  }
}

TEST(ActivationTest, ForwardAndBackwardEqualSlowTwin) {
  for (const Activation activation : {Activation::kGelu, Activation::kRelu}) {
    for (const std::int64_t dim : {3, 16, 45, 128}) {
      const std::int64_t rows = 5;
      const Dropout dropout{.rate = dim == 16 ? 0 : 0.25f, .seed = 8, .site = 1};
      const std::vector<float> x = RandomValues(rows * dim, 1), bias = RandomValues(dim, 2),
                               dy = RandomValues(rows * dim, 3);
      std::vector<TokenKey> tokens;
      for (std::uint32_t t = 0; t < rows; ++t) tokens.push_back({t, 2 * t});
      const auto factors = reference::Factors(dropout, tokens, rows, dim);
      std::vector<float> y(x.size()), derivative = x, dbias(dim, 1.0f);
      ActivationForward({.activation = activation,
                         .dim = dim,
                         .x_TF = derivative,
                         .bias_F = bias,
                         .dropout = dropout,
                         .tokens_T = tokens,
                         .y_TF = y,
                         .derivative_TF = derivative});
      std::vector<float> dx = dy;
      ActivationBackward(
          {.dim = dim, .dy_TF = dx, .derivative_TF = derivative, .dx_TF = dx, .dbias_F = dbias});
      reference::Values sums(dim, 1.0);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double u = double{x[i]} + bias[i % dim];
        EXPECT_NEAR(y[i], factors[i] * Activate(activation, u), 2e-6);
        const double slope =
            (Activate(activation, u + 1e-5) - Activate(activation, u - 1e-5)) / 2e-5;
        EXPECT_NEAR(dx[i], dy[i] * factors[i] * slope, 1e-5);
        sums[i % dim] += dx[i];
      }
      EXPECT_LE(TensorError(dbias, sums), 1e-6);
    }
  }
}

TEST(ActivationTest, WrongSizesAreErrors) {
  std::vector<float> x(8), y(7);
  EXPECT_THROW(ActivationForward({.dim = 4, .x_TF = x, .y_TF = y}), Error);
}

}  // namespace
}  // namespace raie::kernels
