#include "methods/gain_gate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/random.h"
#include "base/statistics.h"
#include "methods/shop_fixture.h"
#include "raie/error.h"

namespace raie {
namespace {

using testing::Adapted;
using testing::FirstContexts;
using testing::RunMethod;
using testing::ScoresOf;
using testing::Shop;
using testing::TinyShop;

// Two regions; users 0 .. users - 1 with `each` windows in both.
struct Problem {
  WindowSet windows;
  std::vector<RegionId> regions;
  std::vector<double> now;
  std::vector<double> then;

  void Add(std::int32_t user, std::int32_t region, double before, double after) {
    windows.windows.push_back({.user = UserId{user}});
    regions.push_back(RegionId{region});
    then.push_back(before);
    now.push_back(after);
  }
  PairedLosses losses() const { return {windows, regions, now, then}; }
};

constexpr RegionId kBoth[] = {RegionId{0}, RegionId{1}};

TEST(GainGateTest, IsAOneSidedPairedTestOverUsers) {
  Problem problem;
  RandomStream random(4, 0);
  std::vector<double> means;
  for (std::int32_t user = 0; user < 30; ++user) {
    double sum = 0;
    const int each = 1 + user % 3;  // a user counts once, however many windows he has
    for (int i = 0; i < each; ++i) {
      const double before = 5 + random.Normal();
      const double change = -0.1 + 0.3 * random.Normal();
      problem.Add(user, 0, before, before + change);
      problem.Add(user, 1, before, before - change);
      sum += change;
    }
    means.push_back(sum / each);
  }
  const auto gains = MeasureGains(kBoth, problem.losses(), {});
  const double mean = Mean(means);
  const double t = mean / std::sqrt(SampleVariance(means) / 30);
  EXPECT_NEAR(gains[0].change, mean, 1e-12);
  EXPECT_NEAR(gains[0].p_value, StudentTail(-t, 29), 1e-12);
  EXPECT_NEAR(gains[1].p_value, 1 - gains[0].p_value, 1e-12);
  EXPECT_NEAR(gains[0].p_adjusted, std::min(1.0, 2 * std::min(gains[0].p_value, gains[1].p_value)),
              1e-12);
  EXPECT_EQ(gains[0].users, 30);
  EXPECT_TRUE(gains[0].gains);
  EXPECT_FALSE(gains[1].gains);
  EXPECT_FALSE(MeasureGains(kBoth, problem.losses(), {.level = 1e-9})[0].gains);
}

TEST(GainGateTest, WithoutUsersOrKnownTargetsNothingGains) {
  Problem problem;
  problem.Add(0, 0, 5, 1);
  problem.Add(1, 0, 5, std::numeric_limits<double>::quiet_NaN());
  const auto gains = MeasureGains(kBoth, problem.losses(), {.level = 1});
  EXPECT_EQ(gains[0].users, 1);
  EXPECT_EQ(gains[0].p_value, 1);
  EXPECT_EQ(gains[1].users, 0);
  EXPECT_FALSE(gains[0].gains || gains[1].gains);
}

// A gate that asks for more drift than there is.
AdaptOptions NoDrift(GateKind gate) {
  AdaptOptions options = Shop::Options();
  options.epochs = 2;
  options.gate = gate;
  options.drift.d_min = 50;
  options.validation_share = 0.4;  // enough users to tell
  return options;
}

TEST(GainGateTest, RegionsThatGainAreTrainedThoughNothingDrifts) {
  EXPECT_EQ(RunMethod("raie", NoDrift(GateKind::kDrift)).report.training.samples, 0);
  for (const GateKind gate : {GateKind::kGain, GateKind::kDriftOrGain}) {
    const Adapted run = RunMethod("raie", NoDrift(gate));
    std::size_t open = 0;
    for (const RegionGain& gain : run.report.gains) {
      EXPECT_EQ(gain.gains, gain.change < 0 && gain.p_adjusted < 0.05);
      EXPECT_EQ(run.snapshot.adapters.contains(gain.region), gain.gains);
      open += gain.gains;
    }
    EXPECT_GT(open, 0u);
    EXPECT_LT(open, run.report.gains.size());
    EXPECT_GT(run.report.training.samples, 0);
    EXPECT_GT(run.report.tuning.samples, run.report.curve.back().samples);  // the probe counts
  }
}

// Without routing, too: what the one adapter trains on are RAIE's own rows.
TEST(GainGateTest, OneAdapterForAllIsAskedByRegion) {
  for (const GateKind gate : {GateKind::kGain, GateKind::kDriftOrGain}) {
    const AdaptReport raie = RunMethod("raie", NoDrift(gate)).report;
    const AdaptReport one = RunMethod("raie_wo_kr", NoDrift(gate)).report;
    ASSERT_EQ(one.gains.size(), raie.gains.size());
    for (std::size_t k = 0; k < raie.gains.size(); ++k) {
      EXPECT_EQ(one.gains[k].change, raie.gains[k].change);
      EXPECT_EQ(one.gains[k].gains, raie.gains[k].gains);
    }
    ASSERT_EQ(one.regions.size(), raie.regions.size());
    for (std::size_t k = 0; k < raie.regions.size(); ++k) {
      EXPECT_EQ(one.regions[k].gate, raie.regions[k].gate);
      EXPECT_EQ(one.regions[k].new_windows, raie.regions[k].new_windows);
      EXPECT_EQ(one.regions[k].memory_windows, raie.regions[k].memory_windows);
    }
  }
}

TEST(GainGateTest, GainAloneLeavesDriftAlone) {
  AdaptOptions options = NoDrift(GateKind::kGain);
  options.drift.d_min = 0;
  options.drift.level = 1;  // every rise of the loss drifts
  options.gain.level = 1e-12;
  EXPECT_EQ(RunMethod("raie", options).report.training.samples, 0);
  options.gate = GateKind::kDriftOrGain;
  const auto regions = RunMethod("raie", options).report.regions;
  EXPECT_TRUE(std::ranges::count(regions, GateVerdict::kDrifts, &RegionTraining::gate) > 0);
}

TEST(GainGateTest, TheReportSaysWhyEachRegionWasOpenedOrNot) {
  std::set<GateVerdict> seen;
  for (const GateKind gate :
       {GateKind::kOff, GateKind::kDrift, GateKind::kGain, GateKind::kDriftOrGain}) {
    AdaptOptions options = NoDrift(gate);
    options.drift.d_min = 0.25;
    options.epochs = gate == GateKind::kOff ? 1 : 2;
    const AdaptReport report = RunMethod("raie", options).report;
    ASSERT_FALSE(report.regions.empty());
    for (std::size_t k = 0; k < report.regions.size(); ++k) {
      const RegionTraining& region = report.regions[k];
      seen.insert(region.gate);
      bool drifts = false;
      if (gate == GateKind::kDrift || gate == GateKind::kDriftOrGain) {
        ASSERT_EQ(report.drift.regions[k].drift.region, region.region);
        drifts = report.drift.regions[k].drift.drifts;
      }
      const bool gains = std::ranges::any_of(report.gains, [&](const RegionGain& gain) {
        return gain.region == region.region && gain.gains;
      });
      const GateVerdict expected = gate == GateKind::kOff ? GateVerdict::kNoGate
                                   : drifts && gains      ? GateVerdict::kDriftsAndGains
                                   : drifts               ? GateVerdict::kDrifts
                                   : gains                ? GateVerdict::kGains
                                                          : GateVerdict::kShut;
      EXPECT_EQ(region.gate, expected);
      EXPECT_FALSE(region.trained && region.gate == GateVerdict::kShut);
    }
  }
  EXPECT_EQ(seen.size(), 5u);  // the shop shows every one of them
}

TEST(GainGateTest, WithTheOwnBudgetItsProbeTrainsAllEpochsOfTheEarlyPart) {
  AdaptOptions options = NoDrift(GateKind::kGain);
  options.budget = BudgetKind::kOwn;
  options.epochs = 8;
  const Adapted run = RunMethod("raie", options);
  EXPECT_TRUE(run.report.curve.empty());  // no checkpoints are chosen from
  EXPECT_GT(run.report.tuning.samples, 0);
  std::size_t open = 0;
  for (const RegionGain& gain : run.report.gains) {
    EXPECT_EQ(run.snapshot.adapters.contains(gain.region), gain.gains);
    open += gain.gains;
  }
  EXPECT_GT(open, 0u);
  EXPECT_LT(open, run.report.gains.size());
  EXPECT_LT(run.report.training.samples, run.report.tuning.samples);
}

// Where every region gains, the probe is the tuning pass: the same model, trained once less.
void ExpectProbeIsTheTuningPass(GateKind gate) {
  Shop& shop = TinyShop();
  DiscoveryOptions discovery;
  discovery.k = 2;
  const Snapshot two = WithRegions(shop.snapshot, shop.data, shop.setup, discovery,
                                   EditorOptions::Preset(EditorPreset::kRaie), shop.pool);
  AdaptOptions options = NoDrift(gate);
  options.gain.level = 1;  // every fall of the loss
  const auto adapt = [&](const RunContext& context) {
    Adapted run{.method = MakeMethod("raie", context, options), .snapshot = {}, .report = {}};
    run.method->Prepare(two, shop.setup.training);
    run.report = run.method->Adapt(shop.slice());
    return run;
  };
  RunContext context = shop.context();
  const Adapted once = adapt(context);
  std::vector<std::pair<double, std::int64_t>> shown;
  context.on_checkpoint = [&](const Checkpoint& at) { shown.emplace_back(at.share, at.samples); };
  const Adapted twice = adapt(context);
  ASSERT_EQ(shown.size(), once.report.curve.size());
  for (std::size_t i = 0; i < shown.size(); ++i) {
    EXPECT_EQ(shown[i].first, once.report.curve[i].share);
    EXPECT_EQ(shown[i].second, once.report.curve[i].samples);
  }
  for (const Adapted* run : {&once, &twice}) {
    for (const RegionTraining& region : run->report.regions) {
      EXPECT_EQ(region.gate, GateVerdict::kGains);
      EXPECT_TRUE(region.trained);
    }
  }
  EXPECT_EQ(once.report.tuning.samples, twice.report.tuning.samples);
  EXPECT_EQ(once.report.training.samples, twice.report.training.samples);
  EXPECT_EQ(once.report.chosen_share, twice.report.chosen_share);
  ASSERT_EQ(once.report.curve.size(), twice.report.curve.size());
  for (std::size_t i = 0; i < once.report.curve.size(); ++i) {
    EXPECT_EQ(once.report.curve[i].validation_ndcg10, twice.report.curve[i].validation_ndcg10);
    EXPECT_EQ(once.report.curve[i].samples, twice.report.curve[i].samples);
  }
  const std::int64_t items = shop.data.catalogue_size(1);
  const ReadWindows read = FirstContexts(shop.new_windows, 200);
  EXPECT_EQ(ScoresOf(*once.method->MakeScorer(), read, items),
            ScoresOf(*twice.method->MakeScorer(), read, items));
}

TEST(GainGateTest, WhereAllRegionsGainTheProbeIsNotRunAgain) {
  for (const GateKind gate : {GateKind::kGain, GateKind::kDriftOrGain}) {
    ExpectProbeIsTheTuningPass(gate);
  }
}

TEST(GainGateTest, ALevelOfZeroIsRefused) {
  AdaptOptions options;
  options.gate = GateKind::kGain;
  options.gain.level = 0;
  EXPECT_THROW(options.Validate(), Error);
}

}  // namespace
}  // namespace raie
