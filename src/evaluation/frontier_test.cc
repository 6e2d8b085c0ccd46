#include "evaluation/frontier.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "data/log_fixture.h"

namespace raie {
namespace {

TEST(FrontierTest, TheGainIsTheAreaUnderWhatCanBeHad) {
  // Levels .1 to .5: from .4 to .5 nothing is to be had, from .2 to .4 .05, below .2 .08.
  const std::vector<TradeOff> curve = {{0.2, 0.18}, {0.4, 0.15}, {0.3, 0.12}};
  EXPECT_NEAR(GainOverLevels(curve, 0.1, {0.1, 0.5}), (0.2 * 0.05 + 0.1 * 0.08) / 0.4, 1e-15);
  // A point that another beats on both sides changes nothing; nor does one that gives less than
  // the frozen model.
  std::vector<TradeOff> more = curve;
  more.push_back({0.35, 0.14});
  more.push_back({0.5, 0.09});
  EXPECT_EQ(GainOverLevels(more, 0.1, {0.1, 0.5}), GainOverLevels(curve, 0.1, {0.1, 0.5}));
  EXPECT_EQ(GainOverLevels(curve, 0.2, {0.1, 0.5}), 0);
  EXPECT_EQ(GainOverLevels({}, 0.1, {0.1, 0.5}), 0);
  EXPECT_EQ(GainOverLevels(curve, 0.1, {0.5, 0.5}), 0);
  // Slowly: the best of every level.
  double sum = 0;
  constexpr int kLevels = 40000;
  for (int i = 0; i < kLevels; ++i) {
    const double level = 0.1 + 0.4 * (i + 0.5) / kLevels;
    double best = 0;
    for (const TradeOff& point : more) {
      if (point.held_out >= level) best = std::max(best, point.test - 0.1);
    }
    sum += best / kLevels;
  }
  EXPECT_NEAR(GainOverLevels(more, 0.1, {0.1, 0.5}), sum, 1e-4);
}

constexpr int kSeedsOfPoint = 4;
constexpr int kUsersOfPoint = 60;

// Values around a mean; users of S and T overlap by half.
CrossedValues Around(double mean, int first_user, std::uint64_t stream) {
  RandomStream random(11, stream);
  std::vector<UserId> users;
  std::vector<std::vector<double>> values(kSeedsOfPoint);
  for (int i = 0; i < kUsersOfPoint; ++i) {
    users.push_back(UserId{first_user + i});
    for (auto& seed : values) seed.push_back(mean + 0.1 * (random.Uniform() - 0.5));
  }
  return SumByUser(users, values);
}

TradeOffValues PointAround(double held_out, double test, std::uint64_t stream) {
  return {Around(held_out, 0, 2 * stream), Around(test, kUsersOfPoint / 2, 2 * stream + 1)};
}

TEST(FrontierTest, IntervalsSayWhichCurveIsBetter) {
  const TradeOffValues frozen = PointAround(0.5, 0.1, 0);
  const std::vector<std::vector<TradeOffValues>> curves = {
      {PointAround(0.3, 0.2, 1), PointAround(0.45, 0.15, 2)},
      {PointAround(0.3, 0.2, 1), PointAround(0.45, 0.15, 2)},   // the same again
      {PointAround(0.35, 0.3, 3), PointAround(0.48, 0.2, 4)}};  // keeps more and gains more
  const FrontierRequest request{.frozen = frozen, .curves = curves};
  TaskPool pool(2);
  const auto areas = MeasureFrontiers(request, pool);
  ASSERT_EQ(areas.size(), 3u);
  for (const FrontierArea& area : areas) {
    EXPECT_LT(area.interval.low, area.gain);
    EXPECT_GT(area.interval.high, area.gain);
  }
  EXPECT_EQ(areas[0].gain, areas[1].gain);
  EXPECT_EQ(areas[1].difference, 0);
  EXPECT_EQ(areas[1].difference_interval.low, 0);
  EXPECT_EQ(areas[1].difference_interval.high, 0);
  EXPECT_GT(areas[2].difference_interval.low, 0);
  EXPECT_EQ(areas[1].p_value, 1);
  EXPECT_LT(areas[2].p_value, 0.01);
  // The value itself is the gain of the means.
  const auto at = [](const TradeOffValues& point) {
    return TradeOff{WindowMean(point.held_out), WindowMean(point.test)};
  };
  const std::vector<TradeOff> means = {at(curves[2][0]), at(curves[2][1])};
  const double lowest = std::min(at(curves[0][0]).held_out, at(curves[2][0]).held_out);
  EXPECT_NEAR(areas[2].gain,
              GainOverLevels(means, WindowMean(frozen.test), {lowest, at(frozen).held_out}), 1e-12);
}

// One user of fifty-one has the windows of S: most draws of users alone would miss him somewhere.
TEST(FrontierTest, PartsOfOneUserHaveAnIntervalToo) {
  const auto part = [](int users, int first, double mean) {
    std::vector<UserId> ids;
    for (int i = 0; i < users; ++i) ids.push_back(UserId{first + i});
    const std::vector<std::vector<double>> values(2, std::vector<double>(users, mean));
    return SumByUser(ids, values);
  };
  const TradeOffValues frozen = {part(1, 0, 0.5), part(50, 1, 0.1)};
  const std::vector<std::vector<TradeOffValues>> curves = {
      {{part(1, 0, 0.4), part(50, 1, 0.2)}, {part(1, 0, 0.3), part(50, 1, 0.1)}}};
  TaskPool pool(1);
  const auto areas = MeasureFrontiers(
      {.frozen = frozen, .curves = curves, .reference = 0, .bootstrap = {.replicates = 300}}, pool);
  EXPECT_NEAR(areas[0].gain, 0.05, 1e-12);
  EXPECT_NEAR(areas[0].interval.low, 0.05, 1e-12);
  EXPECT_NEAR(areas[0].interval.high, 0.05, 1e-12);
}

TEST(FrontierThreadsTest, TheSameForAnyNumber) {
  const TradeOffValues frozen = PointAround(0.5, 0.1, 0);
  const std::vector<std::vector<TradeOffValues>> curves = {{PointAround(0.3, 0.2, 1)}};
  TaskPool one(1);
  TaskPool two(2);
  const FrontierRequest request{.frozen = frozen, .curves = curves};
  const auto a = MeasureFrontiers(request, one);
  const auto b = MeasureFrontiers(request, two);
  EXPECT_EQ(a[0].interval.low, b[0].interval.low);
  EXPECT_EQ(a[0].interval.high, b[0].interval.high);
}

TEST(FrontierTest, PointsOfOtherSeedsAreRefused) {
  const TradeOffValues frozen = PointAround(0.5, 0.1, 0);
  TradeOffValues other = PointAround(0.3, 0.2, 1);
  other.test.num_seeds = 2;
  const std::vector<std::vector<TradeOffValues>> curves = {{other}};
  TaskPool pool(1);
  testing::ErrorOf(ErrorCode::kInvalidArgument,
                   [&] { MeasureFrontiers({.frozen = frozen, .curves = curves}, pool); });
  testing::ErrorOf(ErrorCode::kInvalidArgument,
                   [&] { MeasureFrontiers({.frozen = frozen, .curves = {}}, pool); });
}

}  // namespace
}  // namespace raie
