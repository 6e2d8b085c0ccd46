// Slow double twins of the fused row kernels; included by tests only. Each function is the
// Semantics lines of its kernel, term by term.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/random.h"
#include "kernels/activation.h"
#include "kernels/dropout.h"

namespace raie::kernels::reference {

using Values = std::vector<double>;

inline Values ToDouble(std::span<const float> values) { return {values.begin(), values.end()}; }

// Returns the factor of every unit of rows of `dim` columns; ones if nothing is dropped.
inline Values Factors(const Dropout& dropout, std::span<const TokenKey> tokens, std::int64_t rows,
                      std::int64_t dim) {
  Values factors(rows * dim, 1.0);
  if (!dropout.active()) return factors;
  for (std::int64_t t = 0; t < rows; ++t) {
    const DropoutRow row = MakeDropoutRow(dropout.Key(), tokens[t]);
    for (std::int64_t c = 0; c < dim; ++c) factors[t * dim + c] = DropoutFactor(dropout, row, c);
  }
  return factors;
}

// h[t] = residual[t] + factor(t) * (x[t] + bias)
inline Values Residual(const Values& x, const Values& bias, const Values& residual,
                       const Values& factors) {
  Values h(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double b = bias.empty() ? 0 : bias[i % bias.size()];
    h[i] = (residual.empty() ? 0 : residual[i]) + factors[i] * (x[i] + b);
  }
  return h;
}

// y[t] = gamma * (h[t] - mean) / sqrt(var + eps) + beta
inline Values LayerNorm(const Values& h, const Values& gamma, const Values& beta, double eps) {
  const std::size_t dim = gamma.size();
  Values y(h.size());
  for (std::size_t t = 0; t < h.size() / dim; ++t) {
    double mean = 0;
    double variance = 0;
    for (std::size_t c = 0; c < dim; ++c) mean += h[t * dim + c] / dim;
    for (std::size_t c = 0; c < dim; ++c) variance += std::pow(h[t * dim + c] - mean, 2) / dim;
    for (std::size_t c = 0; c < dim; ++c) {
      y[t * dim + c] = gamma[c] * (h[t * dim + c] - mean) / std::sqrt(variance + eps) + beta[c];
    }
  }
  return y;
}

inline double Activate(Activation activation, double x) {
  if (activation == Activation::kRelu) return x > 0 ? x : 0;
  return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
}

// Returns d sum(weights * f(values)) / d values by central differences.
inline Values Gradient(const std::function<Values(const Values&)>& f, Values values,
                       const Values& weights) {
  constexpr double kStep = 1e-5;
  const auto dot = [&](const Values& y) {
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
    return sum;
  };
  Values gradient(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double at = values[i];
    values[i] = at + kStep;
    const double above = dot(f(values));
    values[i] = at - kStep;
    gradient[i] = (above - dot(f(values))) / (2 * kStep);
    values[i] = at;
  }
  return gradient;
}

// Compares along random directions and for a few single inputs: all single ones would be slow.
inline void ExpectSlopes(const std::vector<float>& gradient, const Values& at,
                         const std::function<Values(const Values&)>& f, const Values& weights) {
  constexpr double kStep = 1e-5;
  const double largest =
      std::abs(*std::max_element(gradient.begin(), gradient.end(),
                                 [](float a, float b) { return std::abs(a) < std::abs(b); }));
  RandomStream random(5, at.size());
  for (int trial = 0; trial < 12; ++trial) {
    SCOPED_TRACE(testing::Message() << "trial " << trial);
    Values direction(at.size(), 0.0);
    const bool single = trial >= 4;
    if (single) direction[random.Below(at.size())] = 1;
    for (double& d : direction) d = single ? d : random.Normal();
    Values above = at, below = at;
    double expected = 0, norm = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      above[i] += kStep * direction[i];
      below[i] -= kStep * direction[i];
      expected += gradient[i] * direction[i];
      norm += direction[i] * direction[i];
    }
    const Values high = f(above), low = f(below);
    double slope = 0;
    for (std::size_t i = 0; i < high.size(); ++i) slope += (high[i] - low[i]) * weights[i];
    EXPECT_NEAR(expected, slope / (2 * kStep), 3e-6 * largest * std::sqrt(norm));
  }
}

}  // namespace raie::kernels::reference
