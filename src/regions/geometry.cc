#include "regions/geometry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/statistics.h"
#include "raie/error.h"
#include "regions/router.h"
#include "regions/sphere.h"

namespace raie {

double OverlapWeight(double radius_k_rad, double radius_j_rad, double angle_rad) {
  const double reach = radius_k_rad + radius_j_rad;
  return reach == 0 ? 0 : std::max(0.0, reach - angle_rad) / reach;
}

std::vector<double> OverlapWeights(const RegionSet& regions) {
  const std::int64_t size = regions.size();
  std::vector<double> weights(size * size);
  for (std::int64_t k = 0; k < size; ++k) {
    for (std::int64_t j = k + 1; j < size; ++j) {
      const Region& a = regions.regions[k];
      const Region& b = regions.regions[j];
      weights[k * size + j] =
          OverlapWeight(a.radius_rad, b.radius_rad, AngleRad(a.centre, b.centre));
      weights[j * size + k] = weights[k * size + j];
    }
  }
  return weights;
}

MeasuredRadii MeasureRadii(const RegionSet& regions, std::span<const float> z_ND, TaskPool& pool) {
  const std::vector<Route> routes = RouteMany(regions, z_ND, pool);
  std::vector<std::vector<double>> angles(regions.size());
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto z = z_ND.subspan(i * regions.dim, regions.dim);
    angles[routes[i].slot].push_back(AngleRad(regions.regions[routes[i].slot].centre, z));
  }
  MeasuredRadii radii(regions.size());
  for (std::size_t slot = 0; slot < radii.size(); ++slot) {
    if (!angles[slot].empty()) radii[slot] = Quantile(angles[slot], regions.quantile);
  }
  return radii;
}

std::optional<double> AreaChangePercent(double before_rad, double after_rad) {
  if (before_rad == 0) return std::nullopt;
  // 1 - cos r = 2 sin^2(r / 2), accurate for small r.
  const double ratio = std::sin(after_rad / 2) / std::sin(before_rad / 2);
  return 100 * (ratio * ratio - 1);
}

std::vector<RegionChange> CompareRegions(const RegionSet& before, const RegionSet& after,
                                         const MeasuredRadii& radii_before,
                                         const MeasuredRadii& radii_after) {
  if (static_cast<std::int64_t>(radii_before.size()) != before.size() ||
      static_cast<std::int64_t>(radii_after.size()) != after.size()) {
    throw Error(ErrorCode::kInternal, "comparing regions: radii do not belong to these regions");
  }
  std::vector<RegionChange> changes;
  for (std::size_t slot = 0; slot < before.regions.size(); ++slot) {
    const Region& old = before.regions[slot];
    const std::int32_t new_slot = SlotOf(after, old.id);
    if (new_slot < 0) continue;
    RegionChange change;
    change.region = old.id;
    change.displacement_deg =
        AngleRad(old.centre, after.regions[new_slot].centre) * 180 / std::numbers::pi;
    change.radius_before_rad = radii_before[slot];
    change.radius_after_rad = radii_after[new_slot];
    if (change.radius_before_rad && change.radius_after_rad) {
      change.area_change_percent =
          AreaChangePercent(*change.radius_before_rad, *change.radius_after_rad);
    }
    changes.push_back(change);
  }
  return changes;
}

std::optional<double> Separability(const RegionSet& regions, const MeasuredRadii& radii) {
  if (static_cast<std::int64_t>(radii.size()) != regions.size()) {
    throw Error(ErrorCode::kInternal, "separability: radii do not belong to these regions");
  }
  if (regions.size() < 2) return std::nullopt;
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t k = 0; k < regions.regions.size(); ++k) {
    if (!radii[k] || *radii[k] == 0) continue;
    double nearest = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < regions.regions.size(); ++j) {
      if (j == k) continue;
      nearest = std::min(nearest, AngleRad(regions.regions[k].centre, regions.regions[j].centre));
    }
    sum += nearest / *radii[k];
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

}  // namespace raie
