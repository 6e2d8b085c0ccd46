#include "kernels/norm.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/reference_double.h"
#include "kernels/reference_random.h"
#include "raie/error.h"

namespace raie::kernels {
namespace {

using reference::ToDouble;
using reference::Values;

struct NormCase {
  std::int64_t rows, dim;
  float rate;
  int terms;  // bit 0: bias, bit 1: residual
};

class NormTest : public testing::TestWithParam<NormCase> {
 protected:
  void SetUp() override {
    const NormCase& p = GetParam();
    const std::int64_t n = p.rows * p.dim;
    x = RandomValues(n, 1);
    if ((p.terms & 1) != 0) bias = RandomValues(p.dim, 2);
    if ((p.terms & 2) != 0) residual = RandomValues(n, 3);
    gamma = RandomValues(p.dim, 4);
    beta = RandomValues(p.dim, 5);
    dy = RandomValues(n, 6);
    extra = RandomValues(n, 7);
    drop = {.rate = p.rate, .seed = 11, .step = 3, .site = 2};
    for (std::int64_t t = 0; t < p.rows; ++t) tokens.push_back({4, static_cast<std::uint32_t>(t)});
    factors = reference::Factors(drop, tokens, p.rows, p.dim);
    h.resize(n);
    y.resize(n);
    dh.resize(n);
    dx.resize(n);
    mean.resize(p.rows);
    rstd.resize(p.rows);
    dgamma.assign(p.dim, 1.0f);  // gradients are added
    dbeta.assign(p.dim, 1.0f);
    dbias.assign(p.dim, 1.0f);
  }
  void Forward() {
    NormForward({.dim = GetParam().dim,
                 .eps = kEps,
                 .x_TD = x,
                 .bias_D = bias,
                 .residual_TD = residual,
                 .dropout = drop,
                 .tokens_T = tokens,
                 .gamma_D = gamma,
                 .beta_D = beta,
                 .h_TD = h,
                 .y_TD = y,
                 .mean_T = mean,
                 .rstd_T = rstd});
  }
  // y as a function of one of its inputs, the others fixed.
  Values Twin(const Values& x_, const Values& bias_, const Values& residual_,
              const Values& gamma_) const {
    return reference::LayerNorm(reference::Residual(x_, bias_, residual_, factors), gamma_,
                                ToDouble(beta), kEps);
  }
  static void ExpectAdded(std::span<const float> sums, const Values& expected) {
    Values added = ToDouble(sums);
    for (double& value : added) value -= 1;
    EXPECT_LE(TensorError(added, expected), 2e-5);
  }

