// Which files hold a snapshot?
//
// Concept: base/ holds the frozen backbone: backbone.safetensors (one tensor a parameter), or of a
//          language model the checkpoint, as Hugging Face writes it; in a version:
//          items.safetensors (rows that scores and routes are made with), regions.*,
//          adapters/region-ID or adapters/global, and prior.* where there is a popularity prior.
// Errors:  kCorruptData if a shape differs from what the backbone's options ask for.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "backbones/registry.h"
#include "training/snapshot.h"

namespace raie {

// Writes into `base` and reads it again; the folder exists.
void SaveBackbone(const std::filesystem::path& base, const Backbone& backbone);
// `texts`: what items are called, asked for a backbone that reads it.
std::unique_ptr<Backbone> LoadBackbone(const std::filesystem::path& base,
                                       const BackboneOptions& options,
                                       std::function<Texts()> texts);

// Writes one folder for each different adapter and adapters.json, which says which region reads
// which; returns what that says. `base_model` is recorded as what they were trained on.
nlohmann::ordered_json SaveAdapters(const std::filesystem::path& folder, const Snapshot& snapshot,
                                    const std::string& base_model);

// Writes everything of a snapshot but the backbone into `folder`, which exists.
void SaveVersionFiles(const std::filesystem::path& folder, const Snapshot& snapshot);

// Fills items, routing_items, editor and adapters of a snapshot whose backbone and sizes are set.
// The prior is read by LoadPrior if the version's manifest lists it.
void LoadVersionFiles(const std::filesystem::path& folder, Snapshot& snapshot);

}  // namespace raie
