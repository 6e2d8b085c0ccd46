#include "regions/editor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>

#include "raie/error.h"
#include "regions/random_points.h"
#include "regions/sphere.h"

namespace raie {
namespace {

using testing::AtAngle;
using testing::Near;
using testing::RandomUnit;

Region MakeRegion(std::int32_t id, std::vector<float> centre, double radius, double length) {
  Region region;
  region.id = RegionId{id};
  region.centre = std::move(centre);
  region.radius_rad = radius;
  region.initial_radius_rad = radius;
  region.resultant_length = length;
  region.num_members = 100;
  return region;
}

// Two regions in the plane, at 0 and 90 degrees.
EditorState PlaneState() {
  EditorState state;
  state.regions.dim = 2;
  state.regions.starting_count = 2;
  state.regions.next_id = 2;
  state.regions.regions = {MakeRegion(0, AtAngle(0), 0.2, 9),
                           MakeRegion(1, AtAngle(std::numbers::pi / 2), 0.3, 20)};
  state.calibration = {.tau = std::cos(0.6), .delta = 0.2, .first_cos_quantile = std::cos(0.6)};
  return state;
}

// Points with their own users and window numbers 1000, 1001, ...
struct Points {
  std::vector<float> z;
  std::vector<std::int64_t> users;
  std::vector<std::int64_t> windows;

