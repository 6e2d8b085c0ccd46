#include "data/windows.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "data/log_fixture.h"
#include "data/prepare.h"
#include "data/sequences.h"

namespace raie {
namespace {

using testing::LogEvent;
using testing::MakeLog;
using testing::RandomEvents;
using testing::Ratings;
using testing::TemporaryFolder;

constexpr Timestamp kAlways{std::int64_t{1} << 60};

// A window told in full: no rows of the data set's inside, only what METHOD section 2 says.
struct SlowWindow {
  std::int64_t target;
  std::vector<std::int64_t> eligible;  // rows, oldest first
  bool operator==(const SlowWindow&) const = default;
};

PreparedData Prepared(std::uint64_t seed, Protocol protocol, const TemporaryFolder& folder) {
  TaskPool pool(1);
  PrepareOptions options;
  options.protocol = protocol;
  options.context = 3;
  options.min_context = 1;
  options.min_rating = 2;
  const testing::RandomLogShape shape{
      .users = 60, .items = 40, .events = 1500, .times = seed % 2 == 0 ? 60 : 2000};
  PrepareData(MakeLog(RandomEvents(seed, shape), Ratings::kHave), options, folder / "d", pool);
  return PreparedData::Load(folder / "d");
}

// Targets: of the rows [begin, end) the last, then every s-th backwards; those with enough
// eligible.
std::vector<SlowWindow> SlowWindows(const PreparedData& data, std::int64_t context_begin,
                                    EventRange targets, const WindowOptions& options) {
  std::vector<SlowWindow> result;
  for (std::int64_t row = targets.end - 1; row >= targets.begin; row -= options.stride) {
    SlowWindow window{row, {}};
    for (std::int64_t e = context_begin; e < row; ++e) {
      const bool strictly = data.times()[e] < data.times()[row];
      if (options.same_time == SameTime::kOrder || strictly) window.eligible.push_back(e);
    }
    const std::int64_t needed = options.min_context < 0 ? options.context : options.min_context;
    if (static_cast<std::int64_t>(window.eligible.size()) >= needed) result.push_back(window);
  }
  std::reverse(result.begin(), result.end());
  return result;
}

std::vector<SlowWindow> Expand(const WindowSet& set) {
  std::vector<SlowWindow> result;
  for (const Window& window : set.windows) {
    SlowWindow slow{window.target, {}};
    for (std::int64_t e = window.context_begin; e < window.context_end; ++e) {
      slow.eligible.push_back(e);
    }
    result.push_back(slow);
  }
  return result;
}

void Append(std::vector<SlowWindow>& all, const std::vector<SlowWindow>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

std::vector<WindowOptions> AllOptions() {
  std::vector<WindowOptions> all;
  for (const SameTime same_time : {SameTime::kStrict, SameTime::kOrder}) {
    for (const std::int64_t stride : {1, 2, 5}) {
      for (const std::int64_t min_context : {-1, 0, 1}) {
        all.push_back(
            {.context = 3, .stride = stride, .min_context = min_context, .same_time = same_time});
      }
    }
  }
  return all;
}

TEST(Windows, EqualTheSlowOnes) {
  const TemporaryFolder folder;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Protocol protocol = seed == 4 ? Protocol::kLeaveLastOut : Protocol::kStrict;
    const PreparedData data = Prepared(seed, protocol, folder);
    for (const WindowOptions& options : AllOptions()) {
      for (int slice = 0; slice < 3; ++slice) {
        std::vector<SlowWindow> expected;
        for (std::int32_t u = 0; u < data.num_users(); ++u) {
          const EventRange events = data.SliceEvents(UserId{u}, slice);
          const std::int64_t begin = protocol == Protocol::kLeaveLastOut
                                         ? data.SliceEvents(UserId{u}, 0).begin
                                         : events.begin;
          Append(expected, SlowWindows(data, begin, events, options));
        }
        EXPECT_EQ(Expand(MakeWindows(data, slice, options)), expected);
      }
    }
  }
}

TEST(Windows, HeldOutPartEqualsTheSlowOne) {
  const TemporaryFolder folder;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const PreparedData data = Prepared(seed, Protocol::kStrict, folder);
    for (const WindowOptions& options : AllOptions()) {
      std::vector<SlowWindow> training, validation, held_out;
      std::vector<std::int64_t> removed;
      for (std::int32_t u = 0; u < data.num_users(); ++u) {
        const auto [begin, end] = data.SliceEvents(UserId{u}, 0);
        if (end - begin < options.context + 2) {
          Append(training, SlowWindows(data, begin, {begin, end}, options));
          continue;
        }
        removed.insert(removed.end(), {end - 2, end - 1});
        Append(training, SlowWindows(data, begin, {begin, end - 2}, options));
        Append(validation, SlowWindows(data, begin, {end - 2, end - 1}, options));
        Append(held_out, SlowWindows(data, begin, {end - 1, end}, options));
      }
      const SetupWindows setup = MakeSetupWindows(data, 0, options);
      EXPECT_EQ(Expand(setup.training), training);
      EXPECT_EQ(Expand(setup.validation), validation);
      EXPECT_EQ(Expand(setup.held_out), held_out);
      EXPECT_EQ(setup.removed_events, removed);
      EXPECT_FALSE(removed.empty());
      const std::set<std::int64_t> gone(removed.begin(), removed.end());
      for (const SlowWindow& window : Expand(setup.training)) {
        EXPECT_FALSE(gone.contains(window.target));
        for (const std::int64_t row : window.eligible) EXPECT_FALSE(gone.contains(row));
      }
    }
  }
}

TEST(Windows, LeaveLastOutValidatesOnTheLastButOne) {
  const TemporaryFolder folder;
  const PreparedData data = Prepared(2, Protocol::kLeaveLastOut, folder);
  const WindowOptions options{.context = 3, .min_context = 1, .same_time = SameTime::kOrder};
  const SetupWindows setup = MakeSetupWindows(data, 0, options);
  EXPECT_EQ(Expand(setup.validation), Expand(MakeWindows(data, 1, options)));
  EXPECT_EQ(Expand(setup.held_out), Expand(MakeWindows(data, 2, options)));
  for (const Window& window : setup.held_out.windows) {
    EXPECT_EQ(window.context_end, window.target);  // the whole history, validation item included
    EXPECT_EQ(window.context_begin, data.SliceEvents(window.user, 0).begin);
  }
}

TEST(Windows, ContextHoldsTheLastKnownItems) {
  const TemporaryFolder folder;
  const PreparedData data = Prepared(3, Protocol::kStrict, folder);
  const WindowSet windows = MakeWindows(data, 2, {.context = 4, .min_context = 2});
  ASSERT_GT(windows.size(), 0);
  for (const std::int64_t catalogue : {data.num_items(), data.num_items() / 2, std::int64_t{0}}) {
    for (const Window& window : windows.windows) {
      std::vector<ItemId> expected;
      for (std::int64_t e = window.context_begin; e < window.context_end; ++e) {
        if (Index(data.items()[e]) < catalogue) expected.push_back(data.items()[e]);
      }
      if (expected.size() > 4) expected.erase(expected.begin(), expected.end() - 4);
      std::vector<ItemId> items = {ItemId{7}};
      std::vector<Timestamp> times = {Timestamp{7}};
      EXPECT_EQ(AppendContext(data, window, 4, catalogue, items, times),
                static_cast<std::int64_t>(expected.size()));
      EXPECT_EQ(items.front(), ItemId{7});
      EXPECT_EQ(std::vector<ItemId>(items.begin() + 1, items.end()), expected);
      EXPECT_TRUE(std::is_sorted(times.begin() + 1, times.end()));
    }
  }
}

TEST(Windows, OrderIsTimeUserPosition) {
  const TemporaryFolder folder;
  const PreparedData data = Prepared(2, Protocol::kStrict, folder);
  const WindowSet windows = MakeWindows(data, 1, {.context = 3, .min_context = 1});
  std::vector<std::tuple<std::int64_t, std::int32_t, std::int64_t>> keys;
  for (const std::int64_t i : OrderByTime(data, windows)) {
    const Window& window = windows.windows[i];
    keys.emplace_back(Seconds(data.times()[window.target]), Index(window.user), window.target);
  }
  EXPECT_EQ(keys.size(), windows.windows.size());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()), keys.end());
}

