#include "backbones/sasrec.h"

#include <string>

#include "raie/error.h"

namespace raie {

SasrecOptions SasrecPreset(std::string_view name) {
  SasrecOptions options;
  if (name == "released") return options;
  if (name == "original") {
    options.norm = NormPlace::kPre;
    options.activation = Activation::kRelu;
    options.ffn_width = options.dim;
    options.input_scale = InputScale::kSqrtDim;
    options.layer_norm_epsilon = 1e-8;
    return options;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "no SASRec variant \"" + std::string(name) + "\"; there are released and original");
}

ItemTransformerShape ShapeFrom(const SasrecOptions& options) {
  return {.scale = options.input_scale,
          .position_order = options.position_order,
          .padding = options.padding,
          .embedding_norm = options.embedding_norm,
          .final_norm = options.final_norm,
          .final_norm_epsilon = options.final_norm_epsilon,
          .output_layer = options.output_layer,
          .item_bias = options.item_bias};
}

std::unique_ptr<Backbone> MakeSasrec(const SasrecOptions& options, std::uint64_t seed) {
  return std::make_unique<ItemTransformer>(options, ShapeFrom(options), seed);
}

}  // namespace raie
