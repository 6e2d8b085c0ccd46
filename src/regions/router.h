// Which region does a hidden state belong to, and how clearly?
//
// Concept: the nearest centre by cosine (Eq. 9). The confidence of a region is its cosine or a
//          softmax of all cosines over a temperature; both order the regions alike, so the
//          confidence matters only for the margin and the thresholds of Eq. 4. RouteOne, RouteMany
//          and the editor share one arithmetic: they agree to the last bit.
// Source:  METHOD section 4, Eq. 3 and 9.
// Shapes:  z [D] or [N, D], unit rows.
// Errors:  kInvalidArgument if z has another length or is not a finite unit vector, or the set is
//          empty.
// Threads: pure functions.
// Cost:    O(N K D).
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/task_pool.h"
#include "regions/region_set.h"

namespace raie {

enum class ConfidenceKind { kCosine, kSoftmax };
inline std::span<const char* const> EnumNames(ConfidenceKind) {
  static constexpr const char* kNames[] = {"cosine", "softmax"};
  return kNames;
}

struct Confidence {
  ConfidenceKind kind = ConfidenceKind::kCosine;
  double temperature = 0.05;  // T, softmax only
};

struct Route {
  RegionId region = kNoRegion;
  std::int32_t slot = -1;                                   // index in RegionSet::regions
  double cosine = 0;                                        // s(1)
  double confidence = 0;                                    // c(1)
  double margin = std::numeric_limits<double>::infinity();  // c(1) - c(2); infinite if K = 1
};

// Returns the nearest region; ties go to the smaller slot.
Route RouteOne(const RegionSet& regions, std::span<const float> z_D, const Confidence& = {});

// Returns RouteOne of every row.
std::vector<Route> RouteMany(const RegionSet& regions, std::span<const float> z_ND, TaskPool& pool,
                             const Confidence& = {});

namespace internal {
// RouteOne without its checks; `cosines` is scratch and returns the cosine of every slot.
Route RouteUnit(const RegionSet& regions, std::span<const float> z_D, const Confidence& confidence,
                std::vector<double>& cosines);
}  // namespace internal

}  // namespace raie
