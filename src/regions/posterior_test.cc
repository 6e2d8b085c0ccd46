#include "regions/posterior.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <set>

#include "raie/error.h"
#include "regions/random_points.h"
#include "regions/sphere.h"

namespace raie {
namespace {

using testing::AtAngle;
using testing::RandomUnit;

constexpr double kDegree = std::numbers::pi / 180;

// Two regions of the plane: three windows near (1, 0), two near (0, 1).
PosteriorRegions HandMade() {
  const std::vector<float> z = {1, 0, 1, 0, .8F, .6F, 0, 1, .6F, .8F};
  const std::vector<float> centres = {1, 0, 0, 1};
  const std::vector<std::int32_t> labels = {0, 0, 0, 1, 1};
  return MakePosteriorRegions(z, 2, centres, labels);
}

// Two regions of equal weight and kappa around the first two axes of eight dimensions, so that what
// is at a right angle to both is between them.
PosteriorRegions Twins() {
  const std::vector<float> z = {.8F, 0,   .6F, 0, 0, 0, 0, 0, .8F, 0,   -.6F, 0, 0, 0, 0, 0,
                                0,   .8F, .6F, 0, 0, 0, 0, 0, 0,   .8F, -.6F, 0, 0, 0, 0, 0};
  const std::vector<float> centres = {1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  const std::vector<std::int32_t> labels = {0, 0, 1, 1};
  return MakePosteriorRegions(z, 8, centres, labels);
}

// `count` windows around the fourth axis, none nearer to one twin than to the other.
std::vector<float> BetweenTwins(std::int64_t count, double spread) {
  RandomStream random(5, 1);
  std::vector<float> z;
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<double> x(8);
    x[3] = 1;
    for (std::size_t d = 4; d < 8; ++d) x[d] = spread * random.Normal();
    const std::vector<float> row = testing::Normalised(std::move(x));
    z.insert(z.end(), row.begin(), row.end());
  }
  return z;
}

TEST(Posterior, KappaIsThatOfTheFormulaWithinItsBounds) {
  EXPECT_DOUBLE_EQ(EstimateKappa(0.5, 3), 0.5 * (3 - 0.25) / (1 - 0.25));
  EXPECT_EQ(EstimateKappa(0, 3), 1);
  EXPECT_EQ(EstimateKappa(1, 3), 1e6);
}

// Numbers worked out by hand: S_0 = (2.8, .6), S_1 = (.6, 1.8), 5 more at each beginning.
TEST(Posterior, RegionsAndScoresAreThoseWorkedOutByHand) {
  const PosteriorRegions regions = HandMade();
  EXPECT_NEAR(regions.regions[0].centre[0], 0.9970545, 1e-6);
  EXPECT_NEAR(regions.regions[0].centre[1], 0.0766965, 1e-6);
  EXPECT_NEAR(regions.regions[0].kappa, 23.329431, 1e-4);
  EXPECT_NEAR(regions.regions[1].kappa, 20.885592, 1e-4);
  EXPECT_NEAR(regions.regions[0].log_weight, std::log(8.0 / 15), 1e-12);
  EXPECT_NEAR(regions.regions[1].log_weight, std::log(7.0 / 15), 1e-12);

  const PosteriorScore clear = ScorePosterior(regions, std::vector<float>{.6F, .8F});
  EXPECT_EQ(clear.first, 1);
  EXPECT_EQ(clear.second, 0);
  EXPECT_NEAR(clear.score, 16.983098, 1e-4);
  EXPECT_NEAR(clear.share2, 1.8774e-8, 1e-11);

  // Nearer to centre 1 (cosine .79 against .73), but the larger kappa wins.
  const PosteriorScore drawn = ScorePosterior(regions, AtAngle(47.5 * kDegree));
  EXPECT_EQ(drawn.first, 0);
  EXPECT_NEAR(drawn.score, 16.405302, 1e-4);
  EXPECT_NEAR(drawn.share, 0.9910488, 1e-5);
  EXPECT_NEAR(drawn.share2, 0.0089512, 1e-5);
  EXPECT_LT(drawn.cosine, Dot(regions.regions[1].centre, AtAngle(47.5 * kDegree)));
}

TEST(Posterior, ANewEstimateOfKappaCountsAFifth) {
  PosteriorRegions regions = HandMade();
  regions.regions[1].sum[0] += 0.6;
  regions.regions[1].sum[1] += 0.8;
  regions.regions[1].count += 1;
  const double before = regions.regions[0].kappa;
  Refresh(regions);
  EXPECT_NEAR(regions.regions[0].kappa, before, 1e-9);
  EXPECT_NEAR(regions.regions[1].kappa, 19.465546, 1e-4);
}

TEST(Posterior, ExpandCannotComeOut) {
  EXPECT_NEAR(ReleasedTau(1), 0.6224593, 1e-7);
  EXPECT_NEAR(ReleasedTau(500), 0.7542596, 1e-7);
  // The bound: at the lowest share that is not an Add, all the rest in one other region.
  PosteriorRegions regions = HandMade();
  for (const double kappa : {1.0, 10.0, 1e3, 1e6}) {
    regions.regions[0].kappa = kappa;
    const double tau = ReleasedTau(kappa);
    PosteriorScore score{.first = 0, .second = 1, .score = 9, .share = tau, .share2 = 1 - tau};
    EXPECT_GT(score.share - score.share2, 0.24);
    EXPECT_EQ(DecideAsReleased(regions, score), ReleasedAction::kUpdate);
    score.share -= 1e-6;
    EXPECT_EQ(DecideAsReleased(regions, score), ReleasedAction::kAdd);
    // The rule is there: shares that add up to more than 1 would expand.
    score.share = score.share2 = 0.95;
    EXPECT_EQ(DecideAsReleased(regions, score), ReleasedAction::kExpand);
  }
  TaskPool pool(1);
  std::int64_t decisions = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    RandomStream random(seed, 2);
    const auto dim = static_cast<std::int64_t>(2 + random.Below(14));
    const auto k = static_cast<std::int64_t>(2 + random.Below(5));
    const double spread = 0.05 + 2 * random.Uniform();  // kappas from 1 to thousands
    const auto z = testing::RandomClusters(k, 40, dim, spread, random);
    DiscoveryOptions options;
    options.k = k;
    options.seed = seed;
    PosteriorRegions found = FindPosteriorRegions(z, dim, options, pool).regions;
    std::vector<float> more;
    for (int i = 0; i < 200; ++i) {
      const auto row = RandomUnit(dim, random);
      more.insert(more.end(), row.begin(), row.end());
    }
    const ReleasedEdits edits = EditAsReleased(found, more, seed, pool);
    EXPECT_EQ(edits.expanded, 0);
    EXPECT_EQ(edits.updated + edits.added, 200);
    decisions += edits.updated;
  }
  EXPECT_GT(decisions, 4000);
}

TEST(Posterior, AnUpdateMovesSumAndCount) {
  TaskPool pool(1);
  PosteriorRegions regions = HandMade();
  const std::vector<float> z = {.6F, .8F, 1, 0};
  const ReleasedEdits edits = EditAsReleased(regions, z, 1, pool);
  EXPECT_EQ(edits.updated, 2);
  EXPECT_EQ(edits.regions_merged, 0);
  EXPECT_EQ(regions.regions[0].count, 4);
  EXPECT_NEAR(regions.regions[0].sum[0], 3.8, 1e-6);
  EXPECT_EQ(regions.regions[1].count, 3);
  EXPECT_NEAR(regions.regions[1].sum[1], 2.6, 1e-6);
}

TEST(Posterior, NewRegionsNeedAPoolOf200AndAGainOf10000) {
  TaskPool pool(1);
  const auto edit = [&](std::int64_t count, double spread) {
    PosteriorRegions regions = Twins();
    const ReleasedEdits edits = EditAsReleased(regions, BetweenTwins(count, spread), 3, pool);
    EXPECT_EQ(edits.added, count);
    EXPECT_EQ(regions.size(), 2 + edits.regions_added - edits.regions_merged);
    return edits;
  };
  EXPECT_EQ(edit(199, 0.01).regions_added + edit(199, 0.01).candidates_refused, 0);
  EXPECT_EQ(edit(200, 0.01).regions_added, 2);
  const ReleasedEdits loose = edit(200, 0.3);
  EXPECT_EQ(loose.regions_added, 0);
  EXPECT_EQ(loose.candidates_refused, 2);
}

// One candidate straight at the pool: every window changes from log .5 (a right angle to both
// twins) to log .1 + kappa, at a price of d / 2 ln n.
TEST(Posterior, TheGainIsThatWorkedOutByHand) {
  const PosteriorRegions regions = Twins();
  const std::vector<float> pool_PD = BetweenTwins(60, 0);
  const std::vector<std::vector<float>> candidate = {{0, 0, 0, 1, 0, 0, 0, 0}};
  const double kappa = 1e6;  // of windows that are all the same
  EXPECT_NEAR(ReleasedBicGain(regions, candidate, pool_PD),
              60 * (std::log(0.1) + kappa - std::log(0.5)) - 4 * std::log(60.0), 1e-3);
}

// Three regions of the plane at these angles, each of four windows at its centre.
PosteriorRegions InThePlane(const std::vector<double>& degrees) {
  std::vector<float> z;
  std::vector<float> centres;
  std::vector<std::int32_t> labels;
  for (std::size_t k = 0; k < degrees.size(); ++k) {
    const auto centre = AtAngle(degrees[k] * kDegree);
    centres.insert(centres.end(), centre.begin(), centre.end());
    for (int i = 0; i < 4; ++i) {
      z.insert(z.end(), centre.begin(), centre.end());
      labels.push_back(static_cast<std::int32_t>(k));
    }
  }
  return MakePosteriorRegions(z, 2, centres, labels);
}

TEST(Posterior, TheNearestPairWithin12DegreesIsMergedAndNoOther) {
  TaskPool pool(1);
  PosteriorRegions regions = InThePlane({0, 10, 19, 90});
  const ReleasedEdits edits = EditAsReleased(regions, {}, 1, pool);
  EXPECT_EQ(edits.regions_merged, 1);
  ASSERT_EQ(regions.size(), 3);
  EXPECT_NEAR(AngleRad(regions.regions[0].centre, AtAngle(0)), 0, 1e-6);
  EXPECT_EQ(regions.regions[1].count, 8);  // 10 and 19
  EXPECT_NEAR(regions.regions[2].centre[1], 1, 1e-6);

  PosteriorRegions apart = InThePlane({0, 12.5, 90});
  EXPECT_EQ(EditAsReleased(apart, {}, 1, pool).regions_merged, 0);
}

TEST(Posterior, RegionsAreFoundOnASampleAndLabelAllPoints) {
  TaskPool pool(2);
  RandomStream random(9, 4);
  const auto z = testing::RandomClusters(3, 400, 6, 0.05, random);
  DiscoveryOptions options;
  options.k = 3;
  options.seed = 2;
  const FoundRegions found = FindPosteriorRegions(z, 6, options, pool);
  double members = 0;
  for (const PosteriorRegion& region : found.regions.regions) members += region.count;
  EXPECT_EQ(members, 1200);
  for (int c = 0; c < 3; ++c) {
    const std::set<std::int32_t> labels(found.labels.begin() + c * 400,
                                        found.labels.begin() + (c + 1) * 400);
    EXPECT_EQ(labels.size(), 1u);
  }
  options.k = 1;
  try {
    FindPosteriorRegions(z, 6, options, pool);
    FAIL() << "one region was accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("regions.k"), std::string::npos);
  }
}

}  // namespace
}  // namespace raie
