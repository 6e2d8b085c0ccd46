// Which files hold a snapshot?
//
// Concept: base/backbone.safetensors (one tensor a parameter) for the frozen backbone; in a
// version:
//          items.safetensors (rows that scores and routes are made with), regions.*,
//          adapters/region-ID or adapters/global, and prior.* where there is a popularity prior.
// Errors:  kCorruptData if a shape differs from what the backbone's options ask for.
#pragma once

#include <filesystem>
#include <memory>

#include "backbones/registry.h"
#include "training/snapshot.h"

namespace raie {

void SaveBackbone(const std::filesystem::path& path, const Backbone& backbone);
std::unique_ptr<Backbone> LoadBackbone(const std::filesystem::path& path,
                                       const BackboneOptions& options);

// Writes everything of a snapshot but the backbone into `folder`, which exists.
void SaveVersionFiles(const std::filesystem::path& folder, const Snapshot& snapshot);

// Fills items, routing_items, editor and adapters of a snapshot whose backbone and sizes are set.
// The prior is read by LoadPrior if the version's manifest lists it.
void LoadVersionFiles(const std::filesystem::path& folder, Snapshot& snapshot);

}  // namespace raie
