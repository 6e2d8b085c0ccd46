#include "data/stats.h"

#include <gtest/gtest.h>

#include <set>

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
    EXPECT_DOUBLE_EQ(stats.targets_outside_first, static_cast<double>(outside_s) / n);
    EXPECT_DOUBLE_EQ(stats.targets_outside_previous, static_cast<double>(outside_sf) / n);
    EXPECT_DOUBLE_EQ(stats.context_events_unknown, unknown / context);
    EXPECT_EQ(stats.empty_contexts, empty);
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
    EXPECT_EQ(stats.users, static_cast<std::int64_t>(test_users.size()));
    EXPECT_EQ(stats.returning_users, static_cast<std::int64_t>(both.size()));
    EXPECT_EQ(stats.returning_windows, returning_windows);
    EXPECT_EQ(stats.setup_training + stats.validation + stats.held_out, stats.windows[0]);
  }
}

TEST(Stats, JsonHasTheFixedKeys) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareOptions options;
  options.context = 3;
  options.k_core = 2;
  PrepareData(MakeLog(RandomEvents(1, {}), Ratings::kHave), options, folder / "d", pool);
  const DataStats stats = ComputeStats(PreparedData::Load(folder / "d"));
  const auto json = ToJson(stats);
  std::string keys;
  for (const auto& [key, value] : json.items()) keys += key + " ";
  EXPECT_EQ(keys, "before after cuts windows catalogue T_targets_outside returning ");
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

}  // namespace
}  // namespace raie
