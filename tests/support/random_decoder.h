// A random tiny decoder whose every weight counts, and prompts for it; for tests.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backbones/causal_lm/causal_lm.h"
#include "support/random_tile.h"

namespace raie::testing_support {

// Sizes that a slow twin can bear, with the options of a model type.
inline DecoderConfig TinyDecoder(const std::string& model_type) {
  DecoderConfig config{.model_type = model_type,
                       .vocabulary = 30,
                       .dim = 12,
                       .ffn_width = 20,
                       .layers = 2,
                       .heads = 4,
                       .kv_heads = 2,
                       .head_dim = 4,
                       .norm_epsilon = 1e-3,
                       .tied = true,
                       .max_positions = 64};
  config.rope.theta = 100;
  if (model_type == "qwen2") config.qkv_bias = true;
  if (model_type == "qwen3") config.qk_norm = true;
  if (model_type == "biased") {
    config.model_type = "llama";
    config.qkv_bias = config.o_bias = config.mlp_bias = true;
  }
  return config;
}

// Maps of deviation 1 / sqrt(inputs), norms about one, biases not zero.
inline std::shared_ptr<const DecoderWeights> NoisyDecoder(const DecoderConfig& config,
                                                          Precision precision, std::uint64_t seed) {
  auto weights = std::make_shared<DecoderWeights>();
  weights->config = config;
  weights->precision = precision;
  std::uint64_t stream = 100 * seed;
  const auto map = [&](std::int64_t outputs, std::int64_t inputs) {
    const auto w = RandomValues(outputs * inputs, 1 / std::sqrt(inputs), ++stream);
    if (precision == Precision::kFp32) {
      return std::make_unique<nn::FrozenMap>(kernels::View(w, outputs, inputs));
    }
    std::vector<kernels::Bfloat16> rounded(w.size());
    kernels::RoundToBfloat16(w, rounded);
    return std::make_unique<nn::FrozenMap>(
        kernels::ConstBfloat16Matrix{rounded.data(), outputs, inputs, inputs});
  };
  const auto vector = [&](std::int64_t size, float around) {
    auto values = RandomValues(size, 0.2, ++stream);
    for (float& value : values) value += around;
    return values;
  };
  const std::int64_t d = config.dim, f = config.ffn_width, q = config.query_width(),
                     k = config.kv_width();
  for (std::int64_t number = 0; number < config.layers; ++number) {
    DecoderLayer layer;
    layer.qkv = map(q + 2 * k, d);
    layer.o = map(d, q);
    layer.gate_up = map(2 * f, d);
    layer.down = map(d, f);
    if (config.qkv_bias) layer.qkv_bias = vector(q + 2 * k, 0);
    if (config.o_bias) layer.o_bias = vector(d, 0);
    if (config.mlp_bias) layer.gate_up_bias = vector(2 * f, 0);
    if (config.mlp_bias) layer.down_bias = vector(d, 0);
    layer.input_norm = vector(d, 1);
    layer.ffn_norm = vector(d, 1);
    if (config.qk_norm) layer.q_norm = vector(config.head_dim, 1);
    if (config.qk_norm) layer.k_norm = vector(config.head_dim, 1);
    weights->layers.push_back(std::move(layer));
  }
  weights->final_norm = vector(d, 1);
  weights->embedding = TokenRows(config.vocabulary, d, precision);
  for (std::int64_t token = 0; token < config.vocabulary; ++token) {
    weights->embedding.SetRow(token, RandomValues(d, 1, ++stream));
  }
  return weights;
}

enum class History { kItems, kTitles };

// A template with users of 1 to 3 tokens, for up to 12 items of a table of up to 30.
inline PromptSpec TinyPrompt(History history) {
  PromptSpec spec;
  spec.parts = {{PromptPartKind::kText, {1, 4}},
                {PromptPartKind::kUser, {}},
                {PromptPartKind::kText, {7}},
                {PromptPartKind::kHistory, {}},
                {PromptPartKind::kText, {9, 2}}};
  for (std::int32_t user = 0; user < 6; ++user) {
    const std::int32_t ids[] = {10 + user, 11, 12};
    spec.users.Add(std::span(ids).first(1 + user % 3));
  }
  spec.max_items = 12;
  spec.max_tokens = 40;
  if (history == History::kItems) return spec;
  spec.separator = {3};
  for (std::int32_t item = 0; item < 30; ++item) {
    const std::int32_t ids[] = {20 + item % 10, 5 + item % 7};
    spec.titles.Add(std::span(ids).first(1 + item % 2));
  }
  return spec;
}

}  // namespace raie::testing_support
