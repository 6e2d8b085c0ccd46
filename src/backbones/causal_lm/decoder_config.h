// What does a checkpoint's config.json say of its architecture?
//
// Concept: the Llama family as Hugging Face writes it: `llama`, `mistral`, `qwen2`, `qwen3`; in the
//          dialect of transformers 4 (`rope_theta`, `rope_scaling`, `torch_dtype`) and 5
//          (`rope_parameters`, `dtype`). What would change the mathematics and is not implemented
//          is refused by name, never ignored.
// Source:  modeling_llama, modeling_mistral, modeling_qwen2, modeling_qwen3 and
//          modeling_rope_utils of transformers 5.24.
// Errors:  kInvalidArgument for a field raie does not support, with the values that work;
//          kCorruptData for a file that is not JSON, a missing field or a size that cannot be.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace raie {

enum class RopeKind { kDefault, kLinear, kLlama3 };

struct RopeConfig {
  RopeKind kind = RopeKind::kDefault;
  double theta = 10000;
  double factor = 1;                                           // linear, llama3
  double low_frequency_factor = 1, high_frequency_factor = 4;  // llama3
  double original_positions = 8192;                            // llama3
};

struct DecoderConfig {
  std::string model_type = "llama";
  std::int64_t vocabulary = 0;
  std::int64_t dim = 0;        // D
  std::int64_t ffn_width = 0;  // F
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // divides heads
  std::int64_t head_dim = 0;  // even
  double norm_epsilon = 1e-5;
  bool qkv_bias = false, o_bias = false, mlp_bias = false;
  bool qk_norm = false;    // RMSNorm of every query and key head
  bool tied = false;       // the output rows are the embedding's
  bool says_tied = false;  // else `tied` is what the tensors say
  std::int64_t max_positions = 0;
  std::int64_t sliding_window = 0;  // 0: none; prompts must be shorter
  RopeConfig rope;

  std::int64_t query_width() const { return heads * head_dim; }
  std::int64_t kv_width() const { return kv_heads * head_dim; }
  // Tokens a prompt may have.
  std::int64_t longest_prompt() const;
};

// Reads the fields of a config.json; `place` begins the messages.
DecoderConfig ParseDecoderConfig(const nlohmann::json& json, const std::string& place);
DecoderConfig ReadDecoderConfig(const std::filesystem::path& file);

// Throws kCorruptData (with `place`) unless the sizes can be those of a model.
void CheckDecoderConfig(const DecoderConfig& config, const std::string& place);

// Returns the frequencies [head_dim / 2] that positions are multiplied with.
std::vector<float> RopeFrequencies(const RopeConfig& rope, std::int64_t head_dim);

}  // namespace raie
