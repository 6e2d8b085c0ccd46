#include "training/fit_start.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/random.h"
#include "data/thin_windows.h"
#include "training/border.h"
#include "training/contexts.h"
#include "training/encode.h"

namespace raie {
namespace {

constexpr std::int64_t kCentreWindows = 512;
constexpr std::uint64_t kSetupAdapterPart = 0x736164;  // of the backbone's seed

void KeepBorder(const FitStart& start, const FitRequest& request,
                std::shared_ptr<Backbone>& backbone) {
  const Pretrained* const pretrained = backbone->pretrained();
  std::shared_ptr<Backbone> keeping = WithBorder(
      *backbone, start.border,
      {.adapter = pretrained != nullptr ? pretrained->setup_adapter() : LoraOptions(),
       .layers_key = "backbone.causal_lm.lora.last_layers",
       .trains_rows = true,
       .rows_advice = "write histories as titles (backbone.causal_lm.history = titles)"});
  if (keeping == nullptr) return;
  backbone = std::move(keeping);
  if (!start.note) return;
  const SetupWindows windows = MakeSetupWindows(request.data, request.slice, request.windows);
  start.note(BorderText(*backbone, start.border,
                        windows.training.size() + windows.validation.size(),
                        request.windows.context));
}

// Replaces a backbone that asks for a centre by one that has it: from states of windows spread
// evenly over S's, as they are before any training.
void Centre(const FitRequest& request, const ItemTable& items, TaskPool& pool,
            std::shared_ptr<Backbone>& backbone) {
  const Pretrained* const pretrained = backbone->pretrained();
  if (pretrained == nullptr || !pretrained->wants_centre()) return;
  const SetupWindows setup = MakeSetupWindows(request.data, request.slice, request.windows);
  const WindowSet thinned = Thinned(setup.training, kCentreWindows);
  const ReadWindows read = ReadContexts(request.data, thinned, 0, thinned.size(),
                                        request.windows.context, request.catalogue_size);
  const std::vector<float> states =
      HiddenStates(MakeEncoder(*backbone, items, pool), {.rows = read.contexts}, pool);
  backbone = pretrained->Centred(states);
}

}  // namespace

FittedBackbone FitFromStart(const FitStart& start, const FitOptions& options, FitRequest request,
                            TaskPool& pool) {
  FittedBackbone fitted;
  fitted.backbone = MakeBackbone(start.backbone, start.backbone_seed,
                                 {.saved = {}, .texts = [&] { return TextsOf(request.data); }});
  KeepBorder(start, request, fitted.backbone);
  if (start.made) start.made(*fitted.backbone);
  fitted.items = std::make_shared<ItemTable>(
      fitted.backbone->dim(),
      MakeItemRows(start.backbone, *fitted.backbone, request.catalogue_size, start.rows_seed));
  Centre(request, *fitted.items, pool, fitted.backbone);
  Backbone& backbone = *fitted.backbone;
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
