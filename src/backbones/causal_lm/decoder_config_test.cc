#include "backbones/causal_lm/decoder_config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "raie/error.h"

namespace raie {
namespace {

using Json = nlohmann::json;

Json Llama() {
  return {{"model_type", "llama"},
          {"vocab_size", 100},
          {"hidden_size", 24},
          {"intermediate_size", 48},
          {"num_hidden_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"max_position_embeddings", 64},
          {"rms_norm_eps", 1e-5},
          {"hidden_act", "silu"},
          {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", 1e5}}}};
}

// The message of the refusal of a configuration with these fields changed.
std::string Refusal(const Json& changed, ErrorCode code) {
  Json config = Llama();
  config.update(changed);
  try {
    ParseDecoderConfig(config, "config.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "accepted " << changed.dump();
  return "";
}

void ExpectRefused(const Json& changed, const std::string& reason,
                   ErrorCode code = ErrorCode::kInvalidArgument) {
  EXPECT_PRED_FORMAT2(::testing::IsSubstring, reason, Refusal(changed, code));
}

TEST(DecoderConfigTest, BothDialectsSayTheSame) {
  Json old = Llama();
  old.erase("rope_parameters");
  old["rope_theta"] = 1e5;
  old["rope_scaling"] = nullptr;
  old["torch_dtype"] = "bfloat16";
  for (const Json& config : {Llama(), old}) {
    const DecoderConfig parsed = ParseDecoderConfig(config, "config.json");
    EXPECT_EQ(parsed.rope.theta, 1e5);
    EXPECT_EQ(parsed.rope.kind, RopeKind::kDefault);
    EXPECT_EQ(parsed.head_dim, 6);
    EXPECT_EQ(parsed.kv_heads, 2);
    EXPECT_FALSE(parsed.says_tied);
  }
  const Json scaling = {{"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 32}};
  Json new_llama3 = Llama();
  new_llama3["rope_parameters"].update(scaling);
  new_llama3["rope_parameters"]["rope_type"] = "llama3";
  old["rope_scaling"] = scaling;
  old["rope_scaling"]["type"] = "llama3";
  EXPECT_EQ(RopeFrequencies(ParseDecoderConfig(new_llama3, "").rope, 6),
            RopeFrequencies(ParseDecoderConfig(old, "").rope, 6));
}

TEST(DecoderConfigTest, WhatIsNotImplementedIsRefusedByNameWithWhatWorks) {
  ExpectRefused({{"model_type", "gemma2"}}, "\"llama\", \"mistral\", \"qwen2\" or \"qwen3\" works");
  ExpectRefused({{"hidden_act", "gelu"}}, "hidden_act = \"gelu\" is not supported; \"silu\" works");
  ExpectRefused({{"quantization_config", {{"bits", 4}}}}, "quantization_config");
  ExpectRefused({{"partial_rotary_factor", 0.5}}, "partial_rotary_factor = 0.5");
  ExpectRefused({{"rope_parameters", {{"rope_type", "yarn"}, {"factor", 4}}}},
                "\"default\", \"linear\" or \"llama3\" works");
  ExpectRefused({{"model_type", "mistral"}, {"layer_types", {"chunked_attention"}}}, "layer_types");
  ExpectRefused({{"model_type", "qwen2"}, {"mlp_bias", true}}, "mlp_bias = true");
}

TEST(DecoderConfigTest, SizesThatCannotBeAreRefused) {
  const auto corrupt = ErrorCode::kCorruptData;
  ExpectRefused({{"num_attention_heads", 0}}, "num_attention_heads = 0", corrupt);
  ExpectRefused({{"num_attention_heads", 5}}, "num_attention_heads = 5 does not divide", corrupt);
  ExpectRefused({{"num_key_value_heads", 3}}, "num_key_value_heads = 3 does not divide", corrupt);
  ExpectRefused({{"num_key_value_heads", 0}}, "num_key_value_heads = 0", corrupt);
  ExpectRefused({{"head_dim", 7}}, "head_dim = 7 is odd", corrupt);
  ExpectRefused({{"hidden_size", -8}, {"head_dim", 8}}, "hidden_size = -8", corrupt);
  ExpectRefused({{"rms_norm_eps", 0}}, "rms_norm_eps", corrupt);
  ExpectRefused({{"vocab_size", "many"}}, "vocab_size = \"many\", expected a whole number",
                corrupt);
  ExpectRefused({{"vocab_size", nullptr}}, "no field \"vocab_size\"", corrupt);
  ExpectRefused({{"model_type", "qwen3"}}, "no field \"head_dim\"", corrupt);
}

TEST(DecoderConfigTest, ASlidingWindowBoundsThePrompt) {
  Json config = Llama();
  config["sliding_window"] = 16;
  EXPECT_EQ(ParseDecoderConfig(config, "").longest_prompt(), 64);
  config["model_type"] = "mistral";
  EXPECT_EQ(ParseDecoderConfig(config, "").longest_prompt(), 15);
  config["model_type"] = "qwen2";
  EXPECT_EQ(ParseDecoderConfig(config, "").longest_prompt(), 64);
  config["use_sliding_window"] = true;
  EXPECT_EQ(ParseDecoderConfig(config, "").longest_prompt(), 15);
}

TEST(DecoderConfigTest, FrequenciesAreThoseOfTheFormula) {
  const auto plain = RopeFrequencies({.theta = 100}, 4);
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_EQ(plain[0], 1);
  EXPECT_FLOAT_EQ(plain[1], 0.1f);
  const auto linear = RopeFrequencies({.kind = RopeKind::kLinear, .theta = 100, .factor = 4}, 4);
  EXPECT_FLOAT_EQ(linear[0], 0.25f);
  // Waves over the original positions: 50.9 (short, kept), 5.09 (between), .509 (long, divided).
  const RopeConfig llama3{.kind = RopeKind::kLlama3,
                          .theta = 1e3,
                          .factor = 8,
                          .low_frequency_factor = 1,
                          .high_frequency_factor = 8,
                          .original_positions = 320};
  const auto bent = RopeFrequencies(llama3, 6);
  EXPECT_FLOAT_EQ(bent[0], 1);
  const double waves = 320 * 0.1 / (2 * M_PI), kept = (waves - 1) / 7;
  EXPECT_NEAR(bent[1], 0.1 * (kept + (1 - kept) / 8), 1e-7);
  EXPECT_FLOAT_EQ(bent[2], 0.01f / 8);
}

}  // namespace
}  // namespace raie
