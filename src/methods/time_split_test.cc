#include "methods/time_split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "data/log_fixture.h"
#include "data/prepare.h"

namespace raie {
namespace {

using testing::MakeLog;
using testing::RandomEvents;
using testing::Ratings;
using testing::TemporaryFolder;

PreparedData Prepared(std::uint64_t seed, Protocol protocol, std::int64_t stride,
                      const TemporaryFolder& folder) {
  TaskPool pool(1);
  PrepareOptions options;
  options.protocol = protocol;
  if (protocol == Protocol::kStream) options.slices = {0.4, 0.8};
  options.context = 4;
  options.min_context = 2;
  options.stride = stride;
  options.k_core = 0;
  PrepareData(MakeLog(RandomEvents(seed, {.items = 3000, .events = 4000}), Ratings::kNone), options,
              folder / "d", pool);
  return PreparedData::Load(folder / "d");
}

std::set<std::int64_t> Targets(const WindowSet& windows) {
  std::set<std::int64_t> targets;
  for (const Window& window : windows.windows) targets.insert(window.target);
  return targets;
}

TEST(TimeSplit, TheLastTenthOfTheEventsIsValidation) {
  const TemporaryFolder folder;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for (const std::int64_t stride : {1, 3}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " stride " + std::to_string(stride));
      const PreparedData data = Prepared(seed, Protocol::kStrict, stride, folder);
      const WindowSet windows = MakeWindows(data, 1, WindowOptionsOf(data));
      const TimeSplit split = SplitInTime(data, 1, windows, 0.1);
      std::vector<Timestamp> times;
      std::set<std::int32_t> early_items;
      std::set<std::int64_t> early;  // the slow way
      for (std::int32_t u = 0; u < data.num_users(); ++u) {
        const EventRange rows = data.SliceEvents(UserId{u}, 1);
        for (std::int64_t row = rows.begin; row < rows.end; ++row) {
          times.push_back(data.times()[row]);
          if (data.times()[row] < split.border) early_items.insert(Index(data.items()[row]));
        }
        for (std::int64_t row = data.SliceEvents(UserId{u}, 0).begin; row < rows.begin; ++row) {
          early_items.insert(Index(data.items()[row]));
        }
        std::int64_t stop = rows.begin;
        while (stop < rows.end && data.times()[stop] < split.border) ++stop;
        for (std::int64_t row = stop - 1; row >= rows.begin; row -= stride) {
          std::int64_t eligible = 0;
          for (std::int64_t r = rows.begin; r < row; ++r) {
            eligible += data.times()[r] < data.times()[row];
          }
          if (eligible >= 2) early.insert(row);
        }
      }
      std::sort(times.begin(), times.end());
      EXPECT_EQ(split.border, times[static_cast<std::size_t>(0.9 * times.size())]);
      EXPECT_EQ(Targets(split.early), early);
      EXPECT_EQ(split.early_catalogue, std::ssize(early_items));
      EXPECT_LT(split.early_catalogue, data.catalogue_size(1));
      for (const Window& window : windows.windows) {
        EXPECT_EQ(Targets(split.validation).contains(window.target),
                  data.times()[window.target] >= split.border);
      }
      EXPECT_GT(split.validation.size(), 0);
    }
  }
}

TEST(TimeSplit, PartsOfAStreamAreInNeitherSide) {
  const TemporaryFolder folder;
  for (const std::int64_t stride : {1, 3}) {
    const PreparedData data = Prepared(1, Protocol::kStream, stride, folder);
    const StreamPart parts = SplitLastWindows(MakeWindows(data, 1, WindowOptionsOf(data)));
    const TimeSplit split = SplitInTime(data, 1, parts.training, 0.1);
    EXPECT_GT(split.early.size(), 0);
    for (const std::int64_t target : Targets(parts.part)) {
      EXPECT_FALSE(Targets(split.early).contains(target));
      EXPECT_FALSE(Targets(split.validation).contains(target));
    }
  }
}

}  // namespace
}  // namespace raie
