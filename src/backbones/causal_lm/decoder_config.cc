#include "backbones/causal_lm/decoder_config.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/files.h"
#include "raie/error.h"

namespace raie {
namespace {

using nlohmann::json;

// Fields of one JSON object, with messages that name them.
class Fields {
 public:
  Fields(const json& object, std::string place) : object_(object), place_(std::move(place)) {
    if (!object.is_object()) Corrupt("not a JSON object");
  }

  bool Has(const char* name) const { return object_.contains(name) && !object_.at(name).is_null(); }
  const json& At(const char* name) const {
    if (!Has(name)) Corrupt(std::string("no field \"") + name + "\"");
    return object_.at(name);
  }
  std::int64_t Whole(const char* name) const {
    const json& value = At(name);
    if (!value.is_number_integer()) Wrong(name, "a whole number");
    return value.get<std::int64_t>();
  }
  std::int64_t Whole(const char* name, std::int64_t otherwise) const {
    return Has(name) ? Whole(name) : otherwise;
  }
  double Number(const char* name) const {
    const json& value = At(name);
    if (!value.is_number()) Wrong(name, "a number");
    return value.get<double>();
  }
  double Number(const char* name, double otherwise) const {
    return Has(name) ? Number(name) : otherwise;
  }
  bool Truth(const char* name, bool otherwise) const {
    if (!Has(name)) return otherwise;
    if (!At(name).is_boolean()) Wrong(name, "true or false");
    return At(name).get<bool>();
  }
  std::string Text(const char* name) const {
    if (!At(name).is_string()) Wrong(name, "a string");
    return At(name).get<std::string>();
  }
  Fields Section(const char* name) const { return {At(name), place_ + ": " + name}; }

  [[noreturn]] void Refuse(const std::string& name, const std::string& works) const {
    throw Error(ErrorCode::kInvalidArgument,
                place_ + ": " + name + " = " +
                    (object_.contains(name) ? object_.at(name).dump() : "(not there)") +
                    " is not supported; " + works + " works");
  }
  [[noreturn]] void Corrupt(const std::string& what) const {
    throw Error(ErrorCode::kCorruptData, place_ + ": " + what);
  }

 private:
  [[noreturn]] void Wrong(const char* name, const std::string& expected) const {
    Corrupt(std::string(name) + " = " + object_.at(name).dump() + ", expected " + expected);
  }

  const json& object_;
  std::string place_;
};

RopeConfig RopeOf(const Fields& all) {
  const bool new_dialect = all.Has("rope_parameters");
  RopeConfig rope;
  rope.theta = all.Number("rope_theta", rope.theta);
  if (!new_dialect && !all.Has("rope_scaling")) return rope;
  const Fields own = all.Section(new_dialect ? "rope_parameters" : "rope_scaling");
  rope.theta = own.Number("rope_theta", rope.theta);
  const char* const key = own.Has("rope_type") ? "rope_type" : "type";
  const std::string type = own.Has(key) ? own.Text(key) : "default";
  if (own.Has("partial_rotary_factor") && own.Number("partial_rotary_factor") != 1) {
    own.Refuse("partial_rotary_factor", "1");
  }
  if (type == "default") return rope;
  if (type != "linear" && type != "llama3") {
    own.Refuse(key, "\"default\", \"linear\" or \"llama3\"");
  }
  rope.factor = own.Number("factor");
  if (!(rope.factor >= 1)) own.Corrupt("factor = " + std::to_string(rope.factor) + " is below 1");
  rope.kind = RopeKind::kLinear;
  if (type == "linear") return rope;
  rope.kind = RopeKind::kLlama3;
  rope.low_frequency_factor = own.Number("low_freq_factor");
  rope.high_frequency_factor = own.Number("high_freq_factor");
  rope.original_positions = own.Number("original_max_position_embeddings");
  if (!(rope.low_frequency_factor > 0) ||
      !(rope.high_frequency_factor > rope.low_frequency_factor) || !(rope.original_positions > 0)) {
    own.Corrupt("expected 0 < low_freq_factor < high_freq_factor and positions above 0");
  }
  return rope;
}

// Layers with sliding windows; 0: none.
std::int64_t WindowOf(const Fields& all, const std::string& model_type) {
  if (all.Has("layer_types")) {
    for (const json& type : all.At("layer_types")) {
      if (type != "full_attention" && type != "sliding_attention") {
        all.Refuse("layer_types", "\"full_attention\" and \"sliding_attention\" alone");
      }
    }
  }
  if (model_type == "llama" || !all.Has("sliding_window")) return 0;
  // Qwen's configurations name a window that only this field puts to use.
  if (model_type != "mistral" && !all.Truth("use_sliding_window", false)) return 0;
  const std::int64_t window = all.Whole("sliding_window");
  if (window < 1) all.Corrupt("sliding_window = " + std::to_string(window) + " is below 1");
  return window;
}

void RefuseOthers(const Fields& all) {
  for (const char* name : {"quantization_config", "compression_config"}) {
    if (all.Has(name)) all.Refuse(name, "a checkpoint of F32, F16 or BF16 without this field");
  }
  for (const char* name : {"hidden_act", "hidden_activation"}) {
    if (all.Has(name) && all.Text(name) != "silu") all.Refuse(name, "\"silu\"");
  }
  if (all.Has("partial_rotary_factor") && all.Number("partial_rotary_factor") != 1) {
    all.Refuse("partial_rotary_factor", "1");
  }
  for (const char* name : {"attn_logit_softcapping", "final_logit_softcapping", "logit_scale",
                           "num_local_experts", "num_experts", "mup_base_width"}) {
    if (all.Has(name)) all.Refuse(name, "null");
  }
}

}  // namespace

std::int64_t DecoderConfig::longest_prompt() const {
  return sliding_window > 0 ? std::min(max_positions, sliding_window - 1) : max_positions;
}

DecoderConfig ParseDecoderConfig(const json& object, const std::string& place) {
  const Fields all(object, place);
  DecoderConfig config;
  config.model_type = all.Text("model_type");
  const std::string& type = config.model_type;
  if (type != "llama" && type != "mistral" && type != "qwen2" && type != "qwen3") {
    all.Refuse("model_type", "\"llama\", \"mistral\", \"qwen2\" or \"qwen3\"");
  }
  RefuseOthers(all);
  config.vocabulary = all.Whole("vocab_size");
  config.dim = all.Whole("hidden_size");
  config.ffn_width = all.Whole("intermediate_size");
  config.layers = all.Whole("num_hidden_layers");
  config.heads = all.Whole("num_attention_heads");
  config.kv_heads = all.Whole("num_key_value_heads", config.heads);
  // Only Qwen 3 has a default of its own, which its files state.
  if (type == "qwen3" || all.Has("head_dim")) {
    config.head_dim = all.Whole("head_dim");
  } else if (config.heads > 0 && config.dim % config.heads == 0) {
    config.head_dim = config.dim / config.heads;
  } else {
    all.Corrupt("num_attention_heads = " + std::to_string(config.heads) +
                " does not divide hidden_size = " + std::to_string(config.dim) +
                ", and there is no head_dim");
  }
  config.norm_epsilon = all.Number("rms_norm_eps");
  const bool attention_bias = all.Truth("attention_bias", false);
  if (type == "mistral" && attention_bias) all.Refuse("attention_bias", "false");
  config.qkv_bias = type == "qwen2" || attention_bias;
  config.o_bias = type != "qwen2" && attention_bias;
  config.mlp_bias = all.Truth("mlp_bias", false);
  if (type != "llama" && config.mlp_bias) all.Refuse("mlp_bias", "false");
  config.qk_norm = type == "qwen3";
  config.says_tied = all.Has("tie_word_embeddings");
  config.tied = all.Truth("tie_word_embeddings", false);
  config.max_positions = all.Whole("max_position_embeddings");
  config.sliding_window = WindowOf(all, type);
  config.rope = RopeOf(all);
  CheckDecoderConfig(config, place);
  return config;
}

DecoderConfig ReadDecoderConfig(const std::filesystem::path& file) {
  json object;
  try {
    object = json::parse(ReadFile(file));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kCorruptData, file.string() + " is not JSON: " + error.what());
  }
  return ParseDecoderConfig(object, file.string());
}