TEST(Windows, BeforeABorderAsIfTheSliceEndedThere) {
  const TemporaryFolder folder;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const PreparedData data = Prepared(seed, Protocol::kStrict, folder);
    const std::int64_t first = Seconds(data.cuts()[0]);
    const std::int64_t last = Seconds(data.cuts()[1]);
    for (const Timestamp border :
         {Timestamp{first}, Timestamp{(first + last) / 2}, Timestamp{last - 1}, Timestamp{last}}) {
      for (const WindowOptions& options : AllOptions()) {
        std::vector<SlowWindow> expected;
        for (std::int32_t u = 0; u < data.num_users(); ++u) {
          const auto [begin, end] = data.SliceEvents(UserId{u}, 1);
          std::int64_t stop = begin;
          while (stop < end && data.times()[stop] < border) ++stop;
          Append(expected, SlowWindows(data, begin, {begin, stop}, options));
        }
        EXPECT_EQ(Expand(MakeWindowsBefore(data, 1, options, border)), expected);
      }
    }
  }
}

TEST(Windows, StreamPartsAreLastWindows) {
  const TemporaryFolder folder;
  const PreparedData data = Prepared(1, Protocol::kStream, folder);
  const WindowSet windows = MakeWindows(data, 1, {.context = 3, .min_context = 1});
  const StreamPart split = SplitLastWindows(windows);
  EXPECT_EQ(split.training.size() + split.part.size(), windows.size());
  std::map<std::int32_t, std::int64_t> last;
  for (const Window& window : windows.windows) last[Index(window.user)] = window.target;
  EXPECT_EQ(split.part.size(), static_cast<std::int64_t>(last.size()));
  for (const Window& window : split.part.windows) {
    EXPECT_EQ(window.target, last[Index(window.user)]);
  }
}

