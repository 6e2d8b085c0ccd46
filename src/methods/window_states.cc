#include "methods/window_states.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/prepare.h"
#include "methods/snapshot_scorer.h"

namespace raie {
namespace {

constexpr std::int64_t kChunk = 16384;  // contexts in memory at once

bool SameContext(const Window& a, const Window& b) {
  return a.user == b.user && a.context_begin == b.context_begin && a.context_end == b.context_end;
}

}  // namespace

DistinctContexts FindDistinctContexts(const WindowSet& windows) {
  DistinctContexts result;
  for (std::int64_t i = 0; i < windows.size(); ++i) {
    if (i == 0 || !SameContext(windows.windows[i - 1], windows.windows[i])) {
      result.window_of_row.push_back(i);
    }
    result.row_of_window.push_back(std::ssize(result.window_of_row) - 1);
  }
  return result;
}

void ForEachChunk(const PreparedData& data, const WindowSet& windows, const ChunkRequest& request,
                  const std::function<void(const ReadWindows&)>& body) {
  ForEachPiece(request.watch, windows.size(), kChunk, [&](std::int64_t begin, std::int64_t end) {
    const ReadWindows read =
        ReadContexts(data, windows, begin, end, request.length, request.catalogue_size);
    if (!read.windows.empty()) body(read);
  });
}

WindowStates ComputeStates(const Snapshot& snapshot, const PreparedData& data,
                           const WindowSet& windows, std::int64_t catalogue_size,
                           const PassRun& run) {
  return ComputeStates(MakeEncoder(*snapshot.backbone, *snapshot.routing_items, run.pool),
                       Pooling::kLast, data, windows, catalogue_size, run);
}

WindowStates ComputeStates(const BoundModel& encoder, Pooling pooling, const PreparedData& data,
                           const WindowSet& windows, std::int64_t catalogue_size,
                           const PassRun& run) {
  const DistinctContexts distinct = FindDistinctContexts(windows);
  const std::span<const std::int64_t> firsts = distinct.window_of_row;
  WindowStates states;
  states.dim = encoder.backbone().dim();
  const std::int64_t length = WindowOptionsOf(data).context;
  const auto encode = [&](std::int64_t begin, std::int64_t end) {
    const auto chosen = firsts.subspan(begin, end - begin);
    const ReadWindows read = ReadContexts(data, windows, chosen, length, catalogue_size);
    if (read.windows.empty()) return;
    const std::vector<float> z = EncodeContexts(encoder, read.contexts, run.pool, pooling);
    states.z_MD.insert(states.z_MD.end(), z.begin(), z.end());
    states.window_of_row.insert(states.window_of_row.end(), read.windows.begin(),
                                read.windows.end());
  };
  ForEachPiece(run.watch, std::ssize(firsts), kChunk, encode);
  // Contexts that lost all their items have no row.
  std::vector<std::int64_t> row_of_first(windows.size(), -1);
  for (std::size_t row = 0; row < states.window_of_row.size(); ++row) {
    row_of_first[states.window_of_row[row]] = static_cast<std::int64_t>(row);
  }
  for (const std::int64_t context : distinct.row_of_window) {
    states.row_of_window.push_back(row_of_first[firsts[context]]);
  }
  return states;
}

std::vector<RegionId> RegionsOf(const WindowStates& states, const RegionSet& regions,
                                TaskPool& pool) {
  const std::vector<Route> routes = RouteMany(regions, states.z_MD, pool);
  std::vector<RegionId> result;
  for (const std::int64_t row : states.row_of_window) {
    result.push_back(row < 0 ? kNoRegion : routes[row].region);
  }
  return result;
}

std::vector<double> TargetLosses(const SnapshotScorer& scorer, const PreparedData& data,
                                 const WindowSet& windows, std::int64_t catalogue_size,
                                 const PassRun& run) {
  const std::int64_t length = WindowOptionsOf(data).context;
  std::vector<double> losses(windows.size(), std::numeric_limits<double>::quiet_NaN());
  const ChunkRequest request{length, catalogue_size, run.watch};
  ForEachChunk(data, windows, request, [&](const ReadWindows& read) {
    const auto nll = scorer.Nll(read.contexts, read.targets, catalogue_size, run.pool);
    for (std::size_t i = 0; i < nll.size(); ++i) {
      if (std::isfinite(nll[i])) losses[read.windows[i]] = nll[i];
    }
  });
  return losses;
}

}  // namespace raie
