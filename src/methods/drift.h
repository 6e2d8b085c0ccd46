// Which regions drift in a slice, by how much, and what are they about?
//
// Concept: what `raie drift` prints before any training. The regions are edited with the slice, its
//          windows and the reference windows (S held-out; in a stream the slice before) are
//          assigned by the final centres, and the losses of the model *before* the edit are
//          compared region by region, user by user.
// Source:  METHOD section 4 "Drift gate and sharing".
// Units:   nats.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "methods/window_states.h"
#include "regions/drift_gate.h"
#include "regions/editor.h"

namespace raie {

struct RegionDriftReport {
  RegionDrift drift;
  double share = 0;                                        // of the slice's windows
  std::vector<std::pair<ItemId, std::int64_t>> top_items;  // targets of its windows, by count
};

struct DriftReport {
  std::vector<RegionDriftReport> regions;  // by slot
};

// Losses of the model before the edit; NaN entries (targets it does not know) are left out.
struct SliceLosses {
  std::span<const Window> windows;
  std::span<const RegionId> regions;  // by the final centres
  std::span<const double> nll;
};

// Returns the report for every region of the set, in its order.
DriftReport ReportDrift(const PreparedData& data, const RegionSet& regions,
                        const SliceLosses& recent, const SliceLosses& reference,
                        const DriftGateOptions& options);

}  // namespace raie
