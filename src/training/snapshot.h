// What is a whole recommender at one moment: published, saved, served, rolled back?
//
// Concept: an immutable value of shared immutable parts; a new version shares what it did not
//          touch. A request is routed by z (frozen backbone, no adapter, the rows of
//          `routing_items`) to its nearest region, then scored by the backbone with that region's
//          adapter and the rows of `items`, and by recent popularity where there is a prior.
// Source:  METHOD section 4 ("Routing", "Item rows"); docs/architecture.md.
// Threads: const use may run concurrently.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "adapters/adapter.h"
#include "backbones/backbone.h"
#include "raie/types.h"
#include "regions/region_set.h"
#include "training/popularity_prior.h"

namespace raie {

class ItemTable;

using AdapterMap = std::map<RegionId, std::shared_ptr<const Adapter>>;

struct Snapshot {
  std::int32_t version = 0;             // 0: as fitted on S
  std::int32_t slice = 0;               // the last slice it has learnt from
  std::int64_t catalogue_size = 0;      // items it ranks: ItemId < catalogue_size
  std::int64_t old_catalogue_size = 0;  // items of S: rows below keep meaning "seen in S"

  std::shared_ptr<const Backbone> backbone;
  std::shared_ptr<const ItemTable> items;          // rows that scores are made with
  std::shared_ptr<const ItemTable> routing_items;  // base rows z is made with; rows of items that
                                                   // came later keep their initial value here
  EditorState editor;                              // no regions: a method without routing
  AdapterMap adapters;  // by region; several regions may share one. kNoRegion: every window whose
                        // region has none (methods with one adapter have only this entry)
  std::shared_ptr<const PopularityPrior> prior;  // null: none. Scores only: neither routes nor the
                                                 // losses that adapters train on ever see it

  // The adapter of a region, or null if the backbone answers as it is.
  const Adapter* AdapterOf(RegionId region) const {
    auto found = adapters.find(region);
    if (found == adapters.end()) found = adapters.find(kNoRegion);
    return found == adapters.end() ? nullptr : found->second.get();
  }
};

}  // namespace raie
