// How are rows, or equal groups of columns of rows, divided by their root mean square?
//
// Concept: h = residual + x, y = gamma h / rms(h) in one sweep. A row of a matrix may hold several
//          groups of `dim` columns (attention heads), each normalised by itself with the same
//          gamma.
// Source:  Zhang & Sennrich 2019; epsilon inside the root, as in Llama.
// Shapes:  matrices [T, G D]; rstd one number a row and group.
// Threads: one call, one thread.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/matrix.h"

namespace raie::kernels {

struct RmsNormForwardArgs {
  std::int64_t dim = 0;  // D
  float eps = 1e-5f;
  ConstMatrix x = {};
  ConstMatrix residual = {};  // empty: none
  std::span<const float> gamma_D = {};
  Matrix h = {};                  // residual + x; may be x or residual itself; empty: not kept
  Matrix y = {};                  // may be x or residual itself if h is not
  std::span<float> rstd_TG = {};  // empty: not wanted
};

// Semantics: h = residual + x;  rstd = 1 / sqrt(mean(h^2) + eps);  y = gamma h rstd
void RmsNormForward(const RmsNormForwardArgs& args);

struct RmsNormBackwardArgs {
  std::int64_t dim = 0;
  ConstMatrix dy = {};
  ConstMatrix extra_dh = {};  // another gradient of h, added to it; empty: none
  ConstMatrix h = {};
  std::span<const float> rstd_TG = {};
  std::span<const float> gamma_D = {};
  Matrix dh = {};  // set; may be dy or extra_dh itself
};

// Semantics: g = gamma dy, xhat = h rstd;  dh = rstd (g - xhat mean(g xhat)) + extra_dh
void RmsNormBackward(const RmsNormBackwardArgs& args);

// What Forward wrote to y, again.
// Semantics: y = gamma h rstd
void RmsNormAgain(std::int64_t dim, ConstMatrix h, std::span<const float> rstd_TG,
                  std::span<const float> gamma_D, Matrix y);

}  // namespace raie::kernels