  void Add(const std::vector<float>& row) {
    z.insert(z.end(), row.begin(), row.end());
    users.push_back(static_cast<std::int64_t>(users.size()));
    windows.push_back(1000 + static_cast<std::int64_t>(windows.size()));
  }
  EditPoints View(std::int64_t begin, std::int64_t end, std::int64_t dim) const {
    return {std::span(z).subspan(begin * dim, (end - begin) * dim),
            std::span(users).subspan(begin, end - begin),
            std::span(windows).subspan(begin, end - begin),
            static_cast<std::int64_t>(windows.size())};
  }
  EditPoints View(std::int64_t dim) const {
    return View(0, static_cast<std::int64_t>(windows.size()), dim);
  }
};

EditResult EditPlane(const EditorState& state, const std::vector<double>& angles,
                     const EditorOptions& options) {
  Points points;
  for (const double angle : angles) points.Add(AtAngle(angle));
  return EditRegions(state, points.View(2), options);
}

double PlaneAngle(const Region& region) { return std::atan2(region.centre[1], region.centre[0]); }

std::int64_t Count(const EditResult& result, EditKind kind) {
  return std::count_if(result.journal.begin(), result.journal.end(),
                       [kind](const EditRecord& record) { return record.kind == kind; });
}

// Eq. 5 by hand, editor `paper`: the radius with the old centre first, then the centre.
TEST(Editor, UpdateByHandInThePaperPreset) {
  const EditorOptions options = EditorOptions::Preset(EditorPreset::kPaper);
  const EditResult result = EditPlane(PlaneState(), {0.1}, options);
  ASSERT_EQ(result.journal.size(), 1U);
  const EditRecord& record = result.journal[0];
  EXPECT_EQ(record.kind, EditKind::kUpdate);
  EXPECT_EQ(record.region, RegionId{0});
  EXPECT_EQ(record.window, 1000);
  EXPECT_NEAR(record.confidence, std::cos(0.1), 1e-7);
  EXPECT_NEAR(record.margin, std::cos(0.1) - std::sin(0.1), 1e-7);
  EXPECT_NEAR(record.angle_rad, 0.1, 1e-7);
  EXPECT_EQ(record.radius_before_rad, 0.2);
  EXPECT_NEAR(record.radius_after_rad, 0.95 * 0.2 + 0.05 * 0.1, 1e-8);
  const Region& region = result.state.regions.regions[0];
  EXPECT_EQ(region.radius_rad, record.radius_after_rad);
  EXPECT_NEAR(PlaneAngle(region), std::atan2(0.05 * std::sin(0.1), 0.95 + 0.05 * std::cos(0.1)),
              1e-7);
  EXPECT_EQ(region.resultant_length, 9) << "only centre = mean keeps it";
  EXPECT_EQ(region.num_updates, 1);
  EXPECT_EQ(region.num_members, 101);
}

TEST(Editor, UpdateByHandInTheRaiePreset) {
  const EditResult result = EditPlane(PlaneState(), {0.1, 0.25}, EditorOptions());
  // .1 is within .2: the radius falls by b r(0) (q - 1); .25 is not: it rises by b r(0) q.
  EXPECT_NEAR(result.journal[0].radius_after_rad, 0.2 + 0.05 * 0.2 * (0.9 - 1), 1e-12);
  EXPECT_NEAR(result.journal[1].radius_after_rad, 0.199 + 0.05 * 0.2 * 0.9, 1e-12);
  const double x = 9 + std::cos(0.1) + std::cos(0.25);
  const double y = std::sin(0.1) + std::sin(0.25);
  const Region& region = result.state.regions.regions[0];
  EXPECT_NEAR(PlaneAngle(region), std::atan2(y, x), 1e-6);
  EXPECT_NEAR(region.resultant_length, std::hypot(x, y), 1e-6);
}

// Eq. 6: the radius by eta of what it lacks, the centre refined, no second radius step.
TEST(Editor, ExpandByHand) {
  EditorState state = PlaneState();
  state.calibration.tau = 0.5;
  for (const EditorPreset preset : {EditorPreset::kRaie, EditorPreset::kPaper}) {
    const EditorOptions options = EditorOptions::Preset(preset);
    const double theta = 0.7;  // margin cos .7 - sin .7 = .12 < .2
    const EditResult result = EditPlane(state, {theta}, options);
    EXPECT_EQ(result.journal[0].kind, EditKind::kExpand);
    const Region& region = result.state.regions.regions[0];
    EXPECT_NEAR(region.radius_rad, 0.2 + 0.1 * (0.7 - 0.2), 1e-7);
    const double keep = preset == EditorPreset::kRaie ? 9 : 0.95;
    const double step = preset == EditorPreset::kRaie ? 1 : 0.05;
    EXPECT_NEAR(PlaneAngle(region),
                std::atan2(step * std::sin(theta), keep + step * std::cos(theta)), 1e-6);
    EXPECT_EQ(region.num_expands, 1);
    EXPECT_EQ(result.summary.expanded, 1);
    EXPECT_EQ(result.summary.regions[0].expanded, 1);
  }
}

TEST(Editor, ExpandStopsAtTheCapAndNeverShrinks) {
  EditorState state = PlaneState();
  state.calibration.tau = 0.5;
  EditorOptions options;
  options.eta = 1;
  EXPECT_NEAR(EditPlane(state, {0.7}, options).state.regions.regions[0].radius_rad, 0.3, 1e-12);
  state.calibration.delta = 3;  // every confident window is an Expand
  EXPECT_EQ(EditPlane(state, {0.1}, options).state.regions.regions[0].radius_rad, 0.2);
}

TEST(Editor, FixedRadiusOnlyMovesInExpand) {
  EditorOptions options;
  options.radius = RadiusRule::kFixed;
  EditorState state = PlaneState();
  EXPECT_EQ(EditPlane(state, {0.1}, options).state.regions.regions[0].radius_rad, 0.2);
  state.calibration.tau = 0.5;
  EXPECT_GT(EditPlane(state, {0.7}, options).state.regions.regions[0].radius_rad, 0.2);
}

TEST(Editor, AddRuleRadiusLooksAtTheAngleOnly) {
  EditorOptions options;
  options.add_rule = AddRule::kRadius;
  EXPECT_EQ(EditPlane(PlaneState(), {0.219}, options).journal[0].kind, EditKind::kUpdate);
  EXPECT_EQ(EditPlane(PlaneState(), {0.221}, options).journal[0].kind, EditKind::kAdd);
}

TEST(Editor, ThresholdsAreInclusiveAsWritten) {
  EditorState state = PlaneState();
  const Route route = RouteOne(state.regions, AtAngle(0.3));
  state.calibration = {.tau = route.confidence, .delta = route.margin, .first_cos_quantile = 0};
  EXPECT_EQ(EditPlane(state, {0.3}, EditorOptions()).journal[0].kind, EditKind::kUpdate);
  state.calibration.delta = std::nextafter(route.margin, 2);
  EXPECT_EQ(EditPlane(state, {0.3}, EditorOptions()).journal[0].kind, EditKind::kExpand);
  state.calibration.tau = std::nextafter(route.confidence, 2);
  EXPECT_EQ(EditPlane(state, {0.3}, EditorOptions()).journal[0].kind, EditKind::kAdd);
}

TEST(Editor, OneRegionUpdatesOrAdds) {
  EditorState state = PlaneState();
  state.regions.regions.pop_back();
  state.regions.starting_count = 1;
  state.calibration.delta = 0;
  const EditResult result = EditPlane(state, {0.1, -0.3, 2.0}, EditorOptions());
  EXPECT_EQ(result.summary.updated, 2);
  EXPECT_EQ(result.summary.added, 1);
  EXPECT_TRUE(std::isinf(result.journal[0].margin));
}

// The buffer: full, it becomes one region at its spherical mean.
TEST(Editor, AFullBufferBecomesARegion) {
  EditorOptions options;
  options.add_min_windows = 20;
  std::vector<double> angles;
  for (int i = 0; i < 20; ++i) angles.push_back(std::numbers::pi + 0.01 * (i - 9.5));
  angles.push_back(std::numbers::pi + 0.05);  // an Update of the new region
  const EditResult result = EditPlane(PlaneState(), angles, options);
  EXPECT_EQ(result.summary.added, 20);
  EXPECT_EQ(result.summary.regions_added, 1);
  EXPECT_EQ(result.summary.left_in_buffer, 0);
  EXPECT_EQ(Count(result, EditKind::kMemberAccepted), 20);
  ASSERT_EQ(result.state.regions.size(), 3);
  const Region& region = result.state.regions.regions[2];
  EXPECT_EQ(region.id, RegionId{2});
  EXPECT_EQ(result.state.regions.next_id, 3);
  EXPECT_EQ(region.num_members, 21);
  EXPECT_EQ(region.num_updates, 1);
  EXPECT_NEAR(region.initial_radius_rad, 0.095, 1e-5);  // sorted[18] of .005 .005 .. .095 .095
  EXPECT_EQ(result.summary.regions[2].accepted, 20);
  EXPECT_EQ(result.journal.back().region, RegionId{2});
  double x = 0;
  double y = 0;
  for (const double angle : angles) {
    x += std::cos(angle);
    y += std::sin(angle);
  }
  EXPECT_NEAR(region.resultant_length, std::hypot(x, y), 1e-4);
  EXPECT_NEAR(Dot(region.centre, std::vector<float>{static_cast<float>(x / std::hypot(x, y)),
                                                    static_cast<float>(y / std::hypot(x, y))}),
              1, 1e-6);
}

TEST(Editor, CheckedCandidatesNeedUsersAndShape) {
  EditorOptions options;
  options.add_min_windows = 20;
  Points few;
  for (int i = 0; i < 20; ++i) few.Add(AtAngle(std::numbers::pi));
  for (int i = 0; i < 20; ++i) few.users[i] = i % 9;
  const EditResult refused = EditRegions(PlaneState(), few.View(2), options);
  EXPECT_EQ(refused.state.regions.size(), 2);
  EXPECT_EQ(refused.summary.candidates_refused, 1);
  EXPECT_EQ(refused.summary.dropped, 10);
  EXPECT_EQ(refused.summary.left_in_buffer, 10);
  EXPECT_EQ(refused.state.buffer.windows.front(), 1010) << "the oldest half went";
  EXPECT_EQ(refused.journal[20].refusal, Refusal::kFewUsers);
  few.users[0] = 9;
  EXPECT_EQ(EditRegions(PlaneState(), few.View(2), options).summary.regions_added, 1);

  std::vector<double> apart;  // mean at pi, members at 45 degrees from it: beyond .6 rad
  for (int i = 0; i < 20; ++i) apart.push_back(std::numbers::pi + (i % 2 == 0 ? 0.785 : -0.785));
  const EditResult spread = EditPlane(PlaneState(), apart, options);
  EXPECT_EQ(spread.journal[20].refusal, Refusal::kSpread);
  options.accept = AcceptRule::kAll;
  EXPECT_EQ(EditPlane(PlaneState(), apart, options).summary.regions_added, 1);
}

TEST(Editor, SeveralCandidatesAreJudgedApart) {
  EditorOptions options;
  options.add_min_windows = 30;
  options.add_clusters = 2;
  Points points;
  for (int i = 0; i < 30; ++i) points.Add(AtAngle(i % 3 == 0 ? 2.8 : 4.0));
  for (int i = 0; i < 30; ++i) points.users[i] = i % 3 == 0 ? 0 : i;  // the first: one user
  const EditResult result = EditRegions(PlaneState(), points.View(2), options);
  EXPECT_EQ(result.summary.regions_added, 1);
  EXPECT_EQ(result.summary.candidates_refused, 1);
  EXPECT_EQ(result.summary.dropped, 0) << "one passed, so nothing is dropped";
  EXPECT_EQ(result.summary.left_in_buffer, 10);
  EXPECT_NEAR(Dot(result.state.regions.regions[2].centre, AtAngle(4.0)), 1, 1e-6);
}

TEST(Editor, NeverMoreThanTwiceTheStartingRegions) {
  EditorOptions options;
  options.add_min_windows = 10;
  options.accept = AcceptRule::kAll;
  EditorState state = PlaneState();
  state.calibration.tau = std::cos(0.1);
  std::vector<double> angles;
  for (int i = 0; i < 100; ++i) angles.push_back(1.9 + 0.25 * (i / 10));
  const EditResult result = EditPlane(state, angles, options);
  EXPECT_EQ(result.state.regions.size(), 4);
  EXPECT_EQ(result.summary.regions_added, 2);
  EXPECT_EQ(result.summary.added, 100);
  EXPECT_EQ(result.summary.add_refused, 80);
  EXPECT_EQ(result.journal.back().kind, EditKind::kAddRefused);
  EXPECT_EQ(result.journal.back().refusal, Refusal::kRegionCap);
}

TEST(Editor, BufferSizeIsAHundredOrOnePercent) {
  const EditorOptions options;
  EXPECT_EQ(AddBufferSize(options, 0), 100);
  EXPECT_EQ(AddBufferSize(options, 10000), 100);
  EXPECT_EQ(AddBufferSize(options, 10001), 101);
  EXPECT_EQ(AddBufferSize(options, 70000), 700);
}

// The slow twin: Eq. 4 to 6 in double, arccos, no buffer (nothing is added).
struct SlowEditor {
  std::vector<std::vector<double>> centres;
  std::vector<double> radii, first_radii, lengths;
  const EditorOptions& options;
  double tau, delta, q;

