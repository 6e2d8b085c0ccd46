// What is the stack of transformer blocks that sequence backbones share?
//
// Concept: blocks of attention and feed-forward, each followed by dropout, residual and LayerNorm
//          (post-norm) or preceded by LayerNorm (pre-norm), and a final LayerNorm, which may be
//          left out. All orders are one chain of stages: h = residual + dropout(map(n)),
//          n' = LayerNorm(h); the residual of the next stage is n' (post) or h (pre). `query` is
//          the order of Kang & McAuley's code: pre-norm, but the residual is n', and keys and
//          values are made of h. Owns no parameters: it lays them out in a flat buffer that its
//          backbone holds. In the last block queries, maps and norms run for the requested outputs
//          only.
// Shapes:  T tokens of a ragged tile, P outputs (P = T if all are wanted), D width, F FFN width.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/adapter.h"
#include "backbones/backbone.h"
#include "base/random.h"
#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/interval_attention.h"
#include "nn/arena.h"
#include "nn/linear.h"

namespace raie {

namespace kernels {
inline std::span<const char* const> EnumNames(Activation) {
  static constexpr const char* kNames[] = {"gelu", "relu"};
  return kNames;
}
}  // namespace kernels

using kernels::Activation;

enum class NormPlace { kPost, kPre, kQuery };
inline std::span<const char* const> EnumNames(NormPlace) {
  static constexpr const char* kNames[] = {"post", "pre", "query"};
  return kNames;
}

struct TransformerShape {
  std::int64_t dim = 0;
  std::int64_t heads = 0;
  std::int64_t ffn_width = 0;
  std::int64_t blocks = 0;
  NormPlace norm = NormPlace::kPost;
  Activation activation = Activation::kGelu;
  kernels::AttentionMask mask = kernels::AttentionMask::kCausal;
  float epsilon = 1e-6f;
  bool final_norm = true;
  float final_epsilon = 1e-6f;
  float dropout = 0;
};

// The named parts of a flat parameter buffer.
class ParameterLayout {
 public:
  // Appends a parameter; returns where it begins.
  std::int64_t Add(std::string name, std::vector<std::int64_t> shape, bool decays);
  std::span<const Backbone::Parameter> list() const { return list_; }
  std::int64_t size() const { return size_; }

 private:
  std::vector<Backbone::Parameter> list_;
  std::int64_t size_ = 0;
};

// What attention reads besides the tokens of a tile: tables in the parameters that all blocks
// share, and the runs of equal intervals between queries and keys (kernels/interval_attention.h).
struct RelativeAttention {
  std::vector<std::int32_t> run_offsets_T1;
  std::vector<kernels::IntervalRun> runs;
  struct Table {
    std::int64_t begin = 0, size = 0;  // in the parameters
  };
  Table position_keys, position_values, interval_keys, interval_values;
};

struct MixtureCall;

// The ragged tile of one call, seen by the blocks.
struct TransformerCall {
  std::span<const std::int32_t> offsets_S1;
  std::span<const std::uint32_t> row_keys_S;
  std::span<const kernels::TokenKey> tokens_T;
  bool all_outputs = true;  // P = T; otherwise:
  std::span<const std::int32_t> output_tokens_P;
  std::span<const std::int32_t> query_offsets_S1;
  std::span<const std::int32_t> query_positions_P;
  std::span<const kernels::TokenKey> tokens_P;
  // Rate, seed and step of the model's dropout (inactive: rate 0) and of the adapters'; the sites
  // are set inside. Sites 1 .. 4 blocks belong to the blocks, kAdapterSite + i to linear map i.
  kernels::Dropout dropout;
  kernels::Dropout lora_dropout;
  bool keep_tape = false;
  const RelativeAttention* relative = nullptr;  // null: queries, keys and values alone
  const MixtureCall* mixture = nullptr;         // null: the adapter, if any, is no mixture
  // Keys of a sequence: places of padding, whose keys and values are the maps' biases (of a
  // decoder: tokens that all sequences begin with, computed before), then its tokens. Empty: the
  // tokens alone. With padding, positions of queries count it, too.
  std::span<const std::int32_t> key_offsets_S1 = {};
  std::span<const std::int32_t> key_positions_T = {};

