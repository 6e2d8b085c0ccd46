#include "backbones/bert4rec.h"

#include "backbones/item_transformer.h"

namespace raie {

std::unique_ptr<Backbone> MakeBert4rec(const Bert4recOptions& options, std::uint64_t seed) {
  return std::make_unique<ItemTransformer>(
      options,
      ItemTransformerShape{
          .scale = options.input_scale, .mask = kernels::AttentionMask::kFull, .masks = true},
      seed);
}

}  // namespace raie