  EditKind Step(std::span<const float> z) {
    std::vector<double> confidence;
    for (const std::vector<double>& centre : centres) {
      double dot = 0;
      for (std::size_t d = 0; d < centre.size(); ++d) dot += centre[d] * double{z[d]};
      confidence.push_back(dot);
    }
    const auto k = std::max_element(confidence.begin(), confidence.end()) - confidence.begin();
    const double theta = std::acos(std::min(1.0, confidence[k]));
    if (options.confidence == ConfidenceKind::kSoftmax) {
      double total = 0;
      for (double& c : confidence) total += c = std::exp(c / options.temperature);
      for (double& c : confidence) c /= total;
    }
    std::vector<double> sorted = confidence;
    std::sort(sorted.rbegin(), sorted.rend());
    if (sorted[0] < tau) return EditKind::kAdd;
    const bool update = sorted[0] - sorted[1] >= delta;
    const double highest = options.r_max_factor * first_radii[k];
    if (!update) {
      radii[k] = std::min(radii[k] + options.eta * std::max(0.0, theta - radii[k]), highest);
    } else if (options.radius == RadiusRule::kEma) {
      radii[k] = (1 - options.b) * radii[k] + options.b * theta;
    } else if (options.radius == RadiusRule::kQuantile) {
      radii[k] += options.b * first_radii[k] * (q - (theta <= radii[k] ? 1 : 0));
    }
    radii[k] = std::max(0.0, std::min(radii[k], highest));
    const double a = options.centre == CentreRule::kMean ? 1 / (lengths[k] + 1) : options.a;
    double square = 0;
    for (std::size_t d = 0; d < centres[k].size(); ++d) {
      centres[k][d] = (1 - a) * centres[k][d] + a * double{z[d]};
      square += centres[k][d] * centres[k][d];
    }
    for (double& c : centres[k]) c /= std::sqrt(square);
    lengths[k] = std::sqrt(square) * (lengths[k] + 1);
    return update ? EditKind::kUpdate : EditKind::kExpand;
  }
};

TEST(Editor, AgreesWithTheSlowTwin) {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStream random(seed, 0);
    EditorOptions options;
    options.centre = seed % 2 == 0 ? CentreRule::kMean : CentreRule::kEma;
    options.radius = static_cast<RadiusRule>(seed % 3);
    options.add_min_windows = 100000;
    constexpr std::int64_t kDim = 12;
    EditorState state;
    state.regions.dim = kDim;
    state.regions.starting_count = 4;
    SlowEditor slow{{}, {}, {}, {}, options, 0.6, 0.2, 0.9};
    if (seed % 4 == 3) {
      options.confidence = ConfidenceKind::kSoftmax;
      options.temperature = 0.5;
      slow.tau = 0.40;
      slow.delta = 0.15;
    }
    state.calibration = {.tau = slow.tau, .delta = slow.delta, .first_cos_quantile = 0.5};
    if (options.confidence == ConfidenceKind::kSoftmax) {
      state.calibration.confidence = "softmax";
      state.calibration.temperature = options.temperature;
    }
    for (int k = 0; k < 4; ++k) {
      const Region region = MakeRegion(state.regions.next_id++, RandomUnit(kDim, random),
                                       0.3 + random.Uniform(), 1 + 50 * random.Uniform());
      state.regions.regions.push_back(region);
      slow.centres.emplace_back(region.centre.begin(), region.centre.end());
      slow.radii.push_back(region.radius_rad);
      slow.first_radii.push_back(region.radius_rad);
      slow.lengths.push_back(region.resultant_length);
    }
    Points points;
    for (int i = 0; i < 2000; ++i) {
      points.Add(Near(state.regions.regions[random.Below(4)].centre, 0.25, random));
    }
    const EditResult result = EditRegions(state, points.View(kDim), options);
    ASSERT_EQ(result.journal.size(), 2000U);
    for (int i = 0; i < 2000; ++i) {
      const EditKind expected = slow.Step(std::span(points.z).subspan(i * kDim, kDim));
      ASSERT_EQ(NameOf(result.journal[i].kind), NameOf(expected)) << "window " << i;
    }
    for (int k = 0; k < 4; ++k) {
      const Region& region = result.state.regions.regions[k];
      EXPECT_NEAR(region.radius_rad, slow.radii[k], 1e-5);
      for (int d = 0; d < kDim; ++d) EXPECT_NEAR(region.centre[d], slow.centres[k][d], 1e-5);
      if (options.centre == CentreRule::kMean) {
        EXPECT_NEAR(region.resultant_length, slow.lengths[k], 1e-3);
      }
    }
    EXPECT_GT(result.summary.updated, 0);
    EXPECT_GT(result.summary.expanded, 0);
    EXPECT_GT(result.summary.added, 0);
    EXPECT_EQ(result.summary.updated + result.summary.expanded + result.summary.added, 2000);
  }
}

TEST(Editor, TheMeanRuleKeepsTheExactSphericalMean) {
  RandomStream random(5, 0);
  constexpr std::int64_t kDim = 32;
  const std::vector<float> centre = RandomUnit(kDim, random);
  std::vector<double> sum(kDim);
  const auto add = [&sum](const std::vector<float>& z) {
    for (std::int64_t d = 0; d < kDim; ++d) sum[d] += z[d];
  };
  for (int i = 0; i < 300; ++i) add(Near(centre, 0.1, random));
  double square = 0;
  for (const double s : sum) square += s * s;
  EditorState state;
  state.regions.dim = kDim;
  state.regions.starting_count = 1;
  state.regions.next_id = 1;
  state.regions.regions = {MakeRegion(0, testing::Normalised(sum), 0.5, std::sqrt(square))};
  state.calibration.tau = -0.5;
  Points points;
  const std::vector<float> drifted = Near(centre, 0.2, random);
  for (int i = 0; i < 3000; ++i) {
    points.Add(Near(drifted, 0.1, random));
    add(std::vector<float>(points.z.end() - kDim, points.z.end()));
  }
  const EditResult result = EditRegions(state, points.View(kDim), EditorOptions());
  EXPECT_EQ(result.summary.updated, 3000);
  EXPECT_LT(AngleRad(result.state.regions.regions[0].centre, testing::Normalised(sum)), 1e-5);
}

TEST(Editor, TheQuantileRuleHoldsTheQuantileAndTheEmaRuleShrinks) {
  RandomStream random(6, 0);
  constexpr std::int64_t kDim = 16;
  const std::vector<float> centre = RandomUnit(kDim, random);
  std::vector<double> angles;
  Points points;
  for (int i = 0; i < 4000; ++i) {
    points.Add(Near(centre, 0.1, random));
    angles.push_back(AngleRad(centre, std::span(points.z).last(kDim)));
  }
  std::sort(angles.begin(), angles.end());
  const double quantile = angles[3600];
  const double mean = std::accumulate(angles.begin(), angles.end(), 0.0) / 4000;
  EditorState state;
  state.regions.dim = kDim;
  state.regions.starting_count = 1;
  state.regions.next_id = 1;
  state.regions.regions = {MakeRegion(0, centre, quantile, 1e6)};
  EditorOptions options;
  options.b = 0.01;
  const double held =
      EditRegions(state, points.View(kDim), options).state.regions.regions[0].radius_rad;
  EXPECT_NEAR(held, quantile, 0.1 * quantile);
  options.radius = RadiusRule::kEma;
  const double shrunk =
      EditRegions(state, points.View(kDim), options).state.regions.regions[0].radius_rad;
  EXPECT_NEAR(shrunk, mean, 0.1 * mean);
  EXPECT_LT(shrunk, 0.9 * quantile);
}

TEST(Editor, RadiiStayWithinBoundsUnderWildRates) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStream random(seed, 1);
    EditorOptions options;
    options.a = options.b = options.eta = 1;
    options.radius = static_cast<RadiusRule>(seed % 3);
    options.centre = static_cast<CentreRule>(seed % 2);
    options.add_min_windows = 25;
    options.accept = AcceptRule::kAll;
    EditorState state;
    state.regions.dim = 3;
    state.regions.starting_count = 3;
    for (int k = 0; k < 3; ++k) {
      const double radius = k == 0 ? 0 : 3 * random.Uniform();
      state.regions.regions.push_back(
          MakeRegion(state.regions.next_id++, RandomUnit(3, random), radius, 10));
    }
    state.calibration = {.tau = 0.5, .delta = 0.3, .first_cos_quantile = 0.5};
    Points points;
    for (int i = 0; i < 1000; ++i) points.Add(RandomUnit(3, random));
    const EditResult result = EditRegions(state, points.View(3), options);
    EXPECT_NO_THROW(CheckRegions(result.state.regions));
    std::vector<double> first(result.state.regions.next_id);
    for (const Region& region : result.state.regions.regions) {
      first[Index(region.id)] = region.initial_radius_rad;
    }
    for (const EditRecord& record : result.journal) {
      if (record.kind != EditKind::kUpdate && record.kind != EditKind::kExpand) continue;
      EXPECT_GE(record.radius_after_rad, 0);
      EXPECT_LE(record.radius_after_rad,
                std::min(std::numbers::pi, 1.5 * first[Index(record.region)]));
    }
  }
}

