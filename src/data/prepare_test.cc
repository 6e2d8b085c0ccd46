#include "data/prepare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "base/files.h"
#include "data/log_fixture.h"
#include "data/prepared_data.h"

namespace raie {
namespace {

using testing::ErrorOf;
using testing::LogEvent;
using testing::MakeLog;
using testing::RandomEvents;
using testing::Ratings;
using testing::TemporaryFolder;

// ---- The slow twin: METHOD section 2 step by step, on lists of events. ----

struct Kept {
  LogEvent event;
  int slice = 0;
};

bool Earlier(const LogEvent& a, const LogEvent& b) { return a.time < b.time; }

std::vector<LogEvent> FirstOfPair(std::vector<LogEvent> events) {
  std::stable_sort(events.begin(), events.end(), Earlier);
  std::vector<LogEvent> result;
  for (const LogEvent& event : events) {
    const bool had = std::any_of(result.begin(), result.end(), [&](const LogEvent& other) {
      return other.user == event.user && other.item == event.item;
    });
    if (!had) result.push_back(event);
  }
  return result;
}

std::vector<std::int64_t> SlowQuantiles(const std::vector<LogEvent>& events,
                                        const std::vector<double>& shares) {
  std::vector<std::int64_t> times;
  for (const LogEvent& event : events) times.push_back(event.time);
  std::sort(times.begin(), times.end());
  std::vector<std::int64_t> result;
  for (const double p : shares) {
    const auto n = static_cast<double>(times.size());
    result.push_back(times[static_cast<std::size_t>(std::min(std::floor(p * n), n - 1))]);
  }
  return result;
}

std::vector<LogEvent> SlowCore(std::vector<LogEvent> events, std::int64_t k) {
  for (;;) {
    std::map<std::string, std::int64_t> users;
    std::map<std::string, std::int64_t> items;
    for (const LogEvent& event : events) {
      ++users[event.user];
      ++items[event.item];
    }
    const std::size_t before = events.size();
    std::erase_if(events,
                  [&](const LogEvent& e) { return users[e.user] < k || items[e.item] < k; });
    if (events.size() == before) return events;
  }
}

int SliceOf(std::int64_t time, const std::vector<std::int64_t>& cuts) {
  return static_cast<int>(
      std::count_if(cuts.begin(), cuts.end(), [&](std::int64_t cut) { return time >= cut; }));
}

std::vector<Kept> SlowLeaveLastOut(const std::vector<LogEvent>& events) {
  std::vector<Kept> result;
  for (std::size_t i = 0; i < events.size(); ++i) {
    std::int64_t later = 0;
    std::int64_t all = 0;
    for (std::size_t j = 0; j < events.size(); ++j) {
      later += events[j].user == events[i].user && j > i;
      all += events[j].user == events[i].user;
    }
    result.push_back({events[i], all < 3 || later > 1 ? 0 : later == 1 ? 1 : 2});
  }
  return result;
}

// The published loader: windows of context + 1 events, right-aligned, of every user's slice; what
// is in a window is known; S also has sequences of at least 5 known events.
std::vector<Kept> SlowAsReleased(const std::vector<LogEvent>& events,
                                 const PrepareOptions& options) {
  const auto cuts = SlowQuantiles(events, options.quantiles);
  std::map<std::pair<std::string, int>, std::vector<std::size_t>> blocks;
  for (std::size_t i = 0; i < events.size(); ++i) {
    blocks[{events[i].user, SliceOf(events[i].time, cuts)}].push_back(i);
  }
  std::set<std::size_t> in_window;
  std::set<std::string> known;
  const auto length = static_cast<std::ptrdiff_t>(options.context) + 1;
  for (const auto& [key, rows] : blocks) {
    const auto stride = static_cast<std::ptrdiff_t>(key.second == 0 ? 1 : options.stride);
    for (auto end = std::ssize(rows); end >= length; end -= stride) {
      for (auto row = end - length; row < end; ++row) {
        in_window.insert(rows[row]);
        known.insert(events[rows[row]].item);
      }
    }
  }
  std::vector<Kept> result;
  for (const auto& [key, rows] : blocks) {
    const auto is_known = [&](std::size_t row) { return known.contains(events[row].item); };
    const bool sequence = key.second == 0 && std::ranges::count_if(rows, is_known) >= 5;
    for (const std::size_t row : rows) {
      if (in_window.contains(row) || (sequence && is_known(row))) {
        result.push_back({events[row], key.second});
      }
    }
  }
  return result;
}

// Returns the kept events by time (ties in the file's order) with their slices.
std::vector<Kept> SlowPrepare(std::vector<LogEvent> events, const PrepareOptions& options) {
  std::erase_if(events, [&](const LogEvent& event) { return event.rating < options.min_rating; });
  std::stable_sort(events.begin(), events.end(), Earlier);
  if (options.repeats == Repeats::kFirst) events = FirstOfPair(events);
  if (options.protocol == Protocol::kLeaveLastOut) return SlowLeaveLastOut(events);
  if (options.protocol == Protocol::kAsReleased) return SlowAsReleased(events, options);
  if (options.protocol == Protocol::kPaper) events = SlowCore(events, options.k_core);
  const std::vector<std::int64_t> cuts = SlowQuantiles(
      events, options.protocol == Protocol::kStream ? options.slices : options.quantiles);
  if (options.protocol != Protocol::kPaper) {
    const int core_slices =
        options.protocol == Protocol::kStream ? 1 : static_cast<int>(cuts.size());
    std::vector<LogEvent> inside;
    std::vector<LogEvent> outside;
    for (const LogEvent& event : events) {
      (SliceOf(event.time, cuts) < core_slices ? inside : outside).push_back(event);
    }
    events = SlowCore(inside, options.k_core);
    events.insert(events.end(), outside.begin(), outside.end());
  }
  std::vector<Kept> result;
  for (const LogEvent& event : events) result.push_back({event, SliceOf(event.time, cuts)});
  return result;
}

void ExpectSame(const PreparedData& data, const std::vector<Kept>& expected) {
  std::map<std::string, std::vector<Kept>> by_user;
  for (const Kept& kept : expected) by_user[kept.event.user].push_back(kept);
  ASSERT_EQ(data.num_users(), static_cast<std::int64_t>(by_user.size()));
  for (std::int32_t u = 0; u < data.num_users(); ++u) {
    const std::vector<Kept>& events = by_user.at(std::string(data.user_id(UserId{u})));
    std::size_t next = 0;
    for (int slice = 0; slice < data.num_slices(); ++slice) {
      const EventRange range = data.SliceEvents(UserId{u}, slice);
      for (std::int64_t row = range.begin; row < range.end; ++row, ++next) {
        ASSERT_LT(next, events.size());
        EXPECT_EQ(events[next].slice, slice);
        EXPECT_EQ(events[next].event.time, Seconds(data.times()[row]));
        EXPECT_EQ(events[next].event.item, data.item_id(data.items()[row]));
      }
    }
    EXPECT_EQ(next, events.size());
  }
}

// Users and items are numbered by first slice, so that every catalogue is a prefix.
void ExpectPrefixes(const PreparedData& data) {
  std::set<std::int32_t> items;
  std::set<std::int32_t> users;
  for (int slice = 0; slice < data.num_slices(); ++slice) {
    for (std::int32_t u = 0; u < data.num_users(); ++u) {
      const EventRange range = data.SliceEvents(UserId{u}, slice);
      if (range.size() > 0) users.insert(u);
      for (std::int64_t row = range.begin; row < range.end; ++row) {
        items.insert(Index(data.items()[row]));
      }
    }
    EXPECT_EQ(data.catalogue_size(slice), static_cast<std::int64_t>(items.size()));
    EXPECT_EQ(*items.rbegin() + 1, data.catalogue_size(slice));
    EXPECT_EQ(data.user_count(slice), static_cast<std::int64_t>(users.size()));
    EXPECT_EQ(*users.rbegin() + 1, data.user_count(slice));
  }
}

PrepareOptions SmallOptions(Protocol protocol) {
  PrepareOptions options;
  options.protocol = protocol;
  options.context = 3;
  options.min_context = 1;
  options.min_rating = 2;
  options.k_core = protocol == Protocol::kLeaveLastOut ? 0 : 3;
  if (protocol == Protocol::kAsReleased) {
    options.context = 4;
    options.min_context = -1;
    options.k_core = -1;
  }
  return options;
}

class PrepareTwin : public ::testing::TestWithParam<Protocol> {};

TEST_P(PrepareTwin, EqualsTheSlowOne) {
  TaskPool pool(2);
  const TemporaryFolder folder;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const testing::RandomLogShape shape{.users = 10 + static_cast<int>(seed) * 7,
                                        .items = 90 - static_cast<int>(seed) * 5,
                                        .events = 600 + static_cast<int>(seed) * 90,
                                        .times = seed % 3 == 0 ? 40 : 3000};
    const std::vector<LogEvent> events = RandomEvents(seed, shape);
    PrepareOptions options = SmallOptions(GetParam());
    options.repeats = seed % 2 == 0 ? Repeats::kFirst : Repeats::kKeep;
    if (GetParam() == Protocol::kAsReleased) {
      options.repeats = Repeats::kByData;
      options.context = 4 + static_cast<std::int64_t>(seed) % 4;  // beside the 5 of a sequence
    }
    const PrepareReport report =
        PrepareData(MakeLog(events, Ratings::kHave), options, folder / "d", pool);
    const PreparedData data = PreparedData::Load(folder / "d");
    const auto expected = SlowPrepare(events, options.Resolve(true));
    ExpectSame(data, expected);
    ExpectPrefixes(data);
    EXPECT_EQ(report.events_read, report.dropped_by_rating + report.dropped_as_repeats +
                                      report.dropped_by_k_core + report.dropped_outside_windows +
                                      static_cast<std::int64_t>(expected.size()));
    EXPECT_TRUE(SameOptions(OptionsOf(data), options.Resolve(true)));
  }
}

TEST(AsReleased, HasNothingHeldOutAndTwoStrides) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareOptions options = SmallOptions(Protocol::kAsReleased);
  PrepareData(MakeLog(RandomEvents(4, {}), Ratings::kHave), options, folder / "d", pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  const WindowOptions windows = WindowOptionsOf(data);
  EXPECT_EQ(windows.stride, 5);
  EXPECT_EQ(windows.min_context, options.context);
  EXPECT_EQ(windows.same_time, SameTime::kOrder);
  EXPECT_EQ(OptionsOf(data).repeats, Repeats::kKeep);
  const SetupWindows setup = MakeSetupWindows(data, 0, windows);
  const WindowSet memory = MakeWindows(data, 0, MemoryWindowOptionsOf(data));
  EXPECT_EQ(setup.held_out.size() + setup.validation.size(), 0);
  EXPECT_TRUE(setup.removed_events.empty());
  EXPECT_EQ(setup.training.size(), MakeWindows(data, 0, windows).size());
  // By user: every target against every fifth.
  std::map<UserId, std::int64_t> every;
  std::map<UserId, std::int64_t> fifth;
  for (const Window& window : memory.windows) ++every[window.user];
  for (const Window& window : setup.training.windows) ++fifth[window.user];
  EXPECT_EQ(every.size(), fifth.size());
  for (const auto& [user, count] : every) EXPECT_EQ(fifth[user], (count + 4) / 5);
  EXPECT_GT(memory.size(), 2 * setup.training.size());
  EXPECT_EQ(FittedCatalogue(data), data.num_items());
  EXPECT_EQ(RankedCatalogue(data, 1), data.num_items());
  EXPECT_TRUE(MasksContext(data));
}

TEST(AsReleased, RefusesWhatThePublishedLoaderHasNot) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  const auto refused = [&](const auto& change) {
    PrepareOptions options = SmallOptions(Protocol::kAsReleased);
    change(options);
    return ErrorOf(ErrorCode::kInvalidArgument, [&] {
      PrepareData(MakeLog(RandomEvents(4, {}), Ratings::kHave), options, folder / "d", pool);
    });
  };
  EXPECT_NE(refused([](PrepareOptions& o) { o.k_core = 5; }).find("no k-core"), std::string::npos);
  EXPECT_NE(refused([](PrepareOptions& o) { o.repeats = Repeats::kFirst; }).find("repeats"),
            std::string::npos);
  EXPECT_NE(refused([](PrepareOptions& o) { o.min_context = 1; }).find("full contexts"),
            std::string::npos);
  EXPECT_NE(refused([](PrepareOptions& o) { o.same_time = SameTimeRule::kStrict; }).find("order"),
            std::string::npos);
  EXPECT_NE(refused([](PrepareOptions& o) { o.context = 3; }).find("at least stride - 1"),
            std::string::npos);
  EXPECT_NE(refused([](PrepareOptions& o) { o.stride = 0; }).find("stride"), std::string::npos);
  PrepareOptions options = SmallOptions(Protocol::kAsReleased);
  options.context = 200;
  const std::string message = ErrorOf(ErrorCode::kCorruptData, [&] {
    PrepareData(MakeLog(RandomEvents(4, {}), Ratings::kHave), options, folder / "d", pool);
  });
  EXPECT_NE(message.find("more than context = 200"), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Protocols, PrepareTwin,
                         ::testing::Values(Protocol::kStrict, Protocol::kPaper,
                                           Protocol::kAsReleased, Protocol::kStream,
                                           Protocol::kLeaveLastOut),
                         [](const auto& test) {
                           std::string name = EnumNames(Protocol{})[static_cast<int>(test.param)];
                           std::erase(name, '-');
                           return name;
                         });

TEST(Prepare, CatalogueAtAnyMomentIsAPrefix) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  const std::vector<LogEvent> events = RandomEvents(5, {});
  PrepareData(MakeLog(events, Ratings::kHave), SmallOptions(Protocol::kStrict), folder / "d", pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  for (std::int64_t time = 1000; time < 1500; time += 13) {
    std::set<std::int32_t> items;
    for (std::size_t row = 0; row < data.items().size(); ++row) {
      if (Seconds(data.times()[row]) < time) items.insert(Index(data.items()[row]));
    }
    EXPECT_EQ(data.CatalogueBefore(Timestamp{time}), static_cast<std::int64_t>(items.size()));
    if (!items.empty()) {
      EXPECT_EQ(*items.rbegin() + 1, static_cast<std::int32_t>(items.size()));
    }
  }
}

TEST(Prepare, FindsByRawId) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareData(MakeLog(RandomEvents(6, {}), Ratings::kHave), SmallOptions(Protocol::kStrict),
              folder / "d", pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  for (std::int32_t u = 0; u < data.num_users(); ++u) {
    EXPECT_EQ(data.FindUser(data.user_id(UserId{u})), UserId{u});
  }
  for (std::int32_t i = 0; i < data.num_items(); ++i) {
    EXPECT_EQ(data.FindItem(data.item_id(ItemId{i})), ItemId{i});
  }
  EXPECT_EQ(data.FindUser("nobody"), UserId{-1});
  EXPECT_EQ(data.FindItem("nothing"), kNoItem);
  EXPECT_EQ(data.title(ItemId{0}), "");
}

TEST(Prepare, ExplicitCutsAndNoRatings) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareOptions options = SmallOptions(Protocol::kStrict);
  options.cuts = {1200, 1350};
  options.k_core = 0;
  const std::vector<LogEvent> events = RandomEvents(7, {});
  const PrepareReport report =
      PrepareData(MakeLog(events, Ratings::kNone), options, folder / "d", pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  EXPECT_EQ(data.cuts(), (std::vector<Timestamp>{Timestamp{1200}, Timestamp{1350}}));
  EXPECT_EQ(report.dropped_by_rating, 0);
  EXPECT_EQ(data.items().size(), events.size());  // repeats are kept where there are no ratings
}

TEST(Prepare, WideTimesAreSortedToo) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  std::vector<LogEvent> events;
  for (int i = 0; i < 40; ++i) {
    events.push_back({"a", "i" + std::to_string(i), (i * 7 % 40) * (std::int64_t{1} << 40)});
  }
  PrepareOptions options = SmallOptions(Protocol::kStrict);
  options.k_core = 0;
  PrepareData(MakeLog(events, Ratings::kNone), options, folder / "d", pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  for (std::int64_t row = 0; row < 40; ++row) {
    EXPECT_EQ(Seconds(data.times()[row]), row << 40);
    EXPECT_EQ(data.item_id(data.items()[row]), "i" + std::to_string(row * 23 % 40));
  }
}

TEST(PrepareErrors, SayWhatEmptiedTheData) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  const auto prepare = [&](const std::vector<LogEvent>& events, const PrepareOptions& options) {
    return ErrorOf(ErrorCode::kCorruptData, [&] {
      PrepareData(MakeLog(events, Ratings::kHave), options, folder / "d", pool);
    });
  };
  const std::vector<LogEvent> events = RandomEvents(8, {});
  PrepareOptions options = SmallOptions(Protocol::kStrict);
  EXPECT_NE(prepare({}, options).find("no events"), std::string::npos);
  options.min_rating = 6;
  EXPECT_NE(prepare(events, options).find("rating filter"), std::string::npos);
  options.min_rating = 2;
  options.k_core = 100000;
  EXPECT_NE(prepare(events, options).find("k-core"), std::string::npos);
  options.protocol = Protocol::kPaper;
  EXPECT_NE(prepare(events, options).find("k-core"), std::string::npos);
  options = SmallOptions(Protocol::kStrict);
  options.context = options.min_context = 90000;
  const std::string windows = prepare(events, options);
  EXPECT_NE(windows.find("slice S gives 0 windows"), std::string::npos) << windows;
  options = SmallOptions(Protocol::kStrict);
  options.cuts = {2000, 3000};
  const std::string empty = prepare(events, options);
  EXPECT_NE(empty.find("slice F holds no event"), std::string::npos) << empty;
  std::vector<LogEvent> same = events;
  for (LogEvent& event : same) event.time = 77;
  const std::string equal = prepare(same, SmallOptions(Protocol::kStrict));
  EXPECT_NE(equal.find("share a time stamp"), std::string::npos) << equal;
  std::vector<LogEvent> nan = events;
  nan[3].rating = std::nan("");
  EXPECT_NE(prepare(nan, SmallOptions(Protocol::kStrict)).find("event 4"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(PrepareErrors, TooFewEventsAreCounted) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  const auto prepare = [&](int events, const PrepareOptions& options) {
    std::vector<LogEvent> log;
    for (int i = 0; i < events; ++i) log.push_back({"u", "i" + std::to_string(i), 100 + i});
    return ErrorOf(ErrorCode::kCorruptData,
                   [&] { PrepareData(MakeLog(log, Ratings::kNone), options, folder / "d", pool); });
  };
  PrepareOptions options;  // 3 slices of a window of 1 + 10 events at least
  for (const int events : {1, 2}) {
    const std::string text = prepare(events, options);
    EXPECT_NE(text.find("too few events: " + std::to_string(events) + " (of " +
                        std::to_string(events) + " in the log), at least 33 needed"),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("share a time stamp"), std::string::npos) << text;
  }
  options.protocol = Protocol::kLeaveLastOut;
  options.context = 1;
  const std::string last = prepare(2, options);
  EXPECT_NE(last.find("too few events: 2 (of 2 in the log), at least 4 needed"), std::string::npos)
      << last;
  options = PrepareOptions{};
  options.protocol = Protocol::kStream;
  options.slices = {0.5};
  const std::string one = prepare(1, options);
  EXPECT_NE(one.find("at least 22 needed"), std::string::npos) << one;
  options.slices = {0.5, 0.501};
  options.k_core = 0;
  const std::string close = prepare(500, options);
  EXPECT_NE(close.find("too few events: 500 (of 500 in the log), at least 1000 needed"),
            std::string::npos)
      << close;
}

TEST(PrepareErrors, CutsOfAnotherProtocolAreRefused) {
  PrepareOptions options;
  options.slices = {0.1, 0.2};
  const std::string slices = ErrorOf(ErrorCode::kInvalidArgument, [&] { options.Validate(); });
  EXPECT_NE(slices.find("slices are the cuts of protocol stream"), std::string::npos) << slices;
  options.protocol = Protocol::kStream;
  options.Validate();
  options.quantiles = {0.4, 0.8};
  const std::string quantiles = ErrorOf(ErrorCode::kInvalidArgument, [&] { options.Validate(); });
  EXPECT_NE(quantiles.find("quantiles cut S, F and T"), std::string::npos) << quantiles;
}

TEST(PrepareErrors, OptionsAreCheckedTogether) {
  PrepareOptions options;
  options.quantiles = {0.8, 0.5};
  options.cuts = {5, 5};
  options.context = 0;
  const std::string text = ErrorOf(ErrorCode::kInvalidArgument, [&] { options.Validate(); });
  EXPECT_NE(text.find("quantiles must be ascending"), std::string::npos) << text;
  EXPECT_NE(text.find("cuts must be ascending"), std::string::npos) << text;
  EXPECT_NE(text.find("context"), std::string::npos) << text;
  options = PrepareOptions{};
  options.quantiles = {0.5, 1.5};
  EXPECT_NE(ErrorOf(ErrorCode::kInvalidArgument, [&] { options.Validate(); }).find("1.5"),
            std::string::npos);
  options.quantiles = {0.5};
  ErrorOf(ErrorCode::kInvalidArgument, [&] { options.Validate(); });
}

TEST(Prepare, LeaveLastOutKeepsShortUsersInTraining) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  std::vector<LogEvent> events = {{"one", "a", 5}, {"two", "a", 5}, {"two", "b", 6}};
  for (int i = 0; i < 6; ++i) events.push_back({"long", "i" + std::to_string(i), 10 - i});
  PrepareOptions options = SmallOptions(Protocol::kLeaveLastOut);
  const PrepareReport report =
      PrepareData(MakeLog(events, Ratings::kNone), options, folder / "d", pool);
  EXPECT_EQ(report.short_users, 2);
  const PreparedData data = PreparedData::Load(folder / "d");
  EXPECT_EQ(data.SliceEvents(data.FindUser("one"), 0).size(), 1);
  EXPECT_EQ(data.SliceEvents(data.FindUser("two"), 0).size(), 2);
  const UserId user = data.FindUser("long");
  EXPECT_EQ(data.SliceEvents(user, 0).size(), 4);
  EXPECT_EQ(data.item_id(data.items()[data.SliceEvents(user, 1).begin]), "i1");
  EXPECT_EQ(data.item_id(data.items()[data.SliceEvents(user, 2).begin]), "i0");
  EXPECT_EQ(data.ContextBegin(user, 2), data.SliceEvents(user, 0).begin);
  EXPECT_TRUE(data.cuts().empty());
}

// ---- What is on disk. ----

std::map<std::string, std::string> FilesOf(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files[entry.path().filename().string()] = ReadFile(entry.path());
  }
  return files;
}

