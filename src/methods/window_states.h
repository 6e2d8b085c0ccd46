// What does the frozen backbone see in each window, and what does a model lose on each target?
//
// Concept: windows of one user with the same context (equal time stamps) share one state: one
//          k-means point, one edit, one route. States are made by the frozen backbone without an
//          adapter, from the rows of Snapshot::routing_items, and normalised.
// Source:  METHOD section 3 (z) and section 4 ("Windows of one user with the same context").
// Shapes:  z_MD [M, D] unit rows, M distinct contexts.
// Errors:  kCancelled where the pass is watched.
// Cost:    one forward pass a distinct context; contexts are read a chunk at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/watched_pass.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "regions/router.h"
#include "training/contexts.h"
#include "training/encode.h"
#include "training/snapshot.h"

namespace raie {

class SnapshotScorer;

// The distinct contexts of a window set, without their items.
struct DistinctContexts {
  std::vector<std::int64_t> row_of_window;  // [windows]
  std::vector<std::int64_t> window_of_row;  // [M] the first window with this context
};

DistinctContexts FindDistinctContexts(const WindowSet& windows);

// How a pass over a window set reads its contexts.
struct ChunkRequest {
  std::int64_t length = 10;  // L
  std::int64_t catalogue_size = 0;
  const PassWatch& watch;
};

// Calls body(ReadWindows) for the windows of a set in order, some thousand at a time or as many as
// whoever watches can wait for; windows whose contexts are empty are left out.
void ForEachChunk(const PreparedData& data, const WindowSet& windows, const ChunkRequest& request,
                  const std::function<void(const ReadWindows&)>& body);

struct WindowStates {
  std::int64_t dim = 0;
  std::vector<float> z_MD;
  std::vector<std::int64_t> window_of_row;  // [M] the first window with this context
  std::vector<std::int64_t> row_of_window;  // [windows]; -1: the context holds no known item

  std::span<const float> row(std::int64_t m) const { return std::span(z_MD).subspan(m * dim, dim); }
};

// States as another model or pooling makes them (the published code).
WindowStates ComputeStates(const BoundModel& encoder, Pooling pooling, const PreparedData& data,
                           const WindowSet& windows, std::int64_t catalogue_size,
                           const PassRun& run);

WindowStates ComputeStates(const Snapshot& snapshot, const PreparedData& data,
                           const WindowSet& windows, std::int64_t catalogue_size,
                           const PassRun& run);

// Returns the region of every window; kNoRegion where nothing of the context is known.
std::vector<RegionId> RegionsOf(const WindowStates& states, const RegionSet& regions,
                                TaskPool& pool);

// Returns each window's -log p(target) as the scorer answers, over the first `catalogue_size`
// items; NaN where the target is not one of them.
std::vector<double> TargetLosses(const SnapshotScorer& scorer, const PreparedData& data,
                                 const WindowSet& windows, std::int64_t catalogue_size,
                                 const PassRun& run);

}  // namespace raie
