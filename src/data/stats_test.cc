#include "data/stats.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "data/append.h"
#include "data/log_fixture.h"

namespace raie {
namespace {

using testing::MakeLog;
using testing::RandomEvents;
using testing::Ratings;
using testing::TemporaryFolder;

TEST(Stats, EqualTheSlowCounts) {
  TaskPool pool(2);
  const TemporaryFolder folder;
  PrepareOptions options;
  options.context = 4;
  options.min_context = 2;
  options.k_core = 4;
  options.min_rating = 2;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto events = RandomEvents(seed, {.users = 80, .items = 120, .events = 3000});
    PrepareData(MakeLog(events, Ratings::kHave), options, folder / "d", pool);
    const PreparedData data = PreparedData::Load(folder / "d");
    const DataStats stats = ComputeStats(data);
    const WindowSet test = MakeWindows(data, 2, WindowOptionsOf(data));
    std::set<ItemId> in_s, in_sf;
    for (std::int32_t u = 0; u < data.num_users(); ++u) {
      for (const int slice : {0, 1}) {
        const EventRange range = data.SliceEvents(UserId{u}, slice);
        for (std::int64_t row = range.begin; row < range.end; ++row) {
          if (slice == 0) in_s.insert(data.items()[row]);
          in_sf.insert(data.items()[row]);
        }
      }
    }
    std::int64_t outside_s = 0, outside_sf = 0, empty = 0;
    double unknown = 0, context = 0;
    for (const Window& window : test.windows) {
      outside_s += !in_s.contains(data.items()[window.target]);
      outside_sf += !in_sf.contains(data.items()[window.target]);
      bool known = false;
      for (std::int64_t row = window.context_begin; row < window.context_end; ++row) {
        known |= in_sf.contains(data.items()[row]);
        if (row < window.context_end - 4) continue;
        context += 1;
        unknown += !in_sf.contains(data.items()[row]);
      }
      empty += !known;
    }
    const auto n = static_cast<double>(test.size());
    ASSERT_EQ(stats.targets.size(), 2U);
    const SliceTargets& targets = stats.targets[1];
    EXPECT_DOUBLE_EQ(targets.outside_first, static_cast<double>(outside_s) / n);
    EXPECT_DOUBLE_EQ(targets.outside_previous, static_cast<double>(outside_sf) / n);
    EXPECT_DOUBLE_EQ(targets.context_events_unknown, unknown / context);
    EXPECT_EQ(targets.empty_contexts, empty);
    std::set<UserId> first_users, test_users, both;
    for (const Window& w : MakeWindows(data, 0, WindowOptionsOf(data)).windows) {
      first_users.insert(w.user);
    }
    std::int64_t returning_windows = 0;
    for (const Window& w : test.windows) {
      test_users.insert(w.user);
      if (!first_users.contains(w.user)) continue;
      both.insert(w.user);
      ++returning_windows;
    }
    EXPECT_EQ(targets.users, static_cast<std::int64_t>(test_users.size()));
    EXPECT_EQ(targets.returning_users, static_cast<std::int64_t>(both.size()));
    EXPECT_EQ(targets.returning_windows, returning_windows);
    EXPECT_EQ(stats.setup_training + stats.validation + stats.held_out, stats.windows[0]);
  }
}

std::string KeysOf(const nlohmann::ordered_json& json) {
  std::string keys;
  for (const auto& [key, value] : json.items()) keys += key + " ";
  return keys;
}

void PrepareSmall(const std::filesystem::path& path, TaskPool& pool) {
  PrepareOptions options;
  options.context = 3;
  options.k_core = 2;
  PrepareData(MakeLog(RandomEvents(1, {}), Ratings::kHave), options, path, pool);
}

TEST(Stats, JsonHasTheFixedKeys) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareSmall(folder / "d", pool);
  const DataStats stats = ComputeStats(PreparedData::Load(folder / "d"));
  const auto json = ToJson(stats);
  EXPECT_EQ(KeysOf(json), "before after cuts windows catalogue T_targets_outside returning ");
  for (const char* slice : {"S", "F", "T"}) {
    EXPECT_GT(json.at("after").at(slice).at("events").get<int>(), 0);
    EXPECT_GE(json.at("before").at(slice).at("items").get<int>(),
              json.at("after").at(slice).at("items").get<int>());
    EXPECT_GT(json.at("windows").at(slice).get<int>(), 0);
  }
  for (const char* part : {"held_out", "validation", "S_training"}) {
    EXPECT_TRUE(json.at("windows").contains(part));
  }
  EXPECT_LE(json.at("catalogue").at("S").get<int>(), json.at("catalogue").at("SF").get<int>());
  EXPECT_GE(json.at("T_targets_outside").at("S").get<double>(),
            json.at("T_targets_outside").at("SF").get<double>());
  EXPECT_TRUE(json.at("returning").contains("users"));
  EXPECT_TRUE(json.at("returning").contains("windows"));
  EXPECT_NE(FormatStats(stats).find("held-out"), std::string::npos);
}