  static constexpr float kEps = 1e-3f;
  std::vector<float> x, bias, residual, gamma, beta, dy, extra;
  std::vector<float> h, y, mean, rstd, dh, dx, dgamma, dbeta, dbias;
  Dropout drop;
  std::vector<TokenKey> tokens;
  Values factors;
};

TEST_P(NormTest, ForwardEqualsSlowTwin) {
  Forward();
  EXPECT_LE(
      TensorError(h, reference::Residual(ToDouble(x), ToDouble(bias), ToDouble(residual), factors)),
      1e-6);
  EXPECT_LE(TensorError(y, Twin(ToDouble(x), ToDouble(bias), ToDouble(residual), ToDouble(gamma))),
            3e-6);
}

TEST_P(NormTest, BackwardEqualsFiniteDifferences) {
  Forward();
  NormBackward({.dim = GetParam().dim,
                .dy_TD = dy,
                .h_TD = h,
                .mean_T = mean,
                .rstd_T = rstd,
                .gamma_D = gamma,
                .dropout = drop,
                .tokens_T = tokens,
                .dh_TD = dh,
                .dx_TD = dx,
                .dgamma_D = dgamma,
                .dbeta_D = dbeta,
                .dbias_D = dbias});
  const Values dx_ = ToDouble(x), db_ = ToDouble(bias), dr_ = ToDouble(residual),
               dg_ = ToDouble(gamma), weights = ToDouble(dy);
  using reference::Gradient;
  EXPECT_LE(TensorError(dx, Gradient([&](const Values& v) { return Twin(v, db_, dr_, dg_); }, dx_,
                                     weights)),
            2e-5);
  if (!residual.empty()) {
    EXPECT_LE(TensorError(dh, Gradient([&](const Values& v) { return Twin(dx_, db_, v, dg_); }, dr_,
                                       weights)),
              2e-5);
  }
  ExpectAdded(dgamma,
              Gradient([&](const Values& v) { return Twin(dx_, db_, dr_, v); }, dg_, weights));
  if (!bias.empty()) {
    ExpectAdded(dbias,
                Gradient([&](const Values& v) { return Twin(dx_, v, dr_, dg_); }, db_, weights));
  }
  Values sums(dbeta.size());
  for (std::size_t i = 0; i < dy.size(); ++i) sums[i % sums.size()] += dy[i];
  ExpectAdded(dbeta, sums);
}

TEST_P(NormTest, ExtraGradientAndAliases) {
  Forward();
  NormBackwardArgs args{.dim = GetParam().dim,
                        .dy_TD = dy,
                        .h_TD = h,
                        .mean_T = mean,
                        .rstd_T = rstd,
                        .gamma_D = gamma,
                        .dropout = drop,
                        .tokens_T = tokens,
                        .dh_TD = dh};
  NormBackward(args);
  std::vector<float> in_place = extra;
  args.extra_dh_TD = in_place;
  args.dh_TD = in_place;
  NormBackward(args);
  for (std::size_t i = 0; i < dh.size(); ++i) EXPECT_NEAR(in_place[i], dh[i] + extra[i], 1e-5);
  std::vector<float> over_dy = dy;
  args.extra_dh_TD = {};
  args.dy_TD = over_dy;
  args.dh_TD = over_dy;
  NormBackward(args);
  EXPECT_EQ(over_dy, dh);
  const std::vector<float> y_apart = y;
  std::vector<float> over_x = x;
  NormForward({.dim = GetParam().dim,
               .eps = kEps,
               .x_TD = over_x,
               .bias_D = bias,
               .residual_TD = residual,
               .dropout = drop,
               .tokens_T = tokens,
               .gamma_D = gamma,
               .beta_D = beta,
               .y_TD = over_x});
  EXPECT_EQ(over_x, y_apart);
}

TEST_P(NormTest, ResidualForwardAndBackward) {
  const std::int64_t dim = GetParam().dim;
  std::vector<float> sum = residual.empty() ? x : residual;  // in place
  ResidualForward({.dim = dim,
                   .x_TD = x,
                   .bias_D = bias,
                   .residual_TD = residual.empty() ? std::span<const float>{} : sum,
                   .dropout = drop,
                   .tokens_T = tokens,
                   .h_TD = sum});
  EXPECT_LE(TensorError(
                sum, reference::Residual(ToDouble(x), ToDouble(bias), ToDouble(residual), factors)),
            1e-6);
  ResidualBackward({.dim = dim,
                    .dh_TD = dy,
                    .dropout = drop,
                    .tokens_T = tokens,
                    .dx_TD = dx,
                    .dbias_D = dbias});
  Values sums(dim);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    EXPECT_EQ(dx[i], dy[i] * static_cast<float>(factors[i]));
    sums[i % dim] += dx[i];
  }
  ExpectAdded(dbias, sums);
}

INSTANTIATE_TEST_SUITE_P(Cases, NormTest,
                         testing::Values(NormCase{3, 5, 0, 3}, NormCase{4, 16, 0.3f, 3},
                                         NormCase{3, 37, 0.2f, 1}, NormCase{5, 64, 0.5f, 2},
                                         NormCase{2, 128, 0, 0}, NormCase{2, 130, 0.1f, 3}));

TEST(NormEdgeTest, WrongSizesAreErrors) {
  std::vector<float> values(8), y(4);
  EXPECT_THROW(
      NormForward({.dim = 4, .x_TD = values, .gamma_D = values, .beta_D = values, .y_TD = y}),
      Error);
  EXPECT_THROW(ResidualForward({.dim = 3, .x_TD = values, .h_TD = values}), Error);
}

}  // namespace
}  // namespace raie::kernels
