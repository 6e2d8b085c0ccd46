#include "data/append.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "base/files.h"
#include "data/log_fixture.h"
#include "data/stats.h"

namespace raie {
namespace {

using testing::ErrorOf;
using testing::LogEvent;
using testing::MakeLog;
using testing::RandomEvents;
using testing::Ratings;
using testing::TemporaryFolder;

PrepareOptions Options() {
  PrepareOptions options;
  options.context = 3;
  options.min_context = 1;
  options.k_core = 2;
  options.min_rating = 2;
  return options;
}

std::vector<LogEvent> Later(std::vector<LogEvent> events, std::int64_t by,
                            const std::string& prefix) {
  for (LogEvent& event : events) {
    event.time += by;
    if (event.item.back() == '7') event.item = prefix + event.item;
    if (event.user.back() == '3') event.user = prefix + event.user;
  }
  return events;
}

// All kept events as text: (user, item, time, slice), in order.
std::vector<std::string> Tell(const PreparedData& data, int slices) {
  std::vector<std::string> all;
  for (std::int32_t u = 0; u < data.num_users(); ++u) {
    for (int slice = 0; slice < slices; ++slice) {
      const EventRange range = data.SliceEvents(UserId{u}, slice);
      for (std::int64_t row = range.begin; row < range.end; ++row) {
        all.push_back(std::string(data.user_id(UserId{u})) + " " +
                      std::string(data.item_id(data.items()[row])) + " " +
                      std::to_string(Seconds(data.times()[row])) + " " + std::to_string(slice));
      }
    }
  }
  return all;
}

TEST(Append, AddsASliceAndKeepsWhatWas) {
  TaskPool pool(2);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const TemporaryFolder folder;
    const std::vector<LogEvent> events = RandomEvents(seed, {});
    PrepareData(MakeLog(events, Ratings::kHave), Options(), folder / "d", pool);
    const PreparedData old = PreparedData::Load(folder / "d");
    std::vector<LogEvent> more = Later(RandomEvents(seed + 100, {.events = 300}), 5000, "new-");
    const AppendReport report = AppendData(folder / "d", MakeLog(more, Ratings::kHave), {}, pool);
    const PreparedData grown = PreparedData::Load(folder / "d");

    EXPECT_EQ(report.slice, 3);
    EXPECT_EQ(grown.num_slices(), 4);
    EXPECT_EQ(Tell(grown, 3), Tell(old, 3));
    EXPECT_EQ(grown.lineage()[2], old.digest());
    EXPECT_NE(grown.digest(), old.digest());
    for (int slice = 0; slice < 3; ++slice) {
      EXPECT_EQ(grown.lineage()[slice], old.lineage()[slice]);
      EXPECT_EQ(grown.catalogue_size(slice), old.catalogue_size(slice));
    }

    // The slow way: filter, sort, first of pair including the pairs the data set has.
    std::stable_sort(more.begin(), more.end(),
                     [](const LogEvent& a, const LogEvent& b) { return a.time < b.time; });
    std::set<std::pair<std::string, std::string>> had;
    for (std::int32_t u = 0; u < old.num_users(); ++u) {
      for (std::int64_t row = old.SliceEvents(UserId{u}, 0).begin;
           row < old.SliceEvents(UserId{u}, 2).end; ++row) {
        had.emplace(old.user_id(UserId{u}), old.item_id(old.items()[row]));
      }
    }
    std::map<std::string, std::vector<std::string>> expected;
    std::int64_t count = 0;
    for (const LogEvent& event : more) {
      if (event.rating < 2 || !had.emplace(event.user, event.item).second) continue;
      expected[event.user].push_back(event.item + std::to_string(event.time));
      ++count;
    }
    EXPECT_EQ(report.counts.events, count);
    for (std::int32_t u = 0; u < grown.num_users(); ++u) {
      std::vector<std::string> got;
      const EventRange range = grown.SliceEvents(UserId{u}, 3);
      for (std::int64_t row = range.begin; row < range.end; ++row) {
        got.push_back(std::string(grown.item_id(grown.items()[row])) +
                      std::to_string(Seconds(grown.times()[row])));
      }
      EXPECT_EQ(got, expected[std::string(grown.user_id(UserId{u}))]);
    }
    EXPECT_EQ(ComputeStats(grown).after.size(), 4U);

    // And once more, in a slice that begins at a cut of its own.
    AppendOptions options;
    options.cut = 10000;
    AppendData(folder / "d", MakeLog(Later(more, 9000, "x"), Ratings::kHave), options, pool);
    const PreparedData again = PreparedData::Load(folder / "d");
    EXPECT_EQ(again.cuts().back(), Timestamp{10000});
    EXPECT_EQ(again.lineage()[3], grown.digest());
    EXPECT_EQ(again.CatalogueBefore(Timestamp{10000}), grown.num_items());
  }
}

TEST(Append, RefusesWhatIsNotLater) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  std::vector<LogEvent> events = RandomEvents(3, {});
  PrepareData(MakeLog(events, Ratings::kHave), Options(), folder / "d", pool);
  const std::string before = ReadFile(folder / "d" / "manifest.json");
  std::vector<LogEvent> more = Later(RandomEvents(4, {.events = 100}), 5000, "new-");
  more[50].time = 1100;
  more[50].user = "somebody";
  more[50].rating = 5;
  more[51].time = 1200;
  more[51].rating = 5;
  const InteractionLog log = MakeLog(more, Ratings::kHave);
  const std::string message =
      ErrorOf(ErrorCode::kCorruptData, [&] { AppendData(folder / "d", log, {}, pool); });
  EXPECT_NE(message.find("2 events"), std::string::npos) << message;
  EXPECT_NE(message.find("user somebody at 1100"), std::string::npos) << message;
  EXPECT_EQ(ReadFile(folder / "d" / "manifest.json"), before);
  AppendOptions options;
  options.cut = 7000;
  options.earlier = EarlierEvents::kDrop;
  ErrorOf(ErrorCode::kInvalidArgument, [&] { AppendData(folder / "d", log, options, pool); });
  options.cut = 1400;
  ErrorOf(ErrorCode::kInvalidArgument, [&] { AppendData(folder / "d", log, options, pool); });
  ErrorOf(ErrorCode::kCorruptData, [&] { AppendData(folder / "d", {}, options, pool); });
  EXPECT_EQ(ReadFile(folder / "d" / "manifest.json"), before);
  options.cut = -1;
  EXPECT_EQ(AppendData(folder / "d", log, options, pool).dropped_as_earlier, 2);
}