TEST(Windows, UnknownSliceIsAnError) {
  const TemporaryFolder folder;
  const PreparedData data = Prepared(1, Protocol::kStrict, folder);
  for (const int slice : {-1, 3}) {
    testing::ErrorOf(ErrorCode::kInvalidArgument, [&] { MakeWindows(data, slice, {}); });
  }
}

TEST(Sequences, EveryEventIsATargetOnce) {
  const TemporaryFolder folder;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const PreparedData data = Prepared(seed, Protocol::kStrict, folder);
    for (const WindowOptions& options : AllOptions()) {
      const SetupWindows setup = MakeSetupWindows(data, 0, options);
      const std::set<std::int64_t> removed(setup.removed_events.begin(),
                                           setup.removed_events.end());
      const SequenceSet set = MakeSequences(data, 0, options, setup.removed_events);
      std::map<std::int64_t, std::int64_t> output_of;  // target row -> input row it reads
      for (const SequenceChunk& chunk : set.chunks) {
        const EventRange events = data.SliceEvents(chunk.user, 0);
        EXPECT_GE(chunk.input_begin, events.begin);
        EXPECT_LE(chunk.target_end, events.end);
        EXPECT_GE(chunk.num_inputs(), 1);
        EXPECT_LE(chunk.num_inputs(), options.context);
        for (std::int64_t row = chunk.input_begin; row < chunk.input_end; ++row) {
          EXPECT_FALSE(removed.contains(row));
        }
        for (std::int64_t i = 0; i < chunk.num_targets(); ++i) {
          const std::int32_t position = set.PositionsOf(chunk)[i];
          EXPECT_GE(position, 0);
          EXPECT_LT(position, chunk.num_inputs());
          EXPECT_TRUE(
              output_of.emplace(chunk.target_begin + i, chunk.input_begin + position).second);
        }
      }
      std::map<std::int64_t, std::int64_t> expected;
      for (std::int32_t u = 0; u < data.num_users(); ++u) {
        const auto [begin, end] = data.SliceEvents(UserId{u}, 0);
        for (std::int64_t row = begin; row < end; ++row) {
          if (removed.contains(row)) continue;
          std::int64_t output = row - 1;
          while (options.same_time == SameTime::kStrict && output >= begin &&
                 data.times()[output] == data.times()[row]) {
            --output;
          }
          if (output >= begin) expected[row] = output;
        }
      }
      EXPECT_EQ(output_of, expected);
    }
  }
}

TEST(Sequences, AreRightAlignedChunksOfOneMoreThanTheContext) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  std::vector<LogEvent> events;
  for (int i = 0; i < 12; ++i) events.push_back({"a", "i" + std::to_string(i), i});
  PrepareOptions prepare;
  prepare.context = 3;
  prepare.min_context = 1;
  prepare.k_core = 0;
  prepare.cuts = {8, 10};
  PrepareData(MakeLog(events, Ratings::kNone), prepare, folder / "d", pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  const SequenceSet set = MakeSequences(data, 0, {.context = 3}, {});
  std::vector<std::vector<std::int64_t>> rows;
  for (const SequenceChunk& chunk : set.chunks) {
    rows.push_back({chunk.input_begin, chunk.input_end, chunk.target_begin, chunk.target_end});
  }
  EXPECT_EQ(rows,
            (std::vector<std::vector<std::int64_t>>{{0, 1, 1, 2}, {1, 4, 2, 5}, {4, 7, 5, 8}}));
  EXPECT_EQ(set.positions, (std::vector<std::int32_t>{0, 0, 1, 2, 0, 1, 2}));
}

}  // namespace
}  // namespace raie
