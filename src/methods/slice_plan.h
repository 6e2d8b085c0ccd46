// What does a slice do to the regions, and which of them drift?
//
// Concept: everything RAIE knows before it trains: the edited regions, where the windows of the
//          slice, the memory and the reference fall by the final centres, and the drift of each
//          region under the model before the edit.
// Source:  METHOD section 4 (Eq. 4-7, "Drift gate").
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "methods/adapt_options.h"
#include "methods/drift.h"
#include "methods/method.h"
#include "methods/region_rules.h"
#include "methods/user_hash_router.h"
#include "methods/window_states.h"
#include "regions/editor.h"
#include "regions/geometry.h"
#include "training/snapshot.h"

namespace raie {

// Edits the regions of `before` with the windows of a slice, in time order.
EditResult EditWithWindows(const RunContext& context, const Snapshot& before,
                           const WindowSet& windows, const WindowStates& states,
                           const EditorOptions& options);

struct SlicePlan {
  EditResult edits;
  std::vector<RegionId> new_regions;             // of each window of the slice
  std::vector<RegionId> memory_regions;          // empty if the memory is not wanted
  std::optional<DriftReport> drift;              // if asked for
  MeasuredRadii radii_after;                     // of the slice's windows at the edited centres
  std::shared_ptr<const UserHashRouter> router;  // null: regions are those of the centres
};

enum class DriftReporting { kOff, kOn };

// States of windows that do not change from pass to pass, made when first needed.
class StateCache {
 public:
  const WindowStates& Get(const RunContext& context, const Snapshot& snapshot,
                          const WindowSet& windows, std::int64_t catalogue_size);

 private:
  std::optional<WindowStates> states_;
};

// Returns how many items the model before a slice knows, on which drift is measured: not those that
// have rows and were in no loss (protocol paper).
std::int64_t KnownItems(const PreparedData& data, const Snapshot& before, const AdaptSlice& slice);

struct PlanInput {
  const Snapshot& before;  // with rows for the slice's catalogue
  const WindowSet& windows;
  std::int64_t catalogue_size;
  const AdaptSlice& slice;   // memory, reference
  std::int64_t known_items;  // KnownItems
  DriftReporting drift;
  RegionRules rules = {};
  std::shared_ptr<const UserHashRouter> router_before = nullptr;  // how `before` answers
};

struct PlanCaches {
  StateCache memory;
  StateCache reference;
};

// Returns the region of every window as the plan assigns; kNoRegion where nothing of the context is
// known.
std::vector<RegionId> AssignWindows(const SlicePlan& plan, const WindowSet& windows,
                                    const WindowStates& states, TaskPool& pool);

SlicePlan PlanSlice(const RunContext& context, const AdaptOptions& options, const PlanInput& input,
                    PlanCaches& caches);

// Returns how far the edits of the plan moved, grew and parted the regions of `before`; the
// memory's windows say how large they were. Empty without a memory.
RegionComparison CompareWithBefore(const RunContext& context, const Snapshot& before,
                                   const AdaptSlice& slice, const SlicePlan& plan,
                                   PlanCaches& caches);

// What `raie drift` prints: the plan of a whole slice, nothing trained.
SlicePlan MeasureSliceDrift(const RunContext& context, const AdaptOptions& options,
                            const Snapshot& snapshot, const AdaptSlice& slice);

}  // namespace raie
