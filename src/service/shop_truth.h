// Do the regions of a model match the interests of the simulated shop it was fitted on?
//
// Concept: the simulator knows the true interest of every event and which of them follow changed
//          transitions. A window belongs to the interest of the last event of its context (the
//          target may begin another session), its traffic drifted if its target follows changed
//          transitions. Regions match if their windows share interests (adjusted Rand index), and
//          the drift that is measured should rank the regions as their drifted traffic does.
// Source:  METHOD section 8.
// Errors:  kInternal if the data set does not come from this simulation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/prepared_data.h"
#include "data/simulator.h"
#include "data/windows.h"
#include "raie/types.h"

namespace raie {

struct RegionTruth {
  RegionId region = kNoRegion;
  std::int64_t windows = 0;
  std::int64_t main_interest = -1;  // of most of its windows; -1: no windows
  double main_share = 0;
  double drifted_share = 0;  // of its windows: targets that follow changed transitions
};

struct ShopTruth {
  std::vector<RegionTruth> regions;  // in the order asked for
  double adjusted_rand = 0;
};

ShopTruth CompareWithTruth(const PreparedData& data, const WindowSet& windows,
                           std::span<const RegionId> region_of_window,
                           std::span<const RegionId> regions, const SimulationTruth& truth);

// Rank correlation of each region's measured drift with its share of drifted traffic; nullopt if
// one of them is the same everywhere.
std::optional<double> DriftRankCorrelation(std::span<const double> drift,
                                           std::span<const RegionTruth> truth);

}  // namespace raie
