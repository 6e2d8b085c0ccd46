#include "regions/geometry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "raie/error.h"
#include "regions/random_points.h"
#include "regions/sphere.h"

namespace raie {
namespace {

using testing::AtAngle;

RegionSet PlaneSet(const std::vector<double>& angles, const std::vector<double>& radii) {
  RegionSet set;
  set.dim = 2;
  for (std::size_t k = 0; k < angles.size(); ++k) {
    Region region;
    region.id = RegionId{set.next_id++};
    region.centre = AtAngle(angles[k]);
    region.radius_rad = radii[k];
    set.regions.push_back(region);
  }
  set.starting_count = set.size();
  return set;
}

TEST(Geometry, OverlapByHand) {
  EXPECT_DOUBLE_EQ(OverlapWeight(0.5, 0.3, 0.6), 0.25);
  EXPECT_EQ(OverlapWeight(0.5, 0.3, 0.9), 0);
  EXPECT_EQ(OverlapWeight(0.5, 0.3, 0), 1);
  EXPECT_EQ(OverlapWeight(0, 0, 0), 0);
  EXPECT_EQ(OverlapWeight(0, 0, 1), 0);
}

TEST(Geometry, OverlapOfAllPairsIsSymmetric) {
  const RegionSet set = PlaneSet({0, 0.6, 2.0}, {0.5, 0.3, 0.2});
  const std::vector<double> weights = OverlapWeights(set);
  ASSERT_EQ(weights.size(), 9U);
  for (int k = 0; k < 3; ++k) {
    EXPECT_EQ(weights[k * 3 + k], 0);
    for (int j = 0; j < 3; ++j) EXPECT_EQ(weights[k * 3 + j], weights[j * 3 + k]);
  }
  EXPECT_NEAR(weights[1], 0.25, 1e-6);
  EXPECT_EQ(weights[2], 0);
}

TEST(Geometry, RadiiAreQuantilesByNearestCentre) {
  TaskPool pool(1);
  RegionSet set = PlaneSet({0, 1, 3}, {0, 0, 0});
  set.quantile = 0.5;
  std::vector<float> z;
  for (const double angle : {0.1, -0.2, 0.3, 0.45, 1.05}) {
    const std::vector<float> row = AtAngle(angle);
    z.insert(z.end(), row.begin(), row.end());
  }
  const MeasuredRadii radii = MeasureRadii(set, z, pool);
  EXPECT_NEAR(radii[0].value(), 0.3, 1e-6);  // sorted[2] of .1 .2 .3 .45
  EXPECT_NEAR(radii[1].value(), 0.05, 1e-6);
  EXPECT_FALSE(radii[2].has_value());
}

TEST(Geometry, AreaChangeOfACap) {
  for (const double before : {0.01, 0.3, 1.5}) {
    for (const double after : {0.0, 0.2, 2.0}) {
      const double expected = 100 * ((1 - std::cos(after)) / (1 - std::cos(before)) - 1);
      EXPECT_NEAR(AreaChangePercent(before, after).value(), expected,
                  1e-9 * (1 + std::abs(expected)));
    }
  }
  EXPECT_NEAR(AreaChangePercent(1e-9, 2e-9).value(), 300, 1e-6);
  EXPECT_FALSE(AreaChangePercent(0, 0.5).has_value());
}

TEST(Geometry, ComparesRegionsPresentBeforeAndAfter) {
  const RegionSet before = PlaneSet({0, 1}, {0.2, 0.2});
  RegionSet after = PlaneSet({9, 1, 2}, {0.2, 0.2, 0.2});
  after.regions.erase(after.regions.begin());  // region 0 is gone, region 2 is new
  after.regions[0].centre = AtAngle(1.1);
  std::vector<RegionChange> changes = CompareRegions(before, after, {0.2, 0.2}, {0.4, 0.1});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].region, RegionId{1});
  EXPECT_NEAR(changes[0].displacement_deg, 0.1 * 180 / std::numbers::pi, 1e-4);
  EXPECT_EQ(changes[0].area_change_percent, AreaChangePercent(0.2, 0.4));
  changes = CompareRegions(before, after, {0.2, std::nullopt}, {0.4, 0.1});
  EXPECT_FALSE(changes[0].area_change_percent.has_value());
  EXPECT_THROW(CompareRegions(before, after, {0.2}, {0.4, 0.1}), Error);
}

TEST(Geometry, SeparabilityByHand) {
  const RegionSet set = PlaneSet({0, 1, 1.5}, {0, 0, 0});
  EXPECT_NEAR(Separability(set, {0.5, 0.25, 0.1}).value(), (1 / 0.5 + 0.5 / 0.25 + 0.5 / 0.1) / 3,
              1e-5);
  EXPECT_NEAR(Separability(set, {0.5, 0, std::nullopt}).value(), 1 / 0.5, 1e-5);
  EXPECT_FALSE(Separability(set, {0, 0, 0}).has_value());
  EXPECT_FALSE(Separability(PlaneSet({0}, {0.1}), {0.1}).has_value());
}

}  // namespace
}  // namespace raie
