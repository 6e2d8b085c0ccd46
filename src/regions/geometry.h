// How far did regions move, grow and part, and how much do two of them overlap?
//
// Concept: displacement of the centre, change of the cap's area, separability; and o_kj, the weight
//          of the overlap penalty of a pair of regions.
// Source:  METHOD section 4: Eq. 8 (R, o_kj) and "Interpretability (RQ4)". The area is that of a
// cap
//          on the 2-sphere; in D dimensions the true area is meaningless.
// Units:   angles in radians, displacement in degrees, area change in percent.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/task_pool.h"
#include "regions/region_set.h"

namespace raie {

// Returns max(0, r_k + r_j - angle) / (r_k + r_j); 0 if both radii are 0.
double OverlapWeight(double radius_k_rad, double radius_j_rad, double angle_rad);

// Returns o_kj of every pair, [K, K] row-major, symmetric, 0 on the diagonal.
std::vector<double> OverlapWeights(const RegionSet& regions);

// Returns for every slot quantile_q of the angles of the windows nearest to it; nullopt for a
// region that is nearest to none. z_ND [N, D]: S training windows before, F windows after.
using MeasuredRadii = std::vector<std::optional<double>>;
MeasuredRadii MeasureRadii(const RegionSet& regions, std::span<const float> z_ND, TaskPool& pool);

// Returns 100 ((1 - cos r') / (1 - cos r) - 1); nullopt for r = 0.
std::optional<double> AreaChangePercent(double before_rad, double after_rad);

struct RegionChange {
  RegionId region = kNoRegion;
  double displacement_deg = 0;
  std::optional<double> radius_before_rad;
  std::optional<double> radius_after_rad;
  std::optional<double> area_change_percent;  // nullopt: n/a
};

// Returns one entry for each region present before and after, in the order of `before`.
std::vector<RegionChange> CompareRegions(const RegionSet& before, const RegionSet& after,
                                         const MeasuredRadii& radii_before,
                                         const MeasuredRadii& radii_after);

// How a slice changed the regions (RQ4).
struct RegionComparison {
  std::vector<RegionChange> regions;
  std::optional<double> separability_before;
  std::optional<double> separability_after;
};

// Returns the mean over regions of (angle to the nearest other centre) / (own radius); regions
// without a positive radius are left out. nullopt for K = 1 or if none is left.
std::optional<double> Separability(const RegionSet& regions, const MeasuredRadii& radii);

}  // namespace raie
