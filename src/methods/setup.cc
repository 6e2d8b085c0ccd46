#include "methods/setup.h"

#include <utility>

#include "backbones/pretrained.h"
#include "methods/window_states.h"
#include "regions/calibration.h"

namespace raie {

Snapshot ForData(const Snapshot& snapshot, const PreparedData& data) {
  const Pretrained* const pretrained = snapshot.backbone->pretrained();
  if (pretrained == nullptr) return snapshot;
  Snapshot result = snapshot;
  result.backbone = pretrained->WithTexts(TextsOf(data));
  return result;
}

BorderRequest BorderRequestOf(const AdaptOptions& options) {
  return {.adapter = options.lora,
          .layers_key = "edit.lora.last_layers",
          .trains_rows = options.item_rows != ItemRowsKind::kFrozen,
          .rows_advice =
              "freeze them (edit.item_rows = frozen), or fit a model that writes histories as "
              "titles (backbone.causal_lm.history = titles)"};
}

Snapshot MakeFittedSnapshot(const FittedModel& model) {
  Snapshot snapshot;
  snapshot.backbone = model.backbone;
  snapshot.items = model.items;
  snapshot.routing_items = model.items;
  snapshot.catalogue_size = model.catalogue_size;
  snapshot.old_catalogue_size = model.catalogue_size;
  return snapshot;
}

Snapshot WithRegions(const Snapshot& snapshot, const PreparedData& data, const SetupWindows& setup,
                     const DiscoveryOptions& discovery, const EditorOptions& editor,
                     const PassRun& run, KMeansResult* clustering) {
  const WindowStates training =
      ComputeStates(snapshot, data, setup.training, snapshot.catalogue_size, run);
  const WindowStates held_out =
      ComputeStates(snapshot, data, setup.held_out, snapshot.catalogue_size, run);
  Discovery found = DiscoverRegions(training.z_MD, training.dim, discovery, run.pool);
  Snapshot result = snapshot;
  result.editor.regions = std::move(found.regions);
  result.editor.calibration = Calibrate(result.editor.regions, held_out.z_MD, editor, run.pool);
  result.editor.buffer = {};
  if (clustering != nullptr) *clustering = std::move(found.clustering);
  return result;
}

}  // namespace raie
