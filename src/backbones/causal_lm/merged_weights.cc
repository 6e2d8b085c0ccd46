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

  // Shares a map that nothing is added to.
  void Merge(std::shared_ptr<const nn::FrozenMap>& shared, std::int64_t first,
             std::int64_t count) const {
    const auto entry_of = [&](std::int64_t map) {
      return std::ranges::find(adapter_.maps(), map, &Adapter::Map::map);
    };
    const auto none = adapter_.maps().end();
    std::int64_t adapted = 0;
    for (std::int64_t i = first; i < first + count; ++i) adapted += entry_of(i) != none ? 1 : 0;
    if (adapted == 0) return;
    const nn::FrozenMap& map = *shared;
    std::vector<float> w(map.outputs() * map.inputs());
    const Matrix all = kernels::MutableView(w, map.outputs(), map.inputs());
    map.CopyRows(0, all);
    std::int64_t begin = 0;
    for (std::int64_t i = first; i < first + count; begin += maps_[i].outputs, ++i) {
      const auto entry = entry_of(i);
      if (entry == none) continue;
      const auto b = adapter_.b_OR(*entry);
      std::vector<float> scaled_b(b.begin(), b.end());
      for (float& value : scaled_b) value *= adapter_.scale();
      const std::int64_t rank = adapter_.options().rank;
      kernels::MultiplyPlain(kernels::View(scaled_b, entry->outputs, rank),
                             kernels::View(adapter_.a_RI(*entry), rank, entry->inputs),
                             kernels::Store::kAdd, all.Rows(begin, begin + entry->outputs));
    }
    if (precision_ == Precision::kFp32) {
      shared = std::make_shared<const nn::FrozenMap>(all);
      return;
    }
    std::vector<kernels::Bfloat16> rounded(w.size());
    kernels::RoundToBfloat16(w, rounded);
    shared = std::make_shared<const nn::FrozenMap>(
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
  auto merged = std::make_shared<DecoderWeights>(weights);
  const std::vector<LinearMapInfo> maps = LinearMapsOf(weights.config);
  const Merger merger(maps, adapter, weights.precision);
  std::int64_t first = 0;
  for (DecoderLayer& layer : merged->layers) {
    merger.Merge(layer.qkv, first, 3);
    merger.Merge(layer.o, first + 3, 1);
    merger.Merge(layer.gate_up, first + 4, 2);
    merger.Merge(layer.down, first + 6, 1);
    first += 7;
  }
  return merged;
}

}  // namespace raie