TEST(Stats, FixedKeysStayWhenSlicesAreAppended) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareSmall(folder / "d", pool);
  const auto before = ToJson(ComputeStats(PreparedData::Load(folder / "d")));
  std::vector<testing::LogEvent> more = RandomEvents(2, {.events = 500});
  for (testing::LogEvent& event : more) event.time += 5000;
  AppendData(folder / "d", MakeLog(more, Ratings::kHave), {}, pool);
  const DataStats stats = ComputeStats(PreparedData::Load(folder / "d"));
  const auto json = ToJson(stats);
  // All that was said of S, F and T is said again in the same place.
  for (const auto& [key, value] : before.items()) {
    if (key == "cuts") continue;
    for (const auto& [name, inner] : value.items()) {
      EXPECT_EQ(json.at(key).at(name), inner) << key << " " << name;
    }
  }
  EXPECT_EQ(KeysOf(json.at("before")), "S F T 3 ");
  EXPECT_EQ(KeysOf(json.at("after")), "S F T 3 ");
  EXPECT_EQ(KeysOf(json.at("windows")), "S F T 3 held_out validation S_training ");
  EXPECT_EQ(KeysOf(json.at("catalogue")), "S SF SFT 3 ");
  EXPECT_EQ(KeysOf(json.at("T_targets_outside")), "S SF ");
  EXPECT_EQ(KeysOf(json.at("later")), "3 ");
  EXPECT_EQ(json.at("later").at("3").at("returning").at("users"), stats.targets[2].returning_users);
  EXPECT_GT(stats.targets[2].users, 0);
  const std::string text = FormatStats(stats);
  for (const char* line :
       {"\nS windows: training", "\nT targets outside", "\nslice 3 targets outside",
        "\nslice 3 returning users: ", "  1970-01-01 01:"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  EXPECT_EQ(text.find("\n0 windows"), std::string::npos) << text;
}

TEST(Stats, AStreamHasTheFixedKeysToo) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareOptions options;
  options.protocol = Protocol::kStream;
  options.context = 3;
  options.min_context = 1;
  options.k_core = 2;
  options.slices = {0.4, 0.6, 0.7, 0.8, 0.9};
  PrepareData(MakeLog(RandomEvents(1, {}), Ratings::kHave), options, folder / "d", pool);
  const auto json = ToJson(ComputeStats(PreparedData::Load(folder / "d")));
  EXPECT_EQ(KeysOf(json.at("windows")), "S F T 3 4 5 held_out validation S_training ");
  EXPECT_EQ(KeysOf(json.at("catalogue")), "S SF SFT 3 4 5 ");
  EXPECT_EQ(KeysOf(json.at("T_targets_outside")), "S SF ");
  EXPECT_EQ(KeysOf(json.at("later")), "3 4 5 ");

  options.slices = {0.5};  // there is no T
  PrepareData(MakeLog(RandomEvents(1, {}), Ratings::kHave), options, folder / "two", pool);
  const DataStats two = ComputeStats(PreparedData::Load(folder / "two"));
  EXPECT_TRUE(ToJson(two).at("T_targets_outside").is_null());
  EXPECT_NE(FormatStats(two).find("F targets outside"), std::string::npos);
}

}  // namespace
}  // namespace raie