// A slice in two halves, the buffer carried along, is the slice at once.
TEST(Editor, HalvesAreTheWhole) {
  RandomStream random(7, 0);
  EditorState state = PlaneState();
  state.calibration.tau = 0.95;
  EditorOptions options;
  options.add_min_windows = 40;
  Points points;
  for (int i = 0; i < 501; ++i) points.Add(RandomUnit(2, random));
  const EditResult whole = EditRegions(state, points.View(2), options);
  const EditResult first = EditRegions(state, points.View(0, 170, 2), options);
  const EditResult second = EditRegions(first.state, points.View(170, 501, 2), options);
  EXPECT_EQ(whole.journal.size(), first.journal.size() + second.journal.size());
  EXPECT_EQ(whole.state.buffer.windows, second.state.buffer.windows);
  EXPECT_EQ(whole.state.buffer.z_MD, second.state.buffer.z_MD);
  ASSERT_EQ(whole.state.regions.size(), second.state.regions.size());
  for (std::int64_t k = 0; k < whole.state.regions.size(); ++k) {
    EXPECT_EQ(whole.state.regions.regions[k].centre, second.state.regions.regions[k].centre);
    EXPECT_EQ(whole.state.regions.regions[k].radius_rad,
              second.state.regions.regions[k].radius_rad);
  }
}

