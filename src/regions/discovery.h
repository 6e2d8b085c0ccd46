// Which preference regions does the set-up slice show?
//
// Concept: spherical k-means on the S windows; a region's radius is the q-quantile of its members'
//          angles to its centre.
// Source:  METHOD section 4, Eq. 1.
// Shapes:  z_ND [N, D] unit rows, one for each distinct context (windows of one user with the same
//          context are one point).
// Errors:  those of SphericalKMeans.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/options.h"
#include "base/task_pool.h"
#include "regions/region_set.h"
#include "regions/spherical_kmeans.h"

namespace raie {

struct DiscoveryOptions : KMeansOptions {
  double quantile = 0.9;

  static void VisitFields(auto& self, auto&& visit) {
    KMeansOptions::VisitFields(self, visit);
    visit(self.quantile, Field{.name = "quantile",
                               .help = "q: share of a region's members within its radius",
                               .minimum = 0,
                               .maximum = 1});
  }
};

struct Discovery {
  RegionSet regions;
  KMeansResult clustering;  // slot k of `regions` is cluster k
};

Discovery DiscoverRegions(std::span<const float> z_ND, std::int64_t dim,
                          const DiscoveryOptions& options, TaskPool& pool);

}  // namespace raie
