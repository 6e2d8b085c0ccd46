// Which region does a user fall into if regions mean nothing?
//
// Concept: the control for regions: a user's hash in [0, 1) names his region, whatever he does. The
//          thresholds between regions are set on the windows of a slice, so that each region gets
//          as many of them as it would by centres.
// Source:  METHOD section 4 ("random_regions").
// Errors:  kInvalidArgument for contexts without users.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/windows.h"
#include "methods/context_router.h"
#include "regions/region_set.h"
#include "regions/router.h"

namespace raie {

class UserHashRouter final : public ContextRouter {
 public:
  // `by_centre` gives the region of each window of the set by its centres (kNoRegion: not counted).
  UserHashRouter(const RegionSet& regions, const WindowSet& windows,
                 std::span<const RegionId> by_centre, std::uint64_t seed);

  Route RouteOf(UserId user) const;
  std::vector<Route> Routes(const WindowBatch& contexts, TaskPool& pool) const override;

 private:
  double HashOf(UserId user) const;

  std::uint64_t seed_;
  std::vector<RegionId> regions_;
  std::vector<double> ends_;  // region k has hashes in [ends_[k - 1], ends_[k]); ascending
};

}  // namespace raie
