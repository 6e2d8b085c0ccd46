#include "report/angle_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/random.h"
#include "regions/sphere.h"

namespace raie {
namespace {

constexpr double kDegree = 180 / std::numbers::pi;

// Angles between random directions in `dim` dimensions, all within a cone around the first axis.
std::vector<double> RandomAngles(std::uint64_t seed, std::int64_t count, std::int64_t dim,
                                 double spread) {
  RandomStream random(seed, 3);
  std::vector<std::vector<float>> rows(count, std::vector<float>(dim));
  for (auto& row : rows) {
    for (float& value : row) value = static_cast<float>(spread * (random.Uniform() - 0.5));
    row[0] += 1;
    const double norm = Norm(row);
    for (float& value : row) value = static_cast<float>(value / norm);
  }
  std::vector<double> angles(count * count);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < count; ++j) {
      angles[i * count + j] = i == j ? 0 : kDegree * AngleRad(rows[i], rows[j]);
    }
  }
  return angles;
}

TEST(AngleMapTest, ThreeCentresAreExact) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto angles = RandomAngles(seed, 3, 8, 3);
    const AngleMap map = PlaceByAngles(angles, 3);
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) {
        EXPECT_NEAR(DistanceDeg(map.places[i], map.places[j]), angles[i * 3 + j], 0.05)
            << "seed " << seed;
      }
    }
    EXPECT_LT(map.stress, 1e-3);
  }
}

TEST(AngleMapTest, OneAndTwoCentresArePlaced) {
  EXPECT_EQ(PlaceByAngles(std::vector<double>{0}, 1).places.size(), 1U);
  const AngleMap two = PlaceByAngles(std::vector<double>{0, 50, 50, 0}, 2);
  EXPECT_NEAR(DistanceDeg(two.places[0], two.places[1]), 50, 1e-6);
  EXPECT_NEAR(two.places[0].y_deg, 0, 1e-6);
}

TEST(AngleMapTest, EqualCentresShareAPlace) {
  const AngleMap map = PlaceByAngles(std::vector<double>{0, 0, 40, 0, 0, 40, 40, 40, 0}, 3);
  EXPECT_NEAR(DistanceDeg(map.places[0], map.places[1]), 0, 1e-3);
  EXPECT_NEAR(DistanceDeg(map.places[0], map.places[2]), 40, 1e-3);
}

// Many directions at right angles do not fit on a page: the error is reported, and no pair is lost.
TEST(AngleMapTest, DistortionIsTheErrorOfThePairs) {
  const std::int64_t count = 12;
  const auto angles = RandomAngles(5, count, 64, 30);
  const AngleMap map = PlaceByAngles(angles, count);
  double sum = 0;
  double worst = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = i + 1; j < count; ++j) {
      const double error =
          std::abs(DistanceDeg(map.places[i], map.places[j]) - angles[i * count + j]);
      sum += error;
      worst = std::max(worst, error);
    }
  }
  EXPECT_NEAR(map.mean_error_deg, sum / (count * (count - 1) / 2.0), 1e-9);
  EXPECT_NEAR(map.worst_error_deg, worst, 1e-9);
  EXPECT_GT(map.stress, 0.05);
  EXPECT_LT(map.stress, 0.5);
}

TEST(AngleMapTest, SameInputSameBytes) {
  const auto angles = RandomAngles(9, 30, 32, 5);
  const AngleMap a = PlaceByAngles(angles, 30);
  const AngleMap b = PlaceByAngles(angles, 30);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(a.places[i].x_deg, b.places[i].x_deg);
    EXPECT_EQ(a.places[i].y_deg, b.places[i].y_deg);
  }
}

// A point whose angles can be had is placed there; its distance to the anchor is always exact.
TEST(AngleMapTest, PointsKeepTheirAngleToTheAnchor) {
  RandomStream random(4, 3);
  const std::vector<MapPlace> places = {{0, 0}, {60, 0}, {20, 50}, {-40, 10}};
  for (int trial = 0; trial < 50; ++trial) {
    const MapPlace truth = {40 * random.Uniform() - 20, 40 * random.Uniform() - 20};
    std::vector<double> angles;
    for (const MapPlace& place : places) angles.push_back(DistanceDeg(place, truth));
    const MapPlace found = PlaceAround(places, {.anchor = 0, .angles_N = angles, .tie = trial});
    EXPECT_NEAR(DistanceDeg(found, truth), 0, 0.01);
    for (double& angle : angles) angle += 10 * random.Uniform();
    const MapPlace other = PlaceAround(places, {.anchor = 1, .angles_N = angles, .tie = trial});
    EXPECT_NEAR(DistanceDeg(other, places[1]), angles[1], 1e-9);
  }
}

TEST(AngleMapTest, PointsAroundASingleCentreSpread) {
  const std::vector<MapPlace> places = {{0, 0}};
  const std::vector<double> angles = {30};
  double x = 0;
  for (int i = 0; i < 100; ++i) {
    x += PlaceAround(places, {.anchor = 0, .angles_N = angles, .tie = i}).x_deg / 100;
  }
  EXPECT_NEAR(x, 0, 8);
}

}  // namespace
}  // namespace raie
