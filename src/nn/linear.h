// How does a linear map with low-rank updates run forward and backward?
//
// Concept: one weight W [O, I] may serve several maps of the same input (k and v); each may carry
//          its own LoRA pair. `merged`: W + scale B A is formed and packed once, so an adapted map
//          costs what a plain one costs; the gradients of A and B are low-rank products, the full
//          dW is never formed for them. `apart`: y = x W^T + scale (dropout(x) A^T) B^T, as PEFT
//          defines it with dropout. A mixture is always apart: the low-rank path of each expert is
//          multiplied with its gate, one number a sequence: y = x W^T + (g o scale (x A^T)) B^T.
//          A weight that is frozen for good is not packed again for each adapter: all refer to one
//          FrozenMap, and the low-rank path is apart.
// Shapes:  x [T, I], y [T, O]; part p of y is columns begin .. begin + outputs - 1; A [R, I],
//          B [outputs, R].
// Threads: a bound map may be used by many threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/dropout.h"
#include "kernels/gemm.h"
#include "kernels/matrix.h"
#include "nn/arena.h"
#include "nn/frozen_map.h"

namespace raie::nn {

// One map's pair inside a (fused) weight.
struct LoraPart {
  std::int64_t begin = 0;  // first output
  std::int64_t outputs = 0;
  std::span<const float> a_RI, b_OR;
  std::int64_t a_begin = 0;  // where their gradients go in the flat adapter gradient
  std::int64_t b_begin = 0;
  std::uint32_t site = 0;  // of the dropout on its input
  std::int64_t gate = 0;   // mixtures: which gate is its
};

enum class LoraPath { kMerged, kApart };
enum class Direction { kForward, kBoth };

struct LinearSource {
  kernels::ConstMatrix weight_OI = {};
  const FrozenMap* frozen = nullptr;  // instead of weight_OI; outlives the map; path is kApart
  std::vector<LoraPart> parts;
  std::int64_t rank = 0;
  float scale = 0;
  std::int64_t experts = 1;  // > 1: a mixture; rank is that of all experts together
  LoraPath path = LoraPath::kMerged;
  Direction direction = Direction::kBoth;
};

// The gates of a tile's sequences, for mixtures.
struct Gates {
  std::span<const float> values_MSE = {};          // map, sequence, expert
  std::span<float> gradients_MSE = {};             // added; empty: not wanted
  std::span<const std::int32_t> sequences_T = {};  // of each row of x
  std::int64_t sequences = 0;                      // S
};

// What differs between calls. `lora_dropout.site` is set by the map.
struct LinearContext {
  Arena& arena;
  std::span<const kernels::TokenKey> tokens_T;
  kernels::Dropout lora_dropout = {};
  Gates gates = {};
};

// What Backward needs of a Forward; x must live as long.
struct LinearTape {
  kernels::ConstMatrix x_TI;
  kernels::ConstMatrix low_TR;  // apart: scale dropout(x) A^T of all parts, side by side, no gate
};

struct LinearGradients {
  kernels::Matrix weight_OI = {};  // added; empty: not wanted
  std::span<float> adapter = {};   // added, flat; empty: not wanted
  kernels::Matrix input_TI = {};   // empty: not wanted
  kernels::Store input_store = kernels::Store::kSet;
};

class BoundLinear {
 public:
  BoundLinear() = default;
  explicit BoundLinear(const LinearSource& source);

  bool adapted() const { return !parts_.empty(); }

  // y = x W^T + bias (+ the low-rank path, if apart). `bias_O` may be empty.
  LinearTape Forward(const LinearContext& context, kernels::ConstMatrix x_TI,
                     std::span<const float> bias_O, kernels::Matrix y_TO) const;
  void Backward(const LinearContext& context, const LinearTape& tape, kernels::ConstMatrix dy_TO,
                const LinearGradients& gradients) const;

 private:
  struct Part {
    LoraPart lora;
    kernels::PackedWeights a;         // backward only: dropout(x)'s gradient; apart
    kernels::PackedWeights b;         // forward only; apart
    kernels::PackedWeights scaled_b;  // backward only
    kernels::PackedWeights scaled_a;  // forward only; apart (merged: all parts in scaled_a_)
  };

  kernels::ConstMatrix Dropped(const LinearContext& context, const Part& part,
                               kernels::ConstMatrix x_TI, kernels::Matrix scratch_TI) const;
  // Sets to = gate of each expert * from, row by row.
  void Gated(const Gates& gates, const LoraPart& lora, kernels::ConstMatrix from_TR,
             kernels::Matrix to_TR) const;
  // Adds the gradients of the gates, dlow being that of the gated low-rank path times the scale.
  void BackwardGates(const Gates& gates, const LoraPart& lora, kernels::ConstMatrix low_TR,
                     kernels::ConstMatrix dlow_TR) const;
  void BackwardAdapter(const LinearContext& context, const LinearTape& tape,
                       kernels::ConstMatrix dy_TO, const LinearGradients& gradients) const;

  const FrozenMap* frozen_ = nullptr;
  kernels::PackedWeights weight_;  // W, or W + scale B A; not with frozen_
  kernels::PackedWeights scaled_a_;
  std::vector<Part> parts_;
  std::int64_t inputs_ = 0;
  std::int64_t rank_ = 0;
  std::int64_t experts_ = 1;
  float scale_ = 0;
  LoraPath path_ = LoraPath::kMerged;
};

}  // namespace raie::nn
