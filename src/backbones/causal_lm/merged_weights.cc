#include "backbones/causal_lm/merged_weights.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "backbones/causal_lm/decoder.h"
#include "kernels/gemm.h"
#include "raie/error.h"

namespace raie {

using kernels::Matrix;

namespace {

// W of one frozen map, with the updates of linear maps first .. first + count - 1 added.
class Merger {
 public:
  Merger(std::span<const LinearMapInfo> maps, const Adapter& adapter, Precision precision)
      : maps_(maps), adapter_(adapter), precision_(precision) {}

  std::unique_ptr<nn::FrozenMap> Merge(const nn::FrozenMap& map, std::int64_t first,
                                       std::int64_t count) const {
    std::vector<float> w(map.outputs() * map.inputs());
    const Matrix all = kernels::MutableView(w, map.outputs(), map.inputs());
    map.CopyRows(0, all);
    std::int64_t begin = 0;
    for (std::int64_t i = first; i < first + count; begin += maps_[i].outputs, ++i) {
      const auto entry = std::find_if(adapter_.maps().begin(), adapter_.maps().end(),
                                      [&](const Adapter::Map& own) { return own.map == i; });
      if (entry == adapter_.maps().end()) continue;
      const auto b = adapter_.b_OR(*entry);
      std::vector<float> scaled_b(b.begin(), b.end());
      for (float& value : scaled_b) value *= adapter_.scale();
      const std::int64_t rank = adapter_.options().rank;
      kernels::MultiplyPlain(kernels::View(scaled_b, entry->outputs, rank),
                             kernels::View(adapter_.a_RI(*entry), rank, entry->inputs),
                             kernels::Store::kAdd, all.Rows(begin, begin + entry->outputs));
    }
    if (precision_ == Precision::kFp32) return std::make_unique<nn::FrozenMap>(all);
    std::vector<kernels::Bfloat16> rounded(w.size());
    kernels::RoundToBfloat16(w, rounded);
    return std::make_unique<nn::FrozenMap>(
        kernels::ConstBfloat16Matrix{rounded.data(), map.outputs(), map.inputs(), map.inputs()});
  }

 private:
  std::span<const LinearMapInfo> maps_;
  const Adapter& adapter_;
  Precision precision_;
};

}  // namespace

std::shared_ptr<const DecoderWeights> MergedWith(const DecoderWeights& weights,
                                                 const Adapter& adapter) {
  if (adapter.is_mixture()) {
    throw Error(ErrorCode::kInvalidArgument, "a mixture of adapters cannot be merged into weights");
  }
  auto merged = std::make_shared<DecoderWeights>();
  merged->config = weights.config;
  merged->precision = weights.precision;
  merged->final_norm = weights.final_norm;
  merged->embedding = weights.embedding;
  merged->output = weights.output;
  const std::vector<LinearMapInfo> maps = LinearMapsOf(weights.config);
  const Merger merger(maps, adapter, weights.precision);
  std::int64_t first = 0;
  for (const DecoderLayer& layer : weights.layers) {
    DecoderLayer copy;
    copy.qkv = merger.Merge(*layer.qkv, first, 3);
    copy.o = merger.Merge(*layer.o, first + 3, 1);
    copy.gate_up = merger.Merge(*layer.gate_up, first + 4, 2);
    copy.down = merger.Merge(*layer.down, first + 6, 1);
    copy.qkv_bias = layer.qkv_bias;
    copy.o_bias = layer.o_bias;
    copy.gate_up_bias = layer.gate_up_bias;
    copy.down_bias = layer.down_bias;
    copy.input_norm = layer.input_norm;
    copy.ffn_norm = layer.ffn_norm;
    copy.q_norm = layer.q_norm;
    copy.k_norm = layer.k_norm;
    merged->layers.push_back(std::move(copy));
    first += 7;
  }
  return merged;
}

}  // namespace raie
