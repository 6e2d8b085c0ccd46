#include "backbones/transformer.h"

#include <algorithm>
#include <cmath>

#include "backbones/transformer_pass.h"
#include "base/random.h"
#include "raie/error.h"

namespace raie {

using kernels::ConstMatrix;

std::int64_t ParameterLayout::Add(std::string name, std::vector<std::int64_t> shape, bool decays) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  const std::int64_t begin = size_;
  list_.push_back({std::move(name), std::move(shape), begin, decays});
  size_ += count;
  return begin;
}

TransformerStack::TransformerStack(const TransformerShape& shape, ParameterLayout& layout)
    : shape_(shape) {
  const std::int64_t d = shape.dim, f = shape.ffn_width;
  const auto add_norm = [&](const std::string& name) {
    const std::int64_t weight = layout.Add(name + ".weight", {d}, false);
    return Norm{{weight, layout.Add(name + ".bias", {d}, false)}, shape.epsilon};
  };
  for (std::int64_t b = 0; b < shape.blocks; ++b) {
    const std::string prefix = "blocks." + std::to_string(b) + ".";
    BlockLayout block;
    // The weights of q, k and v first, then their biases: k and v are multiplied as one map.
    Affine* const qkv[] = {&block.q, &block.k, &block.v};
    const char* const kinds[] = {"q", "k", "v"};
    for (int i = 0; i < 3; ++i) {
      const std::string name = prefix + "attention." + kinds[i];
      maps_.push_back({name, kinds[i], d, d, b});
      qkv[i]->weight = layout.Add(name + ".weight", {d, d}, true);
    }
    for (int i = 0; i < 3; ++i) {
      qkv[i]->bias = layout.Add(prefix + "attention." + kinds[i] + ".bias", {d}, false);
    }
    block.out = AddLinear(layout, prefix, "attention.out", "out", d, d);
    block.norm1 = add_norm(prefix + "norm1");
    block.ffn_in = AddLinear(layout, prefix, "ffn_in", "ffn_in", d, f);
    block.ffn_out = AddLinear(layout, prefix, "ffn_out", "ffn_out", f, d);
    block.norm2 = add_norm(prefix + "norm2");
    blocks_.push_back(block);
  }
  final_norm_.there = shape.final_norm;
  if (!shape.final_norm) return;
  final_norm_ = add_norm("final_norm");
  final_norm_.epsilon = shape.final_epsilon;
}

TransformerStack::Affine TransformerStack::AddLinear(ParameterLayout& layout,
                                                     const std::string& prefix, const char* part,
                                                     const char* kind, std::int64_t inputs,
                                                     std::int64_t outputs) {
  maps_.push_back(
      {prefix + part, kind, inputs, outputs, static_cast<std::int64_t>(blocks_.size())});
  const std::int64_t weight = layout.Add(prefix + part + ".weight", {outputs, inputs}, true);
  return {weight, layout.Add(prefix + part + ".bias", {outputs}, false)};
}

void DrawXavier(std::int64_t inputs, std::int64_t outputs, RandomStream& random,
                std::span<float> weight) {
  const double bound = std::sqrt(6.0 / static_cast<double>(inputs + outputs));
  for (float& value : weight) value = static_cast<float>(bound * (2 * random.Uniform() - 1));
}

void TransformerStack::Initialise(std::span<float> parameters, std::uint64_t seed) const {
  const std::int64_t d = shape_.dim, f = shape_.ffn_width;
  std::uint64_t stream = 0;
  const auto draw = [&](const Affine& map, std::int64_t inputs, std::int64_t outputs) {
    RandomStream random(seed, stream++);
    DrawXavier(inputs, outputs, random, parameters.subspan(map.weight, inputs * outputs));
    std::fill_n(parameters.begin() + map.bias, outputs, 0.0f);
  };
  const auto reset = [&](const Norm& norm) {
    if (!norm.there) return;
    std::fill_n(parameters.begin() + norm.weight, d, 1.0f);
    std::fill_n(parameters.begin() + norm.bias, d, 0.0f);
  };
  for (const BlockLayout& block : blocks_) {
    for (const Affine& map : {block.q, block.k, block.v, block.out}) draw(map, d, d);
    draw(block.ffn_in, d, f);
    draw(block.ffn_out, f, d);
    reset(block.norm1);
    reset(block.norm2);
  }
  reset(final_norm_);
}

TransformerStack::Bound TransformerStack::Bind(std::span<const float> parameters,
                                               const Adapter* adapter, Purpose purpose) const {
  const bool adapted = adapter != nullptr && !(purpose == Purpose::kScore && adapter->IsZero());
  const bool apart = adapted && (adapter->is_mixture() || (purpose == Purpose::kTrainAdapter &&
                                                           adapter->options().dropout > 0));
  // Binds `count` maps, from linear map `first`, whose weights lie one behind the other.
  const auto bind = [&](std::int64_t first, std::int64_t count, std::int64_t weight) {
    const LinearMapInfo& info = maps_[first];
    nn::LinearSource source{
        .weight_OI = {parameters.data() + weight, count * info.outputs, info.inputs, info.inputs},
        .parts = {},
        .rank = 0,
        .scale = 0,
        .path = apart ? nn::LoraPath::kApart : nn::LoraPath::kMerged,
        .direction = purpose == Purpose::kScore ? nn::Direction::kForward : nn::Direction::kBoth};
    if (!adapted) return nn::BoundLinear(source);
    source.rank = adapter->total_rank();
    if (adapter->is_mixture()) source.experts = adapter->mixture().experts;
    source.scale = adapter->scale();
    for (std::size_t i = 0; i < adapter->maps().size(); ++i) {
      const Adapter::Map& map = adapter->maps()[i];
      if (map.map < first || map.map >= first + count) continue;
      source.parts.push_back({.begin = (map.map - first) * info.outputs,
                              .outputs = map.outputs,
                              .a_RI = adapter->a_RI(map),
                              .b_OR = adapter->b_OR(map),
                              .a_begin = map.a_begin,
                              .b_begin = map.b_begin,
                              .site = kAdapterSite + static_cast<std::uint32_t>(map.map),
                              .gate = static_cast<std::int64_t>(i)});
    }
    return nn::BoundLinear(source);
  };
  Bound bound{.blocks = {}, .parameters = parameters};
  for (std::int64_t b = 0; b < shape_.blocks; ++b) {
    const BlockLayout& block = blocks_[b];
    const std::int64_t first = b * kMapsPerBlock;
    bound.blocks.push_back({.q = bind(first, 1, block.q.weight),
                            .kv = bind(first + 1, 2, block.k.weight),
                            .out = bind(first + 3, 1, block.out.weight),
                            .ffn_in = bind(first + 4, 1, block.ffn_in.weight),
                            .ffn_out = bind(first + 5, 1, block.ffn_out.weight)});
  }
  return bound;
}

// The norm a block's feed-forward stage ends in, seen as a chain of stages.
TransformerStack::Norm TransformerStack::NormAfterFfn(std::int64_t block) const {
  if (shape_.norm == NormPlace::kPost) return blocks_[block].norm2;
  return block + 1 < shape_.blocks ? blocks_[block + 1].norm1 : final_norm_;
}

}  // namespace raie
