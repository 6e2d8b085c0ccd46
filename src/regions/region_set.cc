#include "regions/region_set.h"

#include <cmath>
#include <numbers>
#include <set>
#include <string>

#include "raie/error.h"
#include "regions/sphere.h"

namespace raie {

std::int32_t SlotOf(const RegionSet& regions, RegionId id) {
  for (std::size_t slot = 0; slot < regions.regions.size(); ++slot) {
    if (regions.regions[slot].id == id) return static_cast<std::int32_t>(slot);
  }
  return -1;
}

void CheckRegions(const RegionSet& regions) {
  std::set<RegionId> seen;
  for (const Region& region : regions.regions) {
    const std::string name = "region " + std::to_string(Index(region.id));
    const auto fail = [&name](const std::string& problem) {
      throw Error(ErrorCode::kInternal, name + ": " + problem);
    };
    if (Index(region.id) < 0 || Index(region.id) >= regions.next_id) {
      fail("id is not within 0 to " + std::to_string(regions.next_id - 1));
    }
    if (!seen.insert(region.id).second) fail("id occurs twice");
    if (static_cast<std::int64_t>(region.centre.size()) != regions.dim) {
      fail("centre has " + std::to_string(region.centre.size()) + " values instead of " +
           std::to_string(regions.dim));
    }
    // Written so that a NaN fails.
    if (!(std::abs(Norm(region.centre) - 1) <= 1e-3)) fail("centre is not a unit vector");
    if (!(region.radius_rad >= 0 && region.radius_rad <= std::numbers::pi)) {
      fail("radius " + std::to_string(region.radius_rad) + " is not within 0 to pi");
    }
  }
}

}  // namespace raie
