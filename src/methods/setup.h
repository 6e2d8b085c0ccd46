// How does a fitted backbone become a model with regions that can be edited?
//
// Source:  METHOD section 4: regions (Eq. 1) on all distinct contexts of the S training windows;
//          tau and delta on the S held-out windows.
// Errors:  kInvalidArgument: fewer distinct contexts than regions, no held-out windows, thresholds
//          that make no sense (each with the reason and the fix).
#pragma once

#include <cstdint>
#include <memory>

#include "base/watched_pass.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "methods/adapt_options.h"
#include "regions/discovery.h"
#include "regions/editor_options.h"
#include "training/border.h"
#include "training/item_table.h"
#include "training/snapshot.h"

namespace raie {

// What stays true of a fitted model.
struct FittedModel {
  std::shared_ptr<const Backbone> backbone;
  std::shared_ptr<const ItemTable> items;
  std::int64_t catalogue_size = 0;  // C_S
};

// Returns the snapshot for use with this data: a backbone that reads texts learns what the data's
// users and items are called.
Snapshot ForData(const Snapshot& snapshot, const PreparedData& data);

// What F trains, as far as states between layers depend on it (training/border.h).
BorderRequest BorderRequestOf(const AdaptOptions& options);

// Returns version 0: the fitted model without regions.
Snapshot MakeFittedSnapshot(const FittedModel& model);

// Returns the snapshot with regions found on `setup` and thresholds calibrated on its held-out
// part. `clustering` (if not null) receives how the k-means went.
Snapshot WithRegions(const Snapshot& snapshot, const PreparedData& data, const SetupWindows& setup,
                     const DiscoveryOptions& discovery, const EditorOptions& editor,
                     const PassRun& run, KMeansResult* clustering = nullptr);

}  // namespace raie