void CheckDecoderConfig(const DecoderConfig& config, const std::string& place) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  const auto corrupt = [&](const std::string& what) {
    throw Error(ErrorCode::kCorruptData, place + ": " + what);
  };
  const std::pair<const char*, std::int64_t> sizes[] = {
      {"vocab_size", config.vocabulary},       {"hidden_size", config.dim},
      {"intermediate_size", config.ffn_width}, {"num_hidden_layers", config.layers},
      {"num_attention_heads", config.heads},   {"num_key_value_heads", config.kv_heads},
      {"head_dim", config.head_dim},           {"max_position_embeddings", config.max_positions}};
  for (const auto& [name, size] : sizes) {
    if (size < 1 || size > kMost) {
      corrupt(std::string(name) + " = " + std::to_string(size) + ", expected 1 to " +
              std::to_string(kMost));
    }
  }
  if (config.heads % config.kv_heads != 0) {
    corrupt("num_key_value_heads = " + std::to_string(config.kv_heads) +
            " does not divide num_attention_heads = " + std::to_string(config.heads));
  }
  if (config.head_dim % 2 != 0) {
    corrupt("head_dim = " + std::to_string(config.head_dim) +
            " is odd; rotary positions turn pairs");
  }
  if (!(config.norm_epsilon > 0) || config.norm_epsilon > 1) {
    corrupt("rms_norm_eps = " + std::to_string(config.norm_epsilon) +
            ", expected above 0, at most 1");
  }
  if (!(config.rope.theta > 1)) {
    corrupt("rope_theta = " + std::to_string(config.rope.theta) + ", expected above 1");
  }
}

std::vector<float> RopeFrequencies(const RopeConfig& rope, std::int64_t head_dim) {
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < head_dim; i += 2) {
    double frequency =
        1 / std::pow(rope.theta, static_cast<double>(i) / static_cast<double>(head_dim));
    if (rope.kind == RopeKind::kLinear) frequency /= rope.factor;
    if (rope.kind == RopeKind::kLlama3) {
      // Long waves are stretched by the factor, short ones left, those between in between.
      const double waves = rope.original_positions * frequency / (2 * std::numbers::pi);
      const double kept = std::clamp((waves - rope.low_frequency_factor) /
                                         (rope.high_frequency_factor - rope.low_frequency_factor),
                                     0.0, 1.0);
      frequency *= kept + (1 - kept) / rope.factor;
    }
    frequencies.push_back(static_cast<float>(frequency));
  }
  return frequencies;
}

}  // namespace raie
