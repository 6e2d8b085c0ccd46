// How well do regions and drifts match what is known of a simulated log?
//
// Concept: a window's true interest is that of the last event of its context (what z is made of);
//          its traffic has drifted if its target was drawn from a later version of its interest.
// Source:  issue text of the demo: adjusted Rand index of region against true interest; rank
//          correlation of each region's drift with its share of drifted traffic.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/truth.h"
#include "data/windows.h"
#include "methods/slice_plan.h"

namespace raie {

struct RegionTruth {
  RegionId region = kNoRegion;
  std::int64_t main_interest = -1;  // of most of its windows
  double main_share = 0;
  double drifted_share = 0;  // of its windows
};

struct TruthAgreement {
  double adjusted_rand = 0;
  std::optional<double> drift_correlation;  // Spearman; nullopt if a side is constant
  std::vector<RegionTruth> regions;         // in the order of the plan's drift report
};

// `windows` are those the plan was made with; the plan has a drift report.
TruthAgreement CompareWithTruth(const SlicePlan& plan, const WindowSet& windows,
                                const EventTruth& truth);

}  // namespace raie
