#include "regions/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/statistics.h"
#include "raie/error.h"
#include "regions/discovery.h"
#include "regions/random_points.h"
#include "regions/sphere.h"

namespace raie {
namespace {

using testing::RandomClusters;

EditorOptions Softmax(double temperature) {
  EditorOptions options;
  options.confidence = ConfidenceKind::kSoftmax;
  options.temperature = temperature;
  return options;
}

// Why thresholds calibrated with these very options are refused; "" if they are not.
std::string RefusalOf(Calibration calibration, std::int64_t k, const EditorOptions& options) {
  if (options.confidence == ConfidenceKind::kSoftmax) {
    calibration.confidence = "softmax";
    calibration.temperature = options.temperature;
  }
  try {
    ValidateThresholds(calibration, k, options);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.what();
  }
}

// Regions around `k` random clusters, and the points of these.
struct Clustered {
  std::vector<float> z;
  RegionSet set;
};

Clustered Cluster(std::int64_t k, std::int64_t points, std::int64_t dim, double spread,
                  std::uint64_t seed, TaskPool& pool) {
  RandomStream random(seed, 0);
  Clustered made{RandomClusters(k, points, dim, spread, random), {}};
  DiscoveryOptions discovery;
  discovery.k = k;
  made.set = DiscoverRegions(made.z, dim, discovery, pool).regions;
  return made;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Discovery, RadiiAreQuantilesOfTheMembersAngles) {
  TaskPool pool(1);
  for (const double q : {0.0, 0.5, 0.9, 1.0}) {
    RandomStream random(8, 0);
    const std::vector<float> z = RandomClusters(3, 101, 8, 0.2, random);
    DiscoveryOptions options;
    options.k = 3;
    options.quantile = q;
    const Discovery found = DiscoverRegions(z, 8, options, pool);
    EXPECT_NO_THROW(CheckRegions(found.regions));
    EXPECT_EQ(found.regions.starting_count, 3);
    EXPECT_EQ(found.regions.next_id, 3);
    EXPECT_EQ(found.regions.quantile, q);
    for (std::int64_t k = 0; k < 3; ++k) {
      const Region& region = found.regions.regions[k];
      std::vector<double> angles;
      std::vector<double> sum(8);
      for (std::size_t i = 0; i < 303; ++i) {
        if (found.clustering.labels[i] != k) continue;
        angles.push_back(AngleRad(region.centre, std::span(z).subspan(i * 8, 8)));
        for (int d = 0; d < 8; ++d) sum[d] += z[i * 8 + d];
      }
      std::sort(angles.begin(), angles.end());
      const auto n = static_cast<double>(angles.size());
      const auto place = std::min<std::size_t>(std::floor(q * n), angles.size() - 1);
      EXPECT_EQ(region.radius_rad, angles[place]);
      EXPECT_EQ(region.initial_radius_rad, region.radius_rad);
      EXPECT_EQ(region.num_members, static_cast<std::int64_t>(angles.size()));
      double length = 0;
      for (const double s : sum) length += s * s;
      EXPECT_NEAR(region.resultant_length, std::sqrt(length), 1e-5);
    }
  }
}

TEST(Discovery, AskedForMoreRegionsThanPointsIsAnError) {
  TaskPool pool(1);
  DiscoveryOptions options;
  options.k = 3;
  EXPECT_THROW(DiscoverRegions(std::vector<float>{1, 0, 0, 1}, 2, options, pool), Error);
  options.k = 1;
  options.quantile = 1.5;
  EXPECT_THROW(DiscoverRegions(std::vector<float>{1, 0, 0, 1}, 2, options, pool), Error);
}

TEST(Calibration, ThresholdsAreQuantilesOfConfidenceAndMargin) {
  TaskPool pool(1);
  const auto [z, set] = Cluster(4, 500, 16, 0.15, 1, pool);
  for (const EditorOptions& options : {EditorOptions(), Softmax(0.5)}) {
    const Calibration calibration = Calibrate(set, z, options, pool);
    std::int64_t below_tau = 0;
    std::int64_t below_delta = 0;
    std::int64_t below_cos = 0;
    for (const Route& route : RouteMany(set, z, pool, ConfidenceOf(options))) {
      below_tau += route.confidence < calibration.tau ? 1 : 0;
      below_delta += route.margin < calibration.delta ? 1 : 0;
      below_cos += route.cosine < calibration.first_cos_quantile ? 1 : 0;
    }
    EXPECT_EQ(below_tau, 20);     // 1 % of 2,000
    EXPECT_EQ(below_delta, 200);  // 10 %
    EXPECT_EQ(below_cos, 20);
  }
}

TEST(Calibration, OneRegionHasNoMargin) {
  TaskPool pool(1);
  RandomStream random(2, 0);
  const std::vector<float> z = RandomClusters(1, 200, 8, 0.2, random);
  DiscoveryOptions discovery;
  discovery.k = 1;
  const RegionSet set = DiscoverRegions(z, 8, discovery, pool).regions;
  EXPECT_EQ(Calibrate(set, z, EditorOptions(), pool).delta, 0);
  EXPECT_THROW(Calibrate(set, z, Softmax(0.05), pool), Error);
}

TEST(Calibration, NeedsHeldOutWindows) {
  TaskPool pool(1);
  RegionSet set;
  set.dim = 2;
  set.starting_count = 1;
  set.next_id = 1;
  set.regions.push_back(Region{.id = RegionId{0}, .centre = {1, 0}});
  EXPECT_THROW(Calibrate(set, {}, EditorOptions(), pool), Error);
}

TEST(Calibration, CoincidingRegionsAreRefused) {
  TaskPool pool(1);
  RegionSet set;
  set.dim = 2;
  set.starting_count = 2;
  set.next_id = 2;
  set.regions.push_back(Region{.id = RegionId{0}, .centre = {1, 0}});
  set.regions.push_back(Region{.id = RegionId{1}, .centre = {1, 0}});
  EXPECT_THROW(Calibrate(set, std::vector<float>{1, 0, 0, 1}, EditorOptions(), pool), Error);
}

TEST(Thresholds, RefusesWhatCanNeverFire) {
  const EditorOptions cosine;
  EXPECT_EQ(RefusalOf({.tau = 0.5, .delta = 0.1}, 3, cosine), "");
  EXPECT_EQ(RefusalOf({.tau = 1, .delta = 0.1}, 3, cosine), "");
  EXPECT_TRUE(Contains(RefusalOf({.tau = -1, .delta = 0.1}, 3, cosine), "tau = -1"));
  EXPECT_TRUE(Contains(RefusalOf({.tau = 1.01, .delta = 0.1}, 3, cosine), "tau = 1.01"));
  EXPECT_TRUE(Contains(RefusalOf({.tau = NAN, .delta = 0.1}, 3, cosine), "tau = nan"));
  EXPECT_TRUE(Contains(RefusalOf({.tau = 0.5, .delta = 0}, 3, cosine), "Expand could never fire"));
  EXPECT_TRUE(Contains(RefusalOf({.tau = 0.5, .delta = NAN}, 3, cosine), "delta = nan"));
  const std::string both = RefusalOf({.tau = 2, .delta = 0}, 3, cosine);
  EXPECT_TRUE(Contains(both, "tau = 2") && Contains(both, "delta = 0")) << "all at once";
}

TEST(Thresholds, OneRegionWantsDeltaZeroAndCosine) {
  EXPECT_EQ(RefusalOf({.tau = 0.5, .delta = 0}, 1, EditorOptions()), "");
  EXPECT_TRUE(Contains(RefusalOf({.tau = 0.5, .delta = 0.1}, 1, EditorOptions()), "must be 0"));
  EXPECT_TRUE(Contains(RefusalOf({.tau = 0.5, .delta = 0}, 1, Softmax(0.05)), "softmax"));
}

TEST(Thresholds, SoftmaxRefusals) {
  const EditorOptions soft = Softmax(1.0);
  const double highest = 1 / (1 + 2 * std::exp(-2.0));  // .787
  EXPECT_EQ(RefusalOf({.tau = 0.5, .delta = 0.1}, 3, soft), "");
  EXPECT_TRUE(
      Contains(RefusalOf({.tau = 0.6, .delta = 0.199}, 3, soft), "Expand could never fire"));
  EXPECT_EQ(RefusalOf({.tau = 0.6, .delta = 0.201}, 3, soft), "");
  EXPECT_TRUE(Contains(RefusalOf({.tau = 1.0 / 3, .delta = 0.1}, 3, soft), "Add could never fire"));
  EXPECT_EQ(RefusalOf({.tau = highest - 1e-6, .delta = 0.6}, 3, soft), "");
  EXPECT_TRUE(Contains(RefusalOf({.tau = highest + 1e-6, .delta = 0.6}, 3, soft),
                       "every window would be an Add"));
  EditorOptions radius = soft;
  radius.add_rule = AddRule::kRadius;  // tau is not read
  EXPECT_EQ(RefusalOf({.tau = 0.9, .delta = 0.1}, 3, radius), "");
}

TEST(Thresholds, ThoseOfOtherOptionsAreRefused) {
  TaskPool pool(1);
  const Clustered clustered = Cluster(3, 200, 8, 0.2, 12, pool);
  const auto refusal = [&](const EditorOptions& made, const EditorOptions& used) -> std::string {
    const Calibration calibration = Calibrate(clustered.set, clustered.z, made, pool);
    try {
      ValidateThresholds(calibration, 3, used);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  const EditorOptions cosine;
  const EditorOptions soft = Softmax(0.5);
  EXPECT_EQ(refusal(cosine, cosine), "");
  EXPECT_EQ(refusal(soft, soft), "");
  EXPECT_TRUE(Contains(refusal(cosine, soft), "calibrated with confidence = cosine"));
  EXPECT_TRUE(Contains(refusal(soft, cosine), "calibrated with confidence = softmax"));
  EXPECT_TRUE(Contains(refusal(soft, Softmax(0.6)), "calibrated with temperature = 0.5"));
  EditorOptions lower = cosine;
  lower.tau_quantile = 0.2;
  EXPECT_TRUE(Contains(refusal(cosine, lower), "calibrated with tau_quantile = 0.01"));
  EditorOptions other_temperature = cosine;
  other_temperature.temperature = 3;  // not read by cosine
  EXPECT_EQ(refusal(cosine, other_temperature), "");
}

// The inequalities behind the refusals, on random confidences.
TEST(Thresholds, SoftmaxBoundsAreTrue) {
  RandomStream random(9, 0);
  for (int trial = 0; trial < 1000; ++trial) {
    RegionSet set;
    set.dim = 3;
    const auto k = static_cast<std::int64_t>(2 + random.Below(5));
    for (std::int64_t i = 0; i < k; ++i) {
      Region region;
      region.id = RegionId{set.next_id++};
      region.centre = testing::RandomUnit(3, random);
      set.regions.push_back(region);
    }
    const double temperature = 0.05 + random.Uniform();
    const Route route =
        RouteOne(set, testing::RandomUnit(3, random), {ConfidenceKind::kSoftmax, temperature});
    EXPECT_GE(route.margin, 2 * route.confidence - 1 - 1e-12);
    EXPECT_GE(route.confidence, 1.0 / static_cast<double>(k) - 1e-12);
    const double others = static_cast<double>(k - 1) * std::exp(-2 / temperature);
    EXPECT_LE(route.confidence, 1 / (1 + others) + 1e-12);
  }
}

}  // namespace
}  // namespace raie
