#include "data/simulator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/files.h"
#include "data/log_fixture.h"
#include "data/prepare.h"
#include "data/truth.h"
#include "data/windows.h"

namespace raie {
namespace {

using testing::ErrorOf;
using testing::TemporaryFolder;

SimulatorOptions Small() {
  SimulatorOptions options;
  options.users = 300;
  options.items = 160;
  options.events = 20000;
  return options;
}

// What a table of "which item followed which" learns from the training windows of S, and how often
// the target is among the ten most frequent followers of the last item.
class FollowerCounts {
 public:
  FollowerCounts(const PreparedData& data, const WindowSet& windows) : data_(data) {
    for (const Window& window : windows.windows) {
      ++counts_[data.items()[window.context_end - 1]][data.items()[window.target]];
    }
  }
  double RecallAt10(const WindowSet& windows) const {
    std::int64_t hits = 0;
    for (const Window& window : windows.windows) {
      const auto found = counts_.find(data_.items()[window.context_end - 1]);
      if (found == counts_.end()) continue;
      std::vector<std::pair<std::int64_t, ItemId>> ranked;
      for (const auto& [item, count] : found->second) ranked.emplace_back(-count, item);
      std::sort(ranked.begin(), ranked.end());
      for (std::size_t i = 0; i < std::min<std::size_t>(10, ranked.size()); ++i) {
        hits += ranked[i].second == data_.items()[window.target];
      }
    }
    return static_cast<double>(hits) / static_cast<double>(windows.size());
  }

