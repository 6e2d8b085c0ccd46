// Which frozen weights does a decoder have, and how do they come from a checkpoint?
//
// Concept: maps that read the same rows are one product: q, k, v; gate, up. They are packed once,
//          in bf16 or float (nn/frozen_map.h), and shared by every adapter and every thread.
//          Embedding rows stay as rows, since prompts read few of them.
// Shapes:  D width, F FFN width, V vocabulary.
// Errors:  kNotFound, kCorruptData: a tensor that is missing, not expected, of another shape or not
//          finite, by its name, with the shape found and expected; kUnavailable: a model larger
//          than what memory there is, before any of it is taken. See also decoder_config.h.
// Threads: immutable; may be read by many threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backbones/causal_lm/decoder_config.h"
#include "base/task_pool.h"
#include "kernels/bf16.h"
#include "nn/frozen_map.h"

namespace raie {

using nn::Precision;

// Rows of V tokens, in bf16 or float.
class TokenRows {
 public:
  TokenRows() = default;
  TokenRows(std::int64_t rows, std::int64_t dim, Precision precision);

  bool empty() const { return rows_ == 0; }
  std::int64_t rows() const { return rows_; }
  void CopyRow(std::int64_t token, std::span<float> to) const;
  void SetRow(std::int64_t token, std::span<const float> from);
  // Semantics: scores[v] = row(v) . x, in float
  void Score(std::span<const float> x_D, std::span<float> scores_V) const;

  std::span<kernels::Bfloat16> bf16() { return bf16_; }
  std::span<float> fp32() { return fp32_; }

 private:
  std::int64_t rows_ = 0, dim_ = 0;
  std::vector<kernels::Bfloat16> bf16_;  // one of the two
  std::vector<float> fp32_;
};

// A copy shares the maps.
struct DecoderLayer {
  std::shared_ptr<const nn::FrozenMap> qkv, o, gate_up, down;
  std::vector<float> qkv_bias, o_bias, gate_up_bias, down_bias;  // empty: none
  std::vector<float> input_norm, ffn_norm;
  std::vector<float> q_norm, k_norm;  // with qk_norm only
};

// What becomes of the rows that make logits over the vocabulary; items have rows of their own.
enum class OutputRows { kDrop, kKeep };

struct LoadOptions {
  Precision precision = Precision::kBf16;
  OutputRows output = OutputRows::kDrop;
};

struct DecoderWeights {
  DecoderConfig config;
  Precision precision = Precision::kBf16;
  std::vector<DecoderLayer> layers;
  std::vector<float> final_norm;
  TokenRows embedding;  // [V, D]
  TokenRows output;     // only if kept and not tied

  // Weights are bf16, but this machine multiplies them as floats (kernels/bf16_gemm.h): slower, and
  // worth saying once.
  bool widens_bf16() const;
  const TokenRows& output_rows() const { return output.empty() ? embedding : output; }
};

// Returns the bytes that the weights of such a model take in memory, one layout of each map: those
// of a training run are up to twice that.
double WeightBytes(const DecoderConfig& config, const LoadOptions& options);

// Throws kUnavailable if that is more than `available`, with both numbers.
void CheckFitsInMemory(const DecoderConfig& config, const LoadOptions& options,
                       std::int64_t available, const std::string& place);

// Reads a Hugging Face folder: config.json and safetensors.
std::shared_ptr<const DecoderWeights> LoadDecoder(const std::filesystem::path& folder,
                                                  const LoadOptions& options, TaskPool& pool);

// Draws N(0, 0.02) maps and rows as transformers does, biases zero, norms one. A map depends on
// (seed, its place) only.
std::shared_ptr<const DecoderWeights> RandomDecoder(const DecoderConfig& config,
                                                    const LoadOptions& options, std::uint64_t seed);

}  // namespace raie
