#include "backbones/causal_lm/decoder.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace raie {

constexpr std::int64_t kMapsPerLayer = 7;

std::vector<LinearMapInfo> LinearMapsOf(const DecoderConfig& c) {
  std::vector<LinearMapInfo> maps;
  for (std::int64_t layer = 0; layer < c.layers; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    const auto add = [&](const char* module, const char* kind, std::int64_t inputs,
                         std::int64_t outputs) {
      maps.push_back({at + module, kind, inputs, outputs, layer});
    };
    add("self_attn.q_proj", "q", c.dim, c.query_width());
    add("self_attn.k_proj", "k", c.dim, c.kv_width());
    add("self_attn.v_proj", "v", c.dim, c.kv_width());
    add("self_attn.o_proj", "o", c.query_width(), c.dim);
    add("mlp.gate_proj", "gate", c.dim, c.ffn_width);
    add("mlp.up_proj", "up", c.dim, c.ffn_width);
    add("mlp.down_proj", "down", c.ffn_width, c.dim);
  }
  return maps;
}

Decoder::Decoder(std::shared_ptr<const DecoderWeights> weights, std::int64_t positions)
    : weights_(std::move(weights)), maps_(LinearMapsOf(weights_->config)) {
  const DecoderConfig& c = weights_->config;
  const std::vector<float> frequencies = RopeFrequencies(c.rope, c.head_dim);
  for (std::int64_t p = 0; p < positions; ++p) {
    for (const float frequency : frequencies) {
      // The angle is rounded to a float, as models were trained.
      const double angle{static_cast<float>(p) * frequency};
      cos_LF_.push_back(static_cast<float>(std::cos(angle)));
      sin_LF_.push_back(static_cast<float>(std::sin(angle)));
    }
  }
}

Decoder::Bound Decoder::Bind(const Adapter* adapter, Purpose purpose) const {
  const bool adapted = adapter != nullptr && !(purpose == Purpose::kScore && adapter->IsZero());
  // Adapter entries are in the order of maps.
  std::size_t next = 0;
  // Binds `count` maps, from linear map `first`, that are one frozen map.
  const auto bind = [&](const nn::FrozenMap& map, std::int64_t first, std::int64_t count) {
    nn::LinearSource source{
        .frozen = &map,
        .path = nn::LoraPath::kApart,
        .direction = purpose == Purpose::kScore ? nn::Direction::kForward : nn::Direction::kBoth};
    if (!adapted) return nn::BoundLinear(source);
    source.rank = adapter->total_rank();
    if (adapter->is_mixture()) source.experts = adapter->mixture().experts;
    source.scale = adapter->scale();
    const auto entries = adapter->maps();
    std::int64_t begin = 0;
    for (std::int64_t i = first; i < first + count; begin += maps_[i].outputs, ++i) {
      if (next == entries.size() || entries[next].map != i) continue;
      const Adapter::Map& entry = entries[next];
      source.parts.push_back(
          {.begin = begin,
           .outputs = entry.outputs,
           .a_RI = adapter->a_RI(entry),
           .b_OR = adapter->b_OR(entry),
           .a_begin = entry.a_begin,
           .b_begin = entry.b_begin,
           .site = TransformerStack::kAdapterSite + static_cast<std::uint32_t>(i),
           .gate = static_cast<std::int64_t>(next)});
      ++next;
    }
    return nn::BoundLinear(source);
  };
  Bound bound;
  bound.lowest_adapted = weights_->config.layers;
  if (adapted) {
    bound.low_rank = adapter->total_rank() * std::ssize(adapter->maps());
    for (const Adapter::Map& entry : adapter->maps()) {
      bound.lowest_adapted = std::min(bound.lowest_adapted, maps_[entry.map].layer);
    }
  }
  std::int64_t first = 0;
  for (const DecoderLayer& layer : weights_->layers) {
    Bound::Layer maps;
    maps.qkv = bind(*layer.qkv, first, 3);
    maps.o = bind(*layer.o, first + 3, 1);
    maps.gate_up = bind(*layer.gate_up, first + 4, 2);
    maps.down = bind(*layer.down, first + 6, 1);
    bound.layers.push_back(std::move(maps));
    first += kMapsPerLayer;
  }
  return bound;
}

kernels::AttentionShape Decoder::AttentionShapeOf(const TransformerCall& call, bool selects) const {
  kernels::AttentionShape shape{.heads = weights_->config.heads,
                                .kv_heads = weights_->config.kv_heads,
                                .mask = kernels::AttentionMask::kCausal,
                                .offsets_S1 = call.offsets_S1};
  if (call.padded()) shape.offsets_S1 = call.key_offsets_S1;
  if (selects) {
    shape.query_offsets_S1 = call.query_offsets_S1;
    shape.query_positions_P = call.query_positions_P;
  } else if (call.padded()) {
    shape.query_offsets_S1 = call.offsets_S1;
    shape.query_positions_P = call.key_positions_T;
  }
  return shape;
}

std::int64_t Decoder::qkv_width() const {
  return weights_->config.query_width() + 2 * weights_->config.kv_width();
}

std::int64_t Decoder::TapeRow() const {
  const DecoderConfig& c = weights_->config;
  std::int64_t row = 2 * c.dim + qkv_width() + c.query_width() + 2 * c.ffn_width + 2;
  if (weights_->precision == Precision::kBf16) row -= c.ffn_width;
  if (c.qk_norm) row += c.query_width() + c.kv_width() + c.heads + c.kv_heads;
  return row;
}

std::int64_t Decoder::TapeSize(std::int64_t tokens, std::int64_t first_layer) const {
  const std::vector<std::int32_t> offsets = {0, static_cast<std::int32_t>(tokens)};
  const std::int64_t state =
      kernels::AttentionStateSize(AttentionShapeOf({.offsets_S1 = offsets}, false));
  return (weights_->config.layers - first_layer) * (TapeRow() + state / tokens);
}

std::int64_t Decoder::ArenaSize(const Bound& bound, const TransformerCall& call,
                                std::int64_t first_layer) const {
  const DecoderConfig& c = weights_->config;
  constexpr std::int64_t kLines = 16 * 16;  // what is lost to whole cache lines in a layer
  const std::int64_t tokens = call.num_tokens(), outputs = call.num_outputs();
  if (!call.keep_tape) return tokens * c.dim + outputs * (c.dim + c.query_width()) + kLines;
  const std::int64_t state = kernels::AttentionStateSize(AttentionShapeOf(call, false));
  return (c.layers - first_layer) * (tokens * TapeRow() + state + kLines) +
         tokens * (bound.low_rank + 2 * c.dim);
}

float Decoder::attention_scale() const {
  return 1 / std::sqrt(static_cast<float>(weights_->config.head_dim));
}

kernels::Rotations Decoder::rotations() const {
  return {.dim = weights_->config.head_dim, .cos_LF = cos_LF_, .sin_LF = sin_LF_};
}

}  // namespace raie
