// What is the layer that some models have between the last block and the item rows?
//
// Concept: y = LayerNorm(GELU(x W^T + b)). Like the stack it owns no parameters; it lays out
//          `output.weight`, `output.bias`, `output_norm.weight` and `output_norm.bias`. Adapters
//          leave it as it is.
// Source:  Sun et al. 2019, Eq. 7 (they have no LayerNorm there; RecBole's BERT4Rec has).
// Shapes:  x, y [P, D].
#pragma once

#include <cstdint>
#include <span>

#include "backbones/backbone.h"
#include "backbones/transformer.h"
#include "nn/arena.h"
#include "nn/linear.h"

namespace raie {

class DenseOutput {
 public:
  // What a call reads besides its rows.
  struct Call {
    const nn::BoundLinear& linear;
    std::span<const float> parameters;
    nn::Arena& arena;
  };
  // What Backward needs of a Forward; the buffers live in the arena of Forward.
  struct Tape {
    nn::LinearTape linear;
    kernels::Matrix derivative, h;  // of the activation; before the norm
    std::span<float> mean, rstd;
  };

  // Appends the parameters to `layout`.
  DenseOutput(std::int64_t dim, float epsilon, ParameterLayout& layout);

  // Map Xavier uniform, biases zero, norm one and zero.
  void Initialise(std::span<float> parameters, std::uint64_t seed) const;
  nn::BoundLinear Bind(std::span<const float> parameters, Purpose purpose) const;

  void Forward(const Call& call, kernels::ConstMatrix x_PD, Tape& tape, kernels::Matrix y_PD) const;
  // Adds to `gradients` (flat, as the parameters; empty: not wanted); sets dx.
  void Backward(const Call& call, const Tape& tape, kernels::ConstMatrix dy_PD,
                std::span<float> gradients, kernels::Matrix dx_PD) const;

 private:
  std::int64_t dim_;
  float epsilon_;
  std::int64_t weight_, bias_, norm_weight_, norm_bias_;
};

}  // namespace raie
