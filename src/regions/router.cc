#include "regions/router.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "raie/error.h"
#include "regions/sphere.h"

namespace raie {
namespace {

constexpr std::int64_t kRowsPerTask = 1024;

void CheckNotEmpty(const RegionSet& regions) {
  if (regions.regions.empty()) {
    throw Error(ErrorCode::kInvalidArgument, "routing: the region set is empty; discover first");
  }
}

}  // namespace

namespace internal {

Route RouteUnit(const RegionSet& regions, std::span<const float> z_D, const Confidence& confidence,
                std::vector<double>& cosines) {
  cosines.clear();
  Route route;
  double second = -std::numeric_limits<double>::infinity();
  for (const Region& region : regions.regions) {
    const double cosine = Dot(region.centre, z_D);
    if (route.slot < 0 || cosine > route.cosine) {
      if (route.slot >= 0) second = route.cosine;
      route.slot = static_cast<std::int32_t>(cosines.size());
      route.cosine = cosine;
    } else {
      second = std::max(second, cosine);
    }
    cosines.push_back(cosine);
  }
  route.region = regions.regions[route.slot].id;
  double second_confidence = second;
  route.confidence = route.cosine;
  if (confidence.kind == ConfidenceKind::kSoftmax) {
    double total = 0;
    for (const double cosine : cosines) {
      total += std::exp((cosine - route.cosine) / confidence.temperature);
    }
    route.confidence = 1.0 / total;
    second_confidence = std::exp((second - route.cosine) / confidence.temperature) / total;
  }
  if (cosines.size() > 1) route.margin = route.confidence - second_confidence;
  return route;
}

}  // namespace internal

Route RouteOne(const RegionSet& regions, std::span<const float> z_D, const Confidence& confidence) {
  CheckNotEmpty(regions);
  if (CheckUnitRows(z_D, regions.dim, "routing") != 1) {
    throw Error(ErrorCode::kInvalidArgument, "routing: " + std::to_string(z_D.size()) +
                                                 " values where one row of " +
                                                 std::to_string(regions.dim) + " is expected");
  }
  std::vector<double> cosines;
  return internal::RouteUnit(regions, z_D, confidence, cosines);
}

std::vector<Route> RouteMany(const RegionSet& regions, std::span<const float> z_ND, TaskPool& pool,
                             const Confidence& confidence) {
  CheckNotEmpty(regions);
  const std::int64_t num_rows = CheckUnitRows(z_ND, regions.dim, "routing");
  std::vector<Route> routes(num_rows);
  const std::int64_t num_tasks = (num_rows + kRowsPerTask - 1) / kRowsPerTask;
  pool.ForEach(num_tasks, [&](std::int64_t task, int) {
    std::vector<double> cosines;
    const std::int64_t end = std::min(num_rows, (task + 1) * kRowsPerTask);
    for (std::int64_t row = task * kRowsPerTask; row < end; ++row) {
      routes[row] = internal::RouteUnit(regions, z_ND.subspan(row * regions.dim, regions.dim),
                                        confidence, cosines);
    }
  });
  return routes;
}

}  // namespace raie
