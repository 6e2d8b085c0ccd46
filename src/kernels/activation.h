// How are bias, activation and dropout of a feed-forward layer done in one pass?
//
// Concept: forward also writes the derivative (with the dropout factor in it), so backward is one
//          multiplication and draws no bits.
// Source:  GELU by the exact erf definition, |error| <= 1e-6 (PyTorch's default); ReLU'(0) = 0.
// Shapes:  T rows of F columns, contiguous.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/dropout.h"

namespace raie::kernels {

enum class Activation { kGelu, kRelu };

struct ActivationForwardArgs {
  Activation activation = Activation::kGelu;
  std::int64_t dim = 0;                // F
  std::span<const float> x_TF = {};    // before the bias
  std::span<const float> bias_F = {};  // may be empty
  Dropout dropout = {};
  std::span<const TokenKey> tokens_T = {};  // needed if dropout is active
  std::span<float> y_TF = {};               // may be x itself
  std::span<float> derivative_TF = {};  // for Backward; may be x itself (if y is not); may be empty
};

// Semantics: y[t] = factor(t) f(x[t] + bias);  derivative[t] = factor(t) f'(x[t] + bias)
void ActivationForward(const ActivationForwardArgs& args);

struct ActivationBackwardArgs {
  std::int64_t dim = 0;
  std::span<const float> dy_TF = {}, derivative_TF = {};
  std::span<float> dx_TF = {};    // may be dy or derivative itself
  std::span<float> dbias_F = {};  // added; may be empty
};

// Semantics: dx = dy * derivative;  dbias += sum_t dx[t]
void ActivationBackward(const ActivationBackwardArgs& args);

}  // namespace raie::kernels
