#include "methods/user_hash_router.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "raie/error.h"

namespace raie {

UserHashRouter::UserHashRouter(const RegionSet& regions, const WindowSet& windows,
                               std::span<const RegionId> by_centre, std::uint64_t seed)
    : seed_(seed) {
  std::vector<double> hashes;
  for (std::size_t i = 0; i < by_centre.size(); ++i) {
    if (by_centre[i] != kNoRegion) hashes.push_back(HashOf(windows.windows[i].user));
  }
  std::ranges::sort(hashes);
  std::int64_t covered = 0;
  for (const Region& region : regions.regions) {
    regions_.push_back(region.id);
    covered += std::ranges::count(by_centre, region.id);
    ends_.push_back(covered < std::ssize(hashes) ? hashes[covered] : 1.0);
  }
  if (!ends_.empty()) ends_.back() = 1.0;
}

double UserHashRouter::HashOf(UserId user) const {
  constexpr double kTwoToMinus53 = 0x1p-53;
  const auto bits = DeriveSeed(seed_, static_cast<std::uint64_t>(Index(user)) + 1);
  return static_cast<double>(bits >> 11) * kTwoToMinus53;
}

std::vector<Route> UserHashRouter::Routes(const WindowBatch& contexts, TaskPool&) const {
  if (std::ssize(contexts.users) != contexts.num_rows()) {
    throw Error(ErrorCode::kInvalidArgument,
                "scoring: the user names the region here, and a context has none");
  }
  std::vector<Route> routes;
  for (const UserId user : contexts.users) routes.push_back(RouteOf(user));
  return routes;
}

Route UserHashRouter::RouteOf(UserId user) const {
  const auto slot = std::ranges::upper_bound(ends_, HashOf(user)) - ends_.begin();
  return {.region = regions_[slot], .slot = static_cast<std::int32_t>(slot)};
}

}  // namespace raie