  bool padded() const { return !key_offsets_S1.empty(); }
  std::int64_t num_tokens() const { return offsets_S1.back(); }
  std::int64_t num_keys() const { return padded() ? key_offsets_S1.back() : num_tokens(); }
  std::int64_t num_outputs() const {
    return all_outputs ? num_tokens() : static_cast<std::int64_t>(output_tokens_P.size());
  }
};

// The gates of a tile, for mixtures.
struct MixtureCall {
  std::span<const float> gates_MSE;
  std::span<float> gradients_MSE;  // added by Backward; empty: not wanted
  std::vector<std::int32_t> sequences_T;
  std::vector<std::int32_t> sequences_P;
};

// Draws a map [outputs, inputs], Xavier uniform.
void DrawXavier(std::int64_t inputs, std::int64_t outputs, RandomStream& random,
                std::span<float> weight);

class TransformerStack {
 public:
  static constexpr std::uint32_t kAdapterSite = 1 << 16;

  // Weights of the stack, with or without an adapter, packed.
  struct Bound {
    struct Block {
      nn::BoundLinear q, kv, out, ffn_in, ffn_out;
    };
    std::vector<Block> blocks;
    std::span<const float> parameters;
  };

  // What Backward needs of a Forward; the buffers live in the caller's arena.
  struct StageTape {
    nn::LinearTape last;   // the map back to D: attention.out or ffn_out
    kernels::Matrix h, n;  // before and after the norm
    std::span<float> mean, rstd;
  };
  struct BlockTape {
    nn::LinearTape q, kv, ffn_in;
    kernels::Matrix query, kv_rows, mixed;  // [P, D], [T, 2 D], [P, D]
    std::span<float> attention_state;
    kernels::Matrix derivative;  // of the activation [P, F]
    StageTape attention, ffn;
  };
  struct Tape {
    std::vector<BlockTape> blocks;
    StageTape first;  // pre-norm, query: the norm before block 0
    StageTape final;  // post-norm: the norm after the last block
  };

  // Appends the parameters of the stack to `layout`.
  TransformerStack(const TransformerShape& shape, ParameterLayout& layout);

  std::span<const LinearMapInfo> linear_maps() const { return maps_; }
  // Draws maps (Xavier uniform); biases zero, norms one and zero.
  void Initialise(std::span<float> parameters, std::uint64_t seed) const;

  Bound Bind(std::span<const float> parameters, const Adapter* adapter, Purpose purpose) const;

  // x_TD is the input after its dropout; it belongs to the tape and must stay.
  void Forward(const Bound& weights, const TransformerCall& call, nn::Arena& arena,
               kernels::Matrix x_TD, Tape* tape, std::span<float> hidden_PD) const;

  // Adds gradients to sink.parameters and sink.adapter, as wanted. Returns the gradient of x_TD in
  // the arena if `want_input` asks for it or parameters are wanted, otherwise an empty matrix.
  kernels::Matrix Backward(const Bound& weights, const TransformerCall& call, nn::Arena& arena,
                           const Tape& tape, std::span<const float> grad_PD,
                           const GradientSink& sink) const;

 private:
  struct Affine {
    std::int64_t weight = 0, bias = 0;
  };
  struct Norm : Affine {
    float epsilon = 0;
    bool there = true;
  };
  struct BlockLayout {
    Affine q, k, v, out, ffn_in, ffn_out;  // q, k, v lie one behind the other
    Norm norm1, norm2;
  };
  class ForwardPass;
  class BackwardPass;

  Affine AddLinear(ParameterLayout& layout, const std::string& prefix, const char* part,
                   const char* kind, std::int64_t inputs, std::int64_t outputs);
  Norm NormAfterFfn(std::int64_t block) const;

  TransformerShape shape_;
  std::vector<BlockLayout> blocks_;
  Norm final_norm_;
  std::vector<LinearMapInfo> maps_;
};

}  // namespace raie
