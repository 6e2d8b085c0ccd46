#include "training/fit_start.h"

#include <optional>
#include <utility>

#include "base/random.h"

namespace raie {
namespace {

constexpr std::uint64_t kSetupAdapterPart = 0x736164;  // of the backbone's seed

}  // namespace

FittedBackbone FitFromStart(const FitStart& start, const FitOptions& options, FitRequest request,
                            TaskPool& pool) {
  FittedBackbone fitted;
  fitted.backbone = MakeBackbone(start.backbone, start.backbone_seed,
                                 {.saved = {}, .texts = TextsOf(request.data)});
  Backbone& backbone = *fitted.backbone;
  fitted.items = std::make_shared<ItemTable>(
      backbone.dim(),
      MakeItemRows(start.backbone, backbone, request.catalogue_size, start.rows_seed));
  const Pretrained* const pretrained = backbone.pretrained();
  std::optional<Adapter> adapter;
  if (pretrained != nullptr) {
    adapter = Adapter::Make(backbone.linear_maps(), pretrained->setup_adapter(),
                            DeriveSeed(start.backbone_seed, kSetupAdapterPart));
    request.adapter = &*adapter;
    request.backbone += " of checkpoint " + pretrained->digest();
  }
  fitted.report = FitBackbone(options, request, backbone, *fitted.items, pool);
  fitted.trained_parameters =
      std::ssize(fitted.items->base_ND()) +
      (adapter.has_value() ? std::ssize(adapter->values()) : std::ssize(backbone.parameters()));
  if (adapter.has_value()) fitted.backbone = pretrained->Merged(*adapter);
  return fitted;
}

}  // namespace raie
