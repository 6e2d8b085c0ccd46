// What is the stack of layers of a Llama-family decoder, forward and backward?
//
// Concept: h += attention(rms(h)); h += down(silu(gate) up) of rms(h); a final rms. Grouped
// queries,
//          rotary positions, frozen maps with low-rank paths beside them. The last layer computes
//          requested outputs only, behind its attention. Backward keeps of a layer what is dear to
//          make again (queries, keys, values, probabilities, gate and up; these two in bf16 where
//          weights are) and stops at the lowest map that is trained.
// Shapes:  T tokens of a ragged tile, P outputs, D width, F FFN width, Q width of all query heads,
//          C that of queries, keys and values.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "adapters/adapter.h"
#include "backbones/backbone.h"
#include "backbones/causal_lm/decoder_weights.h"
#include "backbones/transformer.h"
#include "kernels/attention.h"
#include "kernels/matrix.h"
#include "kernels/rope.h"
#include "nn/arena.h"
#include "nn/linear.h"

namespace raie {

// Returns the linear maps of a decoder by layer: q, k, v, o, gate, up, down; names are those of the
// checkpoint's modules.
std::vector<LinearMapInfo> LinearMapsOf(const DecoderConfig& config);

class Decoder {
 public:
  // For prompts of up to `positions` tokens.
  Decoder(std::shared_ptr<const DecoderWeights> weights, std::int64_t positions);

  const DecoderWeights& weights() const { return *weights_; }
  std::span<const LinearMapInfo> linear_maps() const { return maps_; }

  // The frozen maps with the paths of one adapter, or of none.
  struct Bound {
    struct Layer {
      nn::BoundLinear qkv, o, gate_up, down;
    };
    std::vector<Layer> layers;
    std::int64_t low_rank = 0;        // numbers a token that the paths of all maps keep
    std::int64_t lowest_adapted = 0;  // layer; as many as there are: none
  };
  Bound Bind(const Adapter* adapter, Purpose purpose) const;

  // What Backward needs of a layer; the buffers live in the arena of Forward.
  struct LayerTape {
    nn::LinearTape qkv, o, gate_up, down;  // without x where it is made again
    kernels::Matrix h1, h2;                // before the two norms: [T, D], [T or P, D]
    std::span<float> rstd1, rstd2, q_rstd, k_rstd;
    kernels::Matrix qkv_rows;  // [T, C], turned
    kernels::Matrix query;     // [P, Q] of the last layer
    kernels::Matrix raw_qk;    // before the norms of heads
    kernels::Matrix mixed;     // [T or P, Q]
    std::span<float> attention_state;
    std::span<float> gate_up_rows;  // [T or P, 2 F], bf16 pairs where weights are bf16
  };
  struct Tape {
    std::vector<LayerTape> layers;
    kernels::Matrix h;  // before the final norm [P, D]
    std::span<float> rstd;
  };

  // Keys and values of tokens that all sequences of a tile begin with.
  struct Prefix {
    std::int64_t tokens = 0;
    std::vector<std::vector<float>> layers;  // [tokens, keys and values]; keys are turned
  };

  // What both passes of a tile read. `arena` of Forward is where the tape lives.
  struct Pass {
    const Bound& bound;
    const TransformerCall& call;
    nn::Arena& arena;
    std::int64_t first_layer = 0;    // that is computed; x is what it reads
    const Prefix* prefix = nullptr;  // before the call's tokens; not in training
    Prefix* made_prefix = nullptr;   // where the keys and values of the call's tokens go, if wanted
  };

  // Returns about how many numbers the arena of Forward needs: a bound from above.
  std::int64_t ArenaSize(const Bound& bound, const TransformerCall& call,
                         std::int64_t first_layer) const;

  // Returns about how many of these numbers are for a token of a prompt of so many, with a tape.
  std::int64_t TapeSize(std::int64_t tokens, std::int64_t first_layer) const;

  // Turns x, what the first layer reads, into what layer `end` reads; no tape.
  void ForwardBelow(const Pass& pass, std::int64_t end, kernels::Matrix x_TD) const;

  // Sets the final-norm states of the call's outputs; x, what the first layer reads, is
  // overwritten. `tape` null: not kept.
  void Forward(const Pass& pass, kernels::Matrix x_TD, Tape* tape,
               std::span<float> hidden_PD) const;

  // Returns the keys and values of x, tokens 0 .. of every prompt; x is overwritten.
  Prefix MakePrefix(const Bound& bound, kernels::Matrix x_TD) const;

  // Adds to the sink's adapter gradient; returns the gradient of x [T, D], in the pass's arena, if
  // the sink wants inputs, else nothing.
  kernels::Matrix Backward(const Pass& pass, const Tape& tape, std::span<const float> grad_PD,
                           const GradientSink& sink) const;

 private:
  class ForwardPass;
  class BackwardPass;

  kernels::AttentionShape AttentionShapeOf(const TransformerCall& call, bool selects) const;
  std::int64_t TapeRow() const;    // numbers a layer keeps of a token, but those of attention
  std::int64_t qkv_width() const;  // C
  float attention_scale() const;
  kernels::Rotations rotations() const;

  std::shared_ptr<const DecoderWeights> weights_;
  std::vector<LinearMapInfo> maps_;
  std::vector<float> cos_LF_, sin_LF_;
};

}  // namespace raie
