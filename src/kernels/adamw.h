// How does AdamW change a flat buffer of parameters in one pass?
//
// Source:  Loshchilov & Hutter 2019, as torch.optim.AdamW: decoupled decay, eps outside the root
//          and after the bias correction.
// Shapes:  flat buffers of n numbers each.
#pragma once

#include <cstdint>
#include <span>

namespace raie::kernels {

// Numbers begin .. end - 1 of the buffer decay (or do not). Ranges are disjoint; numbers outside
// all of them are left alone.
struct AdamWRange {
  std::int64_t begin;
  std::int64_t end;
  bool decays;
};

struct AdamWArgs {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
  std::int64_t step = 1;     // 1 for the first
  float gradient_scale = 1;  // clipping; applied to the gradient first
  std::span<const AdamWRange> ranges = {};
  std::span<const float> gradient = {};
  std::span<float> parameters = {}, first_moment = {}, second_moment = {};
};

// Semantics: g = gradient_scale * gradient;  p *= 1 - lr * wd (where it decays)
//            m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//            p -= lr / (1 - b1^step) * m / (sqrt(v) / sqrt(1 - b2^step) + eps)
void AdamWStep(const AdamWArgs& args);

// Returns the sum of squares, in double, in an order that depends on the size only.
double SumOfSquares(std::span<const float> values);

}  // namespace raie::kernels
