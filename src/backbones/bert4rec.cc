#include "backbones/bert4rec.h"

#include "backbones/item_transformer.h"

namespace raie {

std::unique_ptr<Backbone> MakeBert4rec(const Bert4recOptions& options, std::uint64_t seed) {
  ItemTransformerShape shape = ShapeFrom(options);
  shape.mask = kernels::AttentionMask::kFull;
  shape.masks = true;
  return std::make_unique<ItemTransformer>(options, shape, seed);
}

}  // namespace raie
