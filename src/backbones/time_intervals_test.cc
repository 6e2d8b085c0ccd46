#include "backbones/time_intervals.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "raie/error.h"
#include "reference/tisasrec_reference.h"

namespace raie {
namespace {

WindowBatch BatchOf(const std::vector<std::vector<std::int64_t>>& rows) {
  WindowBatch batch;
  for (const auto& row : rows) {
    for (const std::int64_t time : row) {
      batch.items.push_back(ItemId{0});
      batch.times.push_back(Timestamp{time});
    }
    batch.offsets.push_back(static_cast<std::int32_t>(batch.items.size()));
    batch.row_keys.push_back(static_cast<std::uint32_t>(batch.row_keys.size()));
  }
  return batch;
}

// The interval of every key of a token.
std::vector<int> Expand(const TimeIntervals& intervals, std::int64_t token) {
  std::vector<int> expanded;
  for (std::int32_t r = intervals.run_offsets_T1[token]; r < intervals.run_offsets_T1[token + 1];
       ++r) {
    EXPECT_LT(expanded.size(), intervals.runs[r].end) << "an empty run";
    EXPECT_TRUE(expanded.empty() || intervals.runs[r].interval < expanded.back()) << "not a fall";
    expanded.resize(intervals.runs[r].end, intervals.runs[r].interval);
  }
  return expanded;
}

TEST(TimeIntervals, AreWholeScalesAndClipped) {
  const TimeIntervals found = FindIntervals(BatchOf({{0, 60, 60, 90, 1000}}), 20);
  EXPECT_EQ(Expand(found, 0), (std::vector<int>{0}));
  EXPECT_EQ(Expand(found, 1), (std::vector<int>{1, 0}));
  EXPECT_EQ(Expand(found, 2), (std::vector<int>{1, 0, 0}));
  EXPECT_EQ(Expand(found, 3), (std::vector<int>{3, 1, 1, 0})) << "the scale is now 30";
  EXPECT_EQ(Expand(found, 4), (std::vector<int>{20, 20, 20, 20, 0}));
}

TEST(TimeIntervals, EqualTheDefinitionOnRandomRows) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStream random(seed, 0);
    const std::int64_t longest = 1 + static_cast<std::int64_t>(random.Below(40));
    std::vector<std::vector<std::int64_t>> rows(3);
    for (auto& row : rows) {
      std::int64_t time = -5000;
      const std::uint64_t pause = 1 + random.Below(200);
      for (std::uint64_t n = 1 + random.Below(20); n-- > 0;) {
        row.push_back(time += random.Uniform() < 0.3 ? 0 : random.Below(pause) * random.Below(5));
      }
    }
    const WindowBatch batch = BatchOf(rows);
    const TimeIntervals found = FindIntervals(batch, longest);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const std::vector<Timestamp> times(batch.times.begin() + batch.offsets[r],
                                         batch.times.begin() + batch.offsets[r + 1]);
      for (std::int64_t i = 0; i < std::ssize(times); ++i) {
        std::vector<int> expected;
        for (std::int64_t j = 0; j <= i; ++j) {
          expected.push_back(static_cast<int>(reference::IntervalOf(times, i, j, longest)));
        }
        EXPECT_EQ(Expand(found, batch.offsets[r] + i), expected);
      }
    }
  }
}

TEST(TimeIntervals, TheWidestTimesFit) {
  using Limits = std::numeric_limits<std::int64_t>;
  const TimeIntervals found =
      FindIntervals(BatchOf({{Limits::min(), Limits::min() + 1, Limits::max()}}), 65535);
  EXPECT_EQ(Expand(found, 2), (std::vector<int>{65535, 65535, 0}));
}

TEST(TimeIntervals, ClippedEventsAreOneRun) {
  std::vector<std::int64_t> row;
  for (std::int64_t i = 0; i < 50; ++i) row.push_back(1000 * i + (i == 1 ? -999 : 0));
  EXPECT_EQ(FindIntervals(BatchOf({row}), 256).runs.size(), 3u + 2 * 48);
}

TEST(TimeIntervals, MissingAndDecreasingTimesAreRefused) {
  WindowBatch batch = BatchOf({{5, 6}, {7, 3}});
  try {
    FindIntervals(batch, 10);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, "oldest first", error.what());
  }
  batch.times.clear();
  EXPECT_THROW(FindIntervals(batch, 10), Error);
}

}  // namespace
}  // namespace raie
