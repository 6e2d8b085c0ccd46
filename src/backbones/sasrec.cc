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

std::unique_ptr<Backbone> MakeSasrec(const SasrecOptions& options, std::uint64_t seed) {
  return std::make_unique<ItemTransformer>(
      options, ItemTransformerShape{.scale = options.input_scale}, seed);
}

}  // namespace raie
