#include "training/border.h"

#include <cstdio>

#include "backbones/pretrained.h"
#include "raie/error.h"

namespace raie {
namespace {

// Why states cannot be kept; empty: they can.
std::string Obstacle(const Backbone& backbone, const BorderRequest& request) {
  const Pretrained* const pretrained = backbone.pretrained();
  if (pretrained == nullptr) return "only a language model (causal_lm) keeps states between layers";
  const std::int64_t layers = NumLayers(backbone.linear_maps());
  if (request.adapter.last_layers == 0 || request.adapter.last_layers >= layers) {
    return "adapters are in all layers; give --adapter-layers last:N (" + request.layers_key +
           ") with N from 1 to " + std::to_string(layers - 1);
  }
  if (request.trains_rows && pretrained->reads_item_rows()) {
    return "item rows that prompts read are trained, so what is below changes with every step; " +
           request.rows_advice;
  }
  return "";
}

std::string Gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, bytes < 1e8 ? "%.3f GB" : "%.1f GB", bytes / 1e9);
  return text;
}

}  // namespace

std::int64_t BorderLayer(const Backbone& backbone, const BorderOptions& options,
                         const BorderRequest& request) {
  if (options.use == BorderUse::kOff) return 0;
  const std::string obstacle = Obstacle(backbone, request);
  if (obstacle.empty()) return NumLayers(backbone.linear_maps()) - request.adapter.last_layers;
  if (options.use == BorderUse::kAuto) return 0;
  throw Error(ErrorCode::kInvalidArgument,
              "border.use = on, but states cannot be kept: " + obstacle + ", or border.use = auto");
}

std::unique_ptr<Backbone> WithBorder(const Backbone& backbone, const BorderOptions& options,
                                     const BorderRequest& request) {
  const std::int64_t layer = BorderLayer(backbone, options, request);
  if (layer == 0) return nullptr;
  return backbone.pretrained()->WithBorder(layer, std::make_shared<BorderStore>(options));
}

std::string BorderText(const Backbone& backbone, const BorderOptions& options, std::int64_t windows,
                       std::int64_t length) {
  const TokenCost cost = backbone.token_cost();
  const auto tokens = static_cast<double>(cost.of_row + length * cost.of_item);
  const double bytes = tokens * static_cast<double>(backbone.dim()) * sizeof(float);
  return "states of the frozen layers: about " + Gigabytes(bytes * static_cast<double>(windows)) +
         " for " + std::to_string(windows) + " windows, at most " +
         Gigabytes(1e9 * options.gigabytes) + " are kept in " + PlaceOf(options);
}

}  // namespace raie
