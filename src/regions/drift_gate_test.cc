#include "regions/drift_gate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/random.h"
#include "base/statistics.h"
#include "raie/error.h"

namespace raie {
namespace {

UserLoss Loss(int user, double mean, std::int64_t windows) { return {UserId{user}, mean, windows}; }

// Users with losses around `mean`, a few windows each.
std::vector<UserLoss> Users(int first, int count, double mean, RandomStream& random) {
  std::vector<UserLoss> losses;
  for (int u = 0; u < count; ++u) {
    const double loss = mean + random.Normal();
    losses.push_back(Loss(first + u, loss, 1 + static_cast<std::int64_t>(random.Below(5))));
  }
  return losses;
}

TEST(DriftGate, DriftIsTheDifferenceOfWindowMeansAndTheTestIsOverUsers) {
  DriftGateOptions options;
  options.min_held_out = 1;
  options.d_min = 0.25;
  const RegionLosses region{RegionId{4},
                            {Loss(0, 3.0, 1), Loss(1, 5.0, 3), Loss(2, 4.0, 1)},
                            {Loss(0, 1.0, 2), Loss(3, 2.0, 2), Loss(5, 3.0, 4)}};
  const RegionDrift drift = MeasureDrift({&region, 1}, options)[0];
  EXPECT_EQ(drift.region, RegionId{4});
  EXPECT_EQ(drift.recent_windows, 5);
  EXPECT_EQ(drift.held_out_windows, 8);
  EXPECT_NEAR(drift.drift, (3 + 15 + 4) / 5.0 - (2 + 4 + 12) / 8.0, 1e-12);
  const std::vector<double> recent = {3, 5, 4};
  const std::vector<double> held_out = {1.25, 2.25, 3.25};  // d_min is allowed
  EXPECT_EQ(drift.p_value, WelchTest(recent, held_out)->p_greater);
  EXPECT_FALSE(drift.pooled);
  EXPECT_LT(drift.low, drift.drift);
  EXPECT_NEAR(drift.high - drift.drift, drift.drift - drift.low, 1e-12);
}

TEST(DriftGate, OneWindowAUserGivesWelchsInterval) {
  DriftGateOptions options;
  options.min_held_out = 1;
  const RegionLosses region{
      RegionId{0}, {Loss(0, 3, 1), Loss(1, 5, 1), Loss(2, 4.5, 1)}, {Loss(3, 1, 1), Loss(4, 2, 1)}};
  const RegionDrift drift = MeasureDrift({&region, 1}, options)[0];
  const std::vector<double> recent = {3, 5, 4.5};
  const std::vector<double> held_out = {1, 2};
  const WelchResult welch = WelchTest(recent, held_out).value();
  const double half = StudentQuantile(0.975, welch.degrees_of_freedom) * welch.standard_error;
  EXPECT_NEAR(drift.drift, welch.difference, 1e-12);
  EXPECT_NEAR(drift.low, welch.difference - half, 1e-9);
  EXPECT_NEAR(drift.high, welch.difference + half, 1e-9);
}

TEST(DriftGate, FindsTheDriftingRegions) {
  RandomStream random(1, 0);
  std::vector<RegionLosses> regions;
  for (int k = 0; k < 6; ++k) {
    const double rise = k < 2 ? 1.0 : 0.0;
    regions.push_back({RegionId{k}, Users(0, 200, 5 + rise, random), Users(0, 200, 5, random)});
  }
  const std::vector<RegionDrift> drifts = MeasureDrift(regions, DriftGateOptions());
  for (int k = 0; k < 6; ++k) {
    EXPECT_EQ(drifts[k].drifts, k < 2) << "region " << k;
    EXPECT_GE(drifts[k].p_adjusted, drifts[k].p_value);
    EXPECT_EQ(drifts[k].low > 0.25, k < 2);
  }
}

TEST(DriftGate, ASureButSmallRiseIsNoDrift) {
  RandomStream random(2, 0);
  const RegionLosses region{RegionId{0}, Users(0, 20000, 5.15, random), Users(0, 20000, 5, random)};
  const RegionDrift drift = MeasureDrift({&region, 1}, DriftGateOptions())[0];
  EXPECT_GT(drift.low, 0.1);
  EXPECT_GT(drift.p_adjusted, 0.999);
  EXPECT_FALSE(drift.drifts);
}

// A mean above d_min by less than its error.
TEST(DriftGate, ARiseThatIsNotSureToPassTheLeastIsNoDrift) {
  RegionLosses region{RegionId{0}, {}, {}};
  for (int u = 0; u < 400; ++u) {
    const double deviation = u % 2 == 0 ? 1 : -1;
    region.recent.push_back(Loss(u, 5.3 + deviation, 1));
    region.held_out.push_back(Loss(u, 5 + deviation, 1));
  }
  const RegionDrift drift = MeasureDrift({&region, 1}, DriftGateOptions())[0];
  EXPECT_NEAR(drift.drift, 0.3, 1e-12);
  EXPECT_FALSE(drift.drifts);
  DriftGateOptions none;
  none.d_min = 0;
  EXPECT_TRUE(MeasureDrift({&region, 1}, none)[0].drifts);
}

// d_min = 0 and no drift: the family-wise error of the gate stays near its level.
TEST(DriftGate, OpensAtMostAsOftenAsItsLevelSays) {
  DriftGateOptions options;
  options.d_min = 0;
  int opened = 0;
  constexpr int kTrials = 1000;
  for (int trial = 0; trial < kTrials; ++trial) {
    RandomStream random(3, trial);
    std::vector<RegionLosses> regions;
    for (int k = 0; k < 4; ++k) {
      regions.push_back({RegionId{k}, Users(0, 25, 5, random), Users(100, 40, 5, random)});
    }
    bool any = false;
    for (const RegionDrift& drift : MeasureDrift(regions, options)) any = any || drift.drifts;
    opened += any ? 1 : 0;
  }
  EXPECT_LT(opened, 70);  // 50 expected, standard deviation 7
  EXPECT_GT(opened, 10);
}

TEST(DriftGate, FewHeldOutWindowsAreReplacedByThePool) {
  const std::vector<RegionLosses> regions = {
      {RegionId{0}, {Loss(0, 3, 2), Loss(1, 4, 2)}, {Loss(0, 1, 20), Loss(1, 2, 10)}},
      {RegionId{1}, {Loss(0, 3, 2), Loss(1, 4, 2)}, {Loss(0, 4, 10), Loss(2, 5, 19)}}};
  const std::vector<RegionDrift> drifts = MeasureDrift(regions, DriftGateOptions());
  EXPECT_FALSE(drifts[0].pooled);
  EXPECT_NEAR(drifts[0].drift, 3.5 - 40.0 / 30, 1e-12);
  EXPECT_TRUE(drifts[1].pooled);
  EXPECT_EQ(drifts[1].held_out_windows, 29);
  EXPECT_EQ(drifts[1].held_out_users, 3);
  EXPECT_NEAR(drifts[1].drift, 3.5 - (20 + 20 + 40 + 95) / 59.0, 1e-12);
  const std::vector<double> recent = {3, 4};
  const std::vector<double> pool = {2.25, 2.25, 5.25};  // user 0: (20 + 40) / 30 windows; d_min
  EXPECT_NEAR(drifts[1].p_value, WelchTest(recent, pool)->p_greater, 1e-12);
}

TEST(DriftGate, TooFewUsersAreNotTested) {
  const std::vector<RegionLosses> regions = {
      {RegionId{0}, {Loss(0, 30, 5)}, {Loss(0, 1, 30), Loss(1, 2, 30)}},
      {RegionId{1}, {}, {Loss(0, 1, 30), Loss(1, 2, 30)}}};
  const std::vector<RegionDrift> drifts = MeasureDrift(regions, DriftGateOptions());
  EXPECT_FALSE(drifts[0].tested);
  EXPECT_EQ(drifts[0].p_adjusted, 1);
  EXPECT_FALSE(drifts[0].drifts);
  EXPECT_TRUE(std::isinf(drifts[0].high));
  EXPECT_TRUE(std::isnan(drifts[1].drift));
  EXPECT_FALSE(drifts[1].drifts);
}

TEST(DriftGate, RefusesBadLosses) {
  const DriftGateOptions options;
  const RegionLosses none{RegionId{0}, {Loss(0, 1, 1)}, {}};
  EXPECT_THROW(MeasureDrift({&none, 1}, options), Error);
  const RegionLosses twice{RegionId{0}, {Loss(0, 1, 1), Loss(0, 1, 1)}, {Loss(0, 1, 1)}};
  EXPECT_THROW(MeasureDrift({&twice, 1}, options), Error);
  const RegionLosses nan{RegionId{0}, {Loss(0, NAN, 1)}, {Loss(0, 1, 1)}};
  EXPECT_THROW(MeasureDrift({&nan, 1}, options), Error);
  const RegionLosses empty{RegionId{0}, {Loss(0, 1, 0)}, {Loss(0, 1, 1)}};
  EXPECT_THROW(MeasureDrift({&empty, 1}, options), Error);
  EXPECT_THROW(GroupByUser(std::vector<UserId>{UserId{1}}, {}), Error);
}

TEST(DriftGate, GroupsWindowsByUser) {
  const std::vector<UserId> users = {UserId{7}, UserId{2}, UserId{7}};
  const std::vector<double> nll = {1, 5, 2};
  const std::vector<UserLoss> losses = GroupByUser(users, nll);
  ASSERT_EQ(losses.size(), 2U);
  EXPECT_EQ(losses[0].user, UserId{2});
  EXPECT_EQ(losses[0].num_windows, 1);
  EXPECT_EQ(losses[1].mean_nll, 1.5);
  EXPECT_EQ(losses[1].num_windows, 2);
}

}  // namespace
}  // namespace raie
