// How are residuals, dropout and layer normalisation done in one pass over a row?
//
// Concept: h = residual + dropout(x + bias), y = LayerNorm(h) in one sweep (post-norm); each half
//          also alone (pre-norm). Forward keeps h and the row's mean and 1 / deviation.
// Shapes:  T rows of D columns, contiguous. Empty spans: the term is absent (input) or not wanted
//          (output). Statistics use the biased variance, as PyTorch.
// Threads: one call, one thread.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/dropout.h"

namespace raie::kernels {

struct NormForwardArgs {
  std::int64_t dim = 0;  // D
  float eps = 1e-5f;
  std::span<const float> x_TD = {};         // without bias and residual: h = x (plain LayerNorm)
  std::span<const float> bias_D = {};       // may be empty
  std::span<const float> residual_TD = {};  // may be empty
  Dropout dropout = {};
  std::span<const TokenKey> tokens_T = {};  // needed if dropout is active
  std::span<const float> gamma_D = {}, beta_D = {};
  // residual + dropout(x + bias); may be x or residual itself; empty: not kept.
  std::span<float> h_TD = {};
  std::span<float> y_TD = {};                 // may be x or residual itself if h is not
  std::span<float> mean_T = {}, rstd_T = {};  // may be empty
};

// Semantics: h[t] = residual[t] + factor(t) * (x[t] + bias)
//            y[t] = gamma * (h[t] - mean(h[t])) / sqrt(var(h[t]) + eps) + beta
void NormForward(const NormForwardArgs& args);

struct NormBackwardArgs {
  std::int64_t dim = 0;
  std::span<const float> dy_TD = {};
  std::span<const float> extra_dh_TD = {};  // another gradient of h, added to it; may be empty
  std::span<const float> h_TD = {}, mean_T = {}, rstd_T = {}, gamma_D = {};
  Dropout dropout = {};  // as in Forward
  std::span<const TokenKey> tokens_T = {};
  // Gradient of h, which is that of the residual; may be dy or extra_dh itself.
  std::span<float> dh_TD = {};
  // dh * factor; may be empty.
  std::span<float> dx_TD = {};
  std::span<float> dgamma_D = {}, dbeta_D = {}, dbias_D = {};  // added; may be empty
};

// Semantics: g = gamma * dy[t], xhat = (h[t] - mean[t]) rstd[t]
//            dh[t] = rstd[t] (g - mean(g) - xhat mean(g xhat)) + extra_dh[t];  dx[t] = factor dh[t]
void NormBackward(const NormBackwardArgs& args);

struct ResidualForwardArgs {
  std::int64_t dim = 0;
  std::span<const float> x_TD = {}, bias_D = {}, residual_TD = {};  // bias, residual may be empty
  Dropout dropout = {};
  std::span<const TokenKey> tokens_T = {};
  std::span<float> h_TD = {};  // may be x or residual itself
};

// Semantics: h[t] = residual[t] + factor(t) * (x[t] + bias)
void ResidualForward(const ResidualForwardArgs& args);

struct ResidualBackwardArgs {
  std::int64_t dim = 0;
  std::span<const float> dh_TD = {};
  Dropout dropout = {};
  std::span<const TokenKey> tokens_T = {};
  std::span<float> dx_TD = {};    // may be dh itself
  std::span<float> dbias_D = {};  // added; may be empty
};

// Semantics: dx[t] = factor(t) dh[t];  dbias += sum_t dx[t]
void ResidualBackward(const ResidualBackwardArgs& args);

}  // namespace raie::kernels