TEST(Append, NothingLeftSaysWhy) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareData(MakeLog(RandomEvents(3, {}), Ratings::kHave), Options(), folder / "d", pool);
  const InteractionLog log = MakeLog({{"a", "b", 9999, 1.0}}, Ratings::kHave);
  const std::string message =
      ErrorOf(ErrorCode::kCorruptData, [&] { AppendData(folder / "d", log, {}, pool); });
  EXPECT_NE(message.find("1 are rated below"), std::string::npos) << message;
}

TEST(Append, RefusesALogOfAnotherKind) {
  TaskPool pool(1);
  for (const Ratings prepared : {Ratings::kHave, Ratings::kNone}) {
    const TemporaryFolder folder;
    const std::vector<LogEvent> events = RandomEvents(1, {});
    PrepareOptions options = Options();
    options.repeats = Repeats::kFirst;
    PrepareData(MakeLog(events, prepared), options, folder / "d", pool);
    const std::string before = ReadFile(folder / "d" / "manifest.json");
    const Ratings other = prepared == Ratings::kHave ? Ratings::kNone : Ratings::kHave;
    const auto more = MakeLog(Later(RandomEvents(2, {.events = 300}), 5000, "new-"), other);
    EXPECT_NE(
        ErrorOf(ErrorCode::kInvalidArgument, [&] { AppendData(folder / "d", more, {}, pool); })
            .find("ratings"),
        std::string::npos);
    EXPECT_EQ(ReadFile(folder / "d" / "manifest.json"), before);
  }
}

TEST(Append, LosesNothingOfTheFolder) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareData(MakeLog(RandomEvents(1, {}), Ratings::kHave), Options(), folder / "d", pool);
  WriteFileAtomically(folder / "d" / "notes.txt", "mine");
  const auto more = MakeLog(Later(RandomEvents(2, {.events = 300}), 5000, "n"), Ratings::kHave);
  EXPECT_NE(ErrorOf(ErrorCode::kInvalidArgument, [&] { AppendData(folder / "d", more, {}, pool); })
                .find("notes.txt"),
            std::string::npos);
  EXPECT_EQ(ReadFile(folder / "d" / "notes.txt"), "mine");
}

TEST(AppendThreads, AReaderSeesTheOldSetOrTheNewOne) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareData(MakeLog(RandomEvents(1, {}), Ratings::kHave), Options(), folder / "d", pool);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    TaskPool own(1);
    for (int i = 1; i <= 20; ++i) {
      const auto more =
          MakeLog(Later(RandomEvents(i, {.events = 300}), 5000 * i, "n"), Ratings::kHave);
      AppendData(folder / "d", more, {.earlier = EarlierEvents::kDrop}, own);
    }
    done = true;
  });
  int slices = 0;
  while (!done) {
    const PreparedData data = PreparedData::Load(folder / "d");
    EXPECT_GE(data.num_slices(), slices);
    slices = data.num_slices();
  }
  writer.join();
  EXPECT_EQ(PreparedData::Load(folder / "d").num_slices(), 23);
}

TEST(AppendThreads, SameBytesForAnyNumber) {
  const TemporaryFolder folder;
  std::string first;
  for (const int threads : {1, 5}) {
    TaskPool pool(threads);
    PrepareData(MakeLog(RandomEvents(3, {.users = 700, .events = 9000}), Ratings::kHave), Options(),
                folder / "d", pool);
    const std::vector<LogEvent> more =
        Later(RandomEvents(4, {.users = 900, .events = 4000}), 5000, "new-");
    AppendData(folder / "d", MakeLog(more, Ratings::kHave), {}, pool);
    const std::string manifest = ReadFile(folder / "d" / "manifest.json");
    if (first.empty()) first = manifest;
    EXPECT_EQ(manifest, first);
  }
}

}  // namespace
}  // namespace raie
