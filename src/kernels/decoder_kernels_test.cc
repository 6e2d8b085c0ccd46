// RMSNorm, rotary positions and SwiGLU against slow twins and finite differences.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/reference_double.h"
#include "kernels/reference_random.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

using reference::Gradient;
using reference::ToDouble;
using reference::Values;

struct Groups {
  std::int64_t rows, groups, dim;
};

class DecoderKernelsTest : public testing::TestWithParam<Groups> {
 protected:
  DecoderKernelsTest() : p(GetParam()), n(p.rows * p.groups * p.dim), cols(p.groups * p.dim) {}

  Values RmsTwin(const Values& h, const std::vector<float>& gamma) const {
    Values y(n);
    for (std::int64_t begin = 0; begin < n; begin += p.dim) {
      double squares = 0;
      for (std::int64_t c = 0; c < p.dim; ++c) squares += h[begin + c] * h[begin + c];
      const double rms = std::sqrt(squares / static_cast<double>(p.dim) + kEps);
      for (std::int64_t c = 0; c < p.dim; ++c) y[begin + c] = gamma[c] * h[begin + c] / rms;
    }
    return y;
  }

  static constexpr float kEps = 1e-2f;
  Groups p;
  std::int64_t n, cols;
};

TEST_P(DecoderKernelsTest, RmsNormForwardEqualsSlowTwin) {
  const std::vector<float> x = RandomValues(n, 1), residual = RandomValues(n, 2),
                           gamma = RandomValues(p.dim, 3);
  std::vector<float> h(n), y(n), rstd(p.rows * p.groups);
  RmsNormForward({.dim = p.dim,
                  .eps = kEps,
                  .x = View(x, p.rows, cols),
                  .residual = View(residual, p.rows, cols),
                  .gamma_D = gamma,
                  .h = MutableView(h, p.rows, cols),
                  .y = MutableView(y, p.rows, cols),
                  .rstd_TG = rstd});
  Values sum = ToDouble(x);
  for (std::int64_t i = 0; i < n; ++i) sum[i] += residual[i];
  EXPECT_LE(TensorError(h, sum), 1e-6);
  EXPECT_LE(TensorError(y, RmsTwin(sum, gamma)), 1e-6);

  // In place, without a residual; and again from what is kept.
  std::vector<float> in_place = h, again(n);
  RmsNormForward({.dim = p.dim,
                  .eps = kEps,
                  .x = View(in_place, p.rows, cols),
                  .gamma_D = gamma,
                  .y = MutableView(in_place, p.rows, cols)});
  EXPECT_EQ(in_place, y);
  RmsNormAgain(p.dim, View(h, p.rows, cols), rstd, gamma, MutableView(again, p.rows, cols));
  EXPECT_EQ(again, y);
}

TEST_P(DecoderKernelsTest, RmsNormBackwardEqualsFiniteDifferences) {
  const std::vector<float> h = RandomValues(n, 4), gamma = RandomValues(p.dim, 5),
                           dy = RandomValues(n, 6), extra = RandomValues(n, 7);
  std::vector<float> y(n), rstd(p.rows * p.groups), dh = extra;
  RmsNormForward({.dim = p.dim,
                  .eps = kEps,
                  .x = View(h, p.rows, cols),
                  .gamma_D = gamma,
                  .y = MutableView(y, p.rows, cols),
                  .rstd_TG = rstd});
  RmsNormBackward({.dim = p.dim,
                   .dy = View(dy, p.rows, cols),
                   .extra_dh = View(dh, p.rows, cols),
                   .h = View(h, p.rows, cols),
                   .rstd_TG = rstd,
                   .gamma_D = gamma,
                   .dh = MutableView(dh, p.rows, cols)});
  Values expected =
      Gradient([&](const Values& v) { return RmsTwin(v, gamma); }, ToDouble(h), ToDouble(dy));
  for (std::int64_t i = 0; i < n; ++i) expected[i] += extra[i];
  EXPECT_LE(TensorError(dh, expected), 1e-5);
}

TEST_P(DecoderKernelsTest, SwigluEqualsSlowTwinAndFiniteDifferences) {
  std::vector<float> gate_up = RandomValues(p.rows * 2 * cols, 8, 3);
  gate_up[0] = -200;  // no overflow
  const std::vector<float> dy = RandomValues(n, 9);
  const auto twin = [&](const Values& v) {
    Values y(n);
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t at = i / cols * 2 * cols + i % cols;
      y[i] = v[at] / (1 + std::exp(-v[at])) * v[at + cols];
    }
    return y;
  };
  std::vector<float> y(n);
  SwigluForward(View(gate_up, p.rows, 2 * cols), MutableView(y, p.rows, cols));
  EXPECT_LE(TensorError(y, twin(ToDouble(gate_up))), 1e-6);
  const Values expected = Gradient(twin, ToDouble(gate_up), ToDouble(dy));
  SwigluBackward(View(dy, p.rows, cols), MutableView(gate_up, p.rows, 2 * cols));
  EXPECT_LE(TensorError(gate_up, expected), 1e-5);
}

TEST_P(DecoderKernelsTest, RotationsTurnPairsOfHalves) {
  if (p.dim % 2 != 0) {
    std::vector<float> odd(n);
    const std::vector<std::int32_t> first(p.rows);
    EXPECT_THROW(Rotate({p.dim, odd, odd}, Turn::kForward, first, MutableView(odd, p.rows, cols)),
                 Error);
    return;
  }
  const std::int64_t half = p.dim / 2;
  const std::vector<float> x = RandomValues(n, 10);
  std::vector<float> cos, sin;
  for (std::int64_t i = 0; i < 20 * half; ++i) {
    cos.push_back(std::cos(0.3f * static_cast<float>(i)));
    sin.push_back(std::sin(0.3f * static_cast<float>(i)));
  }
  std::vector<std::int32_t> positions;
  for (std::int64_t t = 0; t < p.rows; ++t) positions.push_back((7 * t) % 20);
  const Rotations rotations{p.dim, cos, sin};
  std::vector<float> turned = x;
  Rotate(rotations, Turn::kForward, positions, MutableView(turned, p.rows, cols));
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t c = i % p.dim, t = i / cols;
    const float co = cos[positions[t] * half + c % half], si = sin[positions[t] * half + c % half];
    const float expected = c < half ? x[i] * co - x[i + half] * si : x[i] * co + x[i - half] * si;
    EXPECT_NEAR(turned[i], expected, 1e-5);
  }
  Rotate(rotations, Turn::kBack, positions, MutableView(turned, p.rows, cols));
  EXPECT_LE(TensorError(turned, x), 1e-6);
  positions[0] = 20;
  EXPECT_THROW(Rotate(rotations, Turn::kForward, positions, MutableView(turned, p.rows, cols)),
               Error);
}

INSTANTIATE_TEST_SUITE_P(Cases, DecoderKernelsTest,
                         testing::Values(Groups{1, 1, 2}, Groups{3, 1, 37}, Groups{2, 3, 16},
                                         Groups{4, 2, 10}, Groups{2, 1, 130}));

}  // namespace
}  // namespace raie::kernels