 private:
  const PreparedData& data_;
  std::map<ItemId, std::map<ItemId, std::int64_t>> counts_;
};

struct Recall {
  double held_out;
  double test;
};

Recall FrozenRecall(const SimulatorOptions& options) {
  TaskPool pool(2);
  const TemporaryFolder folder;
  PrepareData(SimulateLog(options, pool).log, {}, folder / "d", pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  const WindowOptions windows = WindowOptionsOf(data);
  const SetupWindows setup = MakeSetupWindows(data, 0, windows);
  const FollowerCounts model(data, setup.training);
  return {model.RecallAt10(setup.held_out), model.RecallAt10(MakeWindows(data, 2, windows))};
}

TEST(Simulator, IsLearnableAndGoesStaleWhereItDrifts) {
  SimulatorOptions options;  // the default shop: 2 of 8 interests drift
  const Recall local = FrozenRecall(options);
  RecordProperty("held_out", std::to_string(local.held_out));
  RecordProperty("test", std::to_string(local.test));
  EXPECT_GT(local.held_out, 0.70);
  EXPECT_LT(local.held_out, 0.85);
  EXPECT_LT(local.test, local.held_out - 0.1);
  EXPECT_GT(local.test, local.held_out - 0.3);
  options.drifting = 8;
  const Recall global = FrozenRecall(options);
  EXPECT_NEAR(global.held_out, local.held_out, 0.05);
  EXPECT_LT(global.test, 0.2);
  options.drift = DriftKind::kNone;
  const Recall none = FrozenRecall(options);
  EXPECT_NEAR(none.test, none.held_out, 0.05);
}

TEST(Simulator, CountsAndTimesAreAsAsked) {
  TaskPool pool(1);
  for (const std::int64_t events : {1, 1000, 20000}) {
    SimulatorOptions options = Small();
    options.events = events;
    const Simulation simulation = SimulateLog(options, pool);
    const InteractionLog& log = simulation.log;
    EXPECT_EQ(log.size(), events);
    EXPECT_EQ(log.item_ids.size(), log.titles.size());
    const std::int64_t end = options.start_time + static_cast<std::int64_t>(options.days * 86400);
    for (std::int64_t row = 0; row < events; ++row) {
      EXPECT_GE(Seconds(log.times[row]), options.start_time);
      EXPECT_LT(Seconds(log.times[row]), end + 86400);
      if (row > 0 && log.users[row] == log.users[row - 1]) {
        EXPECT_LT(log.times[row - 1], log.times[row]);
      }
      const std::string name(log.item_ids[Index(log.items[row])]);
      EXPECT_EQ(name.substr(0, 2), "i" + std::to_string(simulation.truth.interests[row]));
    }
  }
}

TEST(Simulator, DriftKindsChangeVersionsAsSaid) {
  TaskPool pool(1);
  SimulatorOptions options = Small();
  options.drifting_interests = {1, 4};
  options.drift_times = {0.4, 0.7};
  const double span = options.days * 86400;
  for (const DriftKind kind :
       {DriftKind::kNone, DriftKind::kAbrupt, DriftKind::kGradual, DriftKind::kRecurring}) {
    options.drift = kind;
    const Simulation simulation = SimulateLog(options, pool);
    std::set<int> seen;
    std::map<bool, std::int64_t> in_change;  // gradual, half-way through a change: new or old
    for (std::int64_t row = 0; row < options.events; ++row) {
      const int version = simulation.truth.versions[row];
      const int interest = simulation.truth.interests[row];
      const double share =
          static_cast<double>(Seconds(simulation.log.times[row]) - options.start_time) / span;
      seen.insert(version);
      if (interest != 1 && interest != 4) {
        EXPECT_EQ(version, 0);
        continue;
      }
      const int passed = share >= 0.7 ? 2 : share >= 0.4 ? 1 : 0;
      if (kind == DriftKind::kAbrupt) {
        EXPECT_EQ(version, passed);
      }
      if (kind == DriftKind::kGradual) {
        EXPECT_TRUE(version == passed || version == std::max(0, passed - 1));
        if (share >= 0.48 && share < 0.52) ++in_change[version == 1];
        if (share >= 0.6 && share < 0.7) {
          EXPECT_EQ(version, 1);
        }
      }
      if (kind == DriftKind::kRecurring) {
        EXPECT_EQ(version, (share >= 0.4 && share < 0.6) || (share >= 0.8 && share < 1) ? 1 : 0);
      }
    }
    if (kind == DriftKind::kNone) {
      EXPECT_EQ(seen, std::set<int>{0});
    }
    if (kind == DriftKind::kGradual) {
      EXPECT_GT(in_change[true], 10);
      EXPECT_GT(in_change[false], 10);
    }
    EXPECT_EQ(simulation.truth.drifting.size(), kind == DriftKind::kNone ? 0U : 2U);
  }
}

TEST(Simulator, ItemsAreBornAndLawsAreUneven) {
  TaskPool pool(1);
  SimulatorOptions options = Small();
  options.born_later = 0.5;
  const Simulation simulation = SimulateLog(options, pool);
  std::map<ItemId, std::int64_t> first, count;
  for (std::int64_t row = 0; row < options.events; ++row) {
    const ItemId item = simulation.log.items[row];
    const std::int64_t time = Seconds(simulation.log.times[row]);
    first[item] = first.contains(item) ? std::min(first[item], time) : time;
    ++count[item];
  }
  const auto middle = options.start_time + static_cast<std::int64_t>(options.days * 43200);
  const auto late = std::count_if(first.begin(), first.end(),
                                  [&](const auto& entry) { return entry.second > middle; });
  EXPECT_GT(late, 20);
  EXPECT_LT(late, 60);
  std::vector<std::int64_t> counts;
  for (const auto& [item, n] : count) counts.push_back(n);
  std::sort(counts.rbegin(), counts.rend());
  EXPECT_GT(counts[counts.size() / 10], 2 * counts[counts.size() / 2]);
}

TEST(Simulator, TruthIsFoundAgainAfterPreparation) {
  TaskPool pool(2);
  const TemporaryFolder folder;
  const Simulation simulation = SimulateLog(Small(), pool);
  SaveSimulation(simulation, folder / "shop", pool);
  const SimulationTruth truth = LoadTruth(folder / "shop");
  EXPECT_EQ(truth.interests, simulation.truth.interests);
  EXPECT_EQ(truth.versions, simulation.truth.versions);
  EXPECT_EQ(truth.mixtures, simulation.truth.mixtures);
  EXPECT_EQ(truth.drifting, simulation.truth.drifting);
  EXPECT_EQ(truth.drift_times, simulation.truth.drift_times);
  EXPECT_TRUE(SameOptions(truth.options, simulation.truth.options));

  PrepareOptions options;
  options.repeats = Repeats::kFirst;  // drops events in between
  PrepareData(simulation.log, options, folder / "d", pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  const EventTruth events = AlignTruth(truth, data);
  std::int64_t drifted = 0;
  for (std::size_t row = 0; row < data.items().size(); ++row) {
    const std::string name(data.item_id(data.items()[row]));
    EXPECT_EQ(name.substr(0, 2), "i" + std::to_string(events.interests[row]));
    const bool drifts =
        std::count(truth.drifting.begin(), truth.drifting.end(), events.interests[row]) > 0;
    EXPECT_EQ(events.versions[row] == 1, drifts && data.times()[row] >= truth.drift_times[0]);
    drifted += events.versions[row];
  }
  EXPECT_GT(drifted, 0);

  SimulatorOptions other = Small();
  other.seed = 2;
  PrepareData(SimulateLog(other, pool).log, {}, folder / "e", pool);
  const PreparedData foreign = PreparedData::Load(folder / "e");
  ErrorOf(ErrorCode::kInvalidArgument, [&] { AlignTruth(truth, foreign); });
  std::string bytes = ReadFile(folder / "shop" / "truth_versions.u8");
  bytes[100] ^= 1;
  WriteFileAtomically(folder / "shop" / "truth_versions.u8", bytes);
  ErrorOf(ErrorCode::kCorruptData, [&] { LoadTruth(folder / "shop"); });
  ErrorOf(ErrorCode::kNotFound, [&] { LoadTruth(folder / "none"); });
}

TEST(SimulatorThreads, SameBytesForAnyNumber) {
  const TemporaryFolder folder;
  std::map<std::string, std::string> first;
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    SimulatorOptions options = Small();
    options.users = 1500;
    SaveSimulation(SimulateLog(options, pool), folder / "shop", pool);
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "shop")) {
      files[entry.path().filename().string()] = ReadFile(entry.path());
    }
    EXPECT_EQ(files.size(), 8U);
    if (first.empty()) first = files;
    EXPECT_TRUE(files == first) << threads << " threads";
  }
}

TEST(SimulatorErrors, AreListedTogether) {
  SimulatorOptions options;
  options.users = 0;
  options.drifting = 9;
  options.drift_times = {0.5, 0.5};
  const std::string text = ErrorOf(ErrorCode::kInvalidArgument, [&] { options.Validate(); });
  EXPECT_NE(text.find("users"), std::string::npos) << text;
  EXPECT_NE(text.find("drifting = 9"), std::string::npos) << text;
  EXPECT_NE(text.find("drift_times"), std::string::npos) << text;
}

TEST(SimulatorErrors, OddShopsWork) {
  TaskPool pool(1);
  for (const std::int64_t items : {1, 2, 3, 9}) {
    SimulatorOptions options = Small();
    options.items = items;
    options.interests = items < 3 ? 1 : 3;
    options.drifting = 1;
    options.successors = 6;
    options.session_events = 1;
    options.events = 500;
    EXPECT_EQ(SimulateLog(options, pool).log.size(), 500);
  }
}

}  // namespace
}  // namespace raie