TEST(Editor, NoPointsChangeNothing) {
  const EditResult result = EditRegions(PlaneState(), EditPoints{}, EditorOptions());
  EXPECT_TRUE(result.journal.empty());
  EXPECT_EQ(result.state.regions.regions[0].centre, PlaneState().regions.regions[0].centre);
  EXPECT_EQ(result.summary.regions.size(), 2U);
}

TEST(Editor, RefusesBadInput) {
  Points points;
  points.Add({1, 0});
  EditPoints view = points.View(2);
  view.users = {};
  EXPECT_THROW(EditRegions(PlaneState(), view, EditorOptions()), Error);
  view = points.View(2);
  view.num_slice_windows = 0;
  EXPECT_THROW(EditRegions(PlaneState(), view, EditorOptions()), Error);
  points.z = {0, 0};
  EXPECT_THROW(EditRegions(PlaneState(), points.View(2), EditorOptions()), Error);
  points.z = {NAN, 0};
  EXPECT_THROW(EditRegions(PlaneState(), points.View(2), EditorOptions()), Error);
  points.z = {1, 0};
  EXPECT_THROW(EditRegions(EditorState{}, points.View(2), EditorOptions()), Error);
  EditorState state = PlaneState();
  state.calibration.delta = 0;
  EXPECT_THROW(EditRegions(state, points.View(2), EditorOptions()), Error);
}

TEST(EditorOptions, PresetsAndRanges) {
  const EditorOptions raie = EditorOptions::Preset(EditorPreset::kRaie);
  EXPECT_TRUE(SameOptions(raie, EditorOptions()));
  const EditorOptions paper = EditorOptions::Preset(EditorPreset::kPaper);
  EXPECT_EQ(paper.radius, RadiusRule::kEma);
  EXPECT_EQ(paper.centre, CentreRule::kEma);
  EXPECT_EQ(paper.accept, AcceptRule::kAll);
  EditorOptions broken;
  broken.a = 2;
  broken.eta = -1;
  broken.temperature = 0;
  try {
    broken.Validate();
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* name : {"a = 2", "eta = -1", "temperature = 0"}) {
      EXPECT_NE(text.find(name), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace raie
