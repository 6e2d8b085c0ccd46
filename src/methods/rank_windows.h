// How does a scorer rank every window of a set?
//
// Concept: contexts are read from the data a chunk at a time and ranked. A context of which the
//          catalogue knows nothing is ranked by popularity in a slice, and counted.
// Source:  METHOD section 2 ("k-core", "Ranking").
// Errors:  kCancelled where the pass is watched.
#pragma once

#include <cstdint>
#include <vector>

#include "base/watched_pass.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "methods/scorer.h"
#include "training/seen_items.h"

namespace raie {

class EarlierRequests;

// Results in the order of the window set.
struct RankedSet {
  std::vector<std::int64_t> ranks;  // kMissedRank outside the catalogue
  std::vector<UserId> users;
  std::vector<RegionId> regions;  // empty without regions; kNoRegion for an empty context
  std::vector<float> margins;     // over the second nearest region; as `regions`, 0 if none
  std::int64_t empty_contexts = 0;
};

struct RankSetRequest {
  std::int64_t context = 10;        // L
  std::int64_t catalogue_size = 0;  // items ranked
  SeenItems seen = SeenItems::kRanked;
  int popularity_slice = -1;  // ranks empty contexts; -1: they are misses
  // How windows from before the scorer's popularity prior was counted are answered; null: with the
  // scores it gives now.
  const EarlierRequests* earlier = nullptr;
};

RankedSet RankWindows(const Scorer& scorer, const PreparedData& data, const WindowSet& windows,
                      const RankSetRequest& request, const PassRun& run);

// Returns the `count` best items of every window, best first; kNoItem where there are no more, and
// for contexts of which nothing is known. Items the request masks are left out.
// Shapes:  [windows, count], row-major.
std::vector<ItemId> TopOfWindows(const Scorer& scorer, const PreparedData& data,
                                 const WindowSet& windows, const RankSetRequest& request,
                                 std::int64_t count, const PassRun& run);

}  // namespace raie