TEST(PrepareThreads, SameBytesForAnyNumber) {
  const TemporaryFolder folder;
  for (const Protocol protocol : {Protocol::kStrict, Protocol::kPaper, Protocol::kStream}) {
    const InteractionLog log =
        MakeLog(RandomEvents(9, {.users = 900, .items = 300, .events = 20000}), Ratings::kHave);
    std::map<std::string, std::string> first;
    for (const int threads : {1, 2, 5}) {
      TaskPool pool(threads);
      PrepareData(log, SmallOptions(protocol), folder / "d", pool);
      const auto files = FilesOf(folder / "d");
      if (first.empty()) first = files;
      EXPECT_TRUE(files == first) << threads << " threads";
    }
  }
}

TEST(PreparedData, DamageIsFound) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "d";
  PrepareData(MakeLog(RandomEvents(10, {}), Ratings::kHave), SmallOptions(Protocol::kStrict), path,
              pool);
  const auto files = FilesOf(path);
  EXPECT_EQ(files.size(), 9U);
  for (const auto& [name, bytes] : files) {
    SCOPED_TRACE(name);
    const auto load = [&] { PreparedData::Load(path); };
    for (const std::size_t at : {std::size_t{0}, bytes.size() / 2, bytes.size() - 2}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      WriteFileAtomically(path / name, changed);
      EXPECT_NE(ErrorOf(ErrorCode::kCorruptData, load).find(path.string()), std::string::npos);
    }
    WriteFileAtomically(path / name, bytes.substr(0, bytes.size() - 1));
    ErrorOf(ErrorCode::kCorruptData, load);
    std::filesystem::remove(path / name);
    EXPECT_NE(ErrorOf(ErrorCode::kNotFound, load).find(name), std::string::npos);
    WriteFileAtomically(path / name, bytes);
    load();
  }
  ErrorOf(ErrorCode::kNotFound, [&] { PreparedData::Load(folder / "nowhere"); });
  for (const char* text : {"", "[]", "{}", "{\"format\": 5}", "{\"format\": \"raie-prepared\"}",
                           "{\"format\": \"raie-prepared\", \"version\": \"x\"}"}) {
    WriteFileAtomically(path / "manifest.json", text);
    ErrorOf(ErrorCode::kCorruptData, [&] { PreparedData::Load(path); });
  }
}

}  // namespace
}  // namespace raie
