#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "methods/popularity.h"
#include "methods/shop_fixture.h"
#include "raie/error.h"

namespace raie {
namespace {

using testing::FirstContexts;
using testing::PlainOptions;
using testing::RunMethod;
using testing::ScoresOf;
using testing::Shop;
using testing::TinyShop;

constexpr std::int64_t kDay = 86400;

TEST(PopularityTest, CountsAreThoseOfTheSlowWay) {
  const PreparedData& data = TinyShop().data;
  const std::int64_t end = EndOfSlice(data, 1);
  const std::vector<std::int64_t> left_out = HeldOutEvents(data, 1, TinyShop().new_windows);
  EXPECT_EQ(left_out, TinyShop().setup.removed_events);
  const CountedEvents events{
      .first_slice = 0, .last_slice = 1, .begin = end - 30 * kDay, .end = end};
  std::map<std::int32_t, double> counts;
  std::map<std::int32_t, double> fading;
  for (std::int64_t row = 0; row < std::ssize(data.items()); ++row) {
    const auto time = static_cast<std::int64_t>(data.times()[row]);
    if (time < end - 30 * kDay || time >= end) continue;
    if (std::ranges::count(left_out, row) > 0) continue;
    counts[Index(data.items()[row])] += 1;
    fading[Index(data.items()[row])] += std::pow(0.5, static_cast<double>(end - time) / 1e5);
  }
  const std::int64_t items = data.catalogue_size(1);
  const auto counted = CountItems(data, events, left_out, items);
  const auto faded = FadingCounts(data, events, left_out, items, 1e5);
  for (std::int32_t i = 0; i < items; ++i) {
    EXPECT_EQ(counted[i], counts[i]);
    EXPECT_NEAR(faded[i], fading[i], 1e-9);
  }
}

TEST(PopularityTest, HistoryHasTheFadingCountsOfEveryMoment) {
  const PreparedData& data = TinyShop().data;
  const std::vector<std::int64_t> left_out = HeldOutEvents(data, 1, TinyShop().new_windows);
  const std::int64_t begin = StartOfSlice(data, 0);
  const std::int64_t end = EndOfSlice(data, 1);
  const std::int64_t items = data.catalogue_size(1);
  const FadingHistory history(data, {.last_slice = 1, .end = end}, left_out, items, 1e6);
  // Moments of events (which see nothing of their own second), the first and the last of all.
  std::vector<std::int64_t> moments = {begin - 1, begin, begin + 1, end};
  for (std::int64_t row = 0; row < std::ssize(data.items()); row += 97) {
    moments.push_back(std::min(end, Seconds(data.times()[row])));
  }
  for (const std::int64_t moment : moments) {
    const auto counts = FadingCounts(data, {.last_slice = 1, .end = moment}, left_out, items, 1e6);
    for (std::int32_t i = 0; i < items; ++i) {
      ASSERT_NEAR(history.CountAt(ItemId{i}, moment), counts[i], 1e-9 * (1 + counts[i]));
    }
  }
}

TEST(PopularityTest, WhatIsHeldOutOfASliceIsNotCounted) {
  const Shop& shop = TinyShop();
  const StreamPart parts = SplitLastWindows(shop.new_windows);
  const auto left_out = HeldOutEvents(shop.data, 1, parts.training);
  for (const Window& window : parts.part.windows) {
    EXPECT_TRUE(std::ranges::binary_search(left_out, window.target));
  }
  EXPECT_EQ(std::ssize(left_out), std::ssize(shop.setup.removed_events) + parts.part.size());
}

TEST(PopularityTest, TheOrderOfAMemoryDoesNotMatter) {
  const Shop& shop = TinyShop();
  const StreamPart parts = SplitLastWindows(shop.new_windows);
  WindowSet memory = shop.setup.training;  // slice after slice, as memories are
  memory.windows.insert(memory.windows.end(), parts.training.windows.begin(),
                        parts.training.windows.end());
  EXPECT_EQ(HeldOutEvents(shop.data, 1, memory), HeldOutEvents(shop.data, 1, parts.training));
}

TEST(RecentPopularityTest, EveryContextGetsTheCountsOfTheLastDays) {
  const PreparedData& data = TinyShop().data;
  AdaptOptions options = PlainOptions();
  options.recent_popularity.days = 7;
  const auto run = RunMethod("recent_popularity", options);
  EXPECT_EQ(run.report.popularity_days, 7);
  const std::int64_t end = EndOfSlice(data, 1);
  const std::int64_t items = data.catalogue_size(1);
  const auto counts = CountItems(
      data, {.first_slice = 1, .last_slice = 1, .begin = end - 7 * kDay, .end = end}, {}, items);
  const auto read = FirstContexts(TinyShop().new_windows, 3);
  const auto scores = ScoresOf(*run.method->MakeScorer(), read, items);
  for (std::int64_t i = 0; i < 3 * items; ++i) EXPECT_EQ(scores[i], counts[i % items]);
  EXPECT_EQ(run.method->snapshot(), nullptr);
}

TEST(RecentPopularityTest, TheLengthIsChosenAndChangesTheAnswer) {
  const auto chosen = RunMethod("recent_popularity", PlainOptions());
  EXPECT_GT(chosen.report.popularity_days, 0);
  AdaptOptions options = PlainOptions();
  const auto read = FirstContexts(TinyShop().new_windows, 1);
  const std::int64_t items = TinyShop().data.catalogue_size(1);
  options.recent_popularity.days = 1;
  const auto day =
      ScoresOf(*RunMethod("recent_popularity", options).method->MakeScorer(), read, items);
  options.recent_popularity.days = 365;
  const auto year =
      ScoresOf(*RunMethod("recent_popularity", options).method->MakeScorer(), read, items);
  EXPECT_NE(day, year);
  options.recent_popularity.days = chosen.report.popularity_days;
  EXPECT_EQ(ScoresOf(*RunMethod("recent_popularity", options).method->MakeScorer(), read, items),
            ScoresOf(*chosen.method->MakeScorer(), read, items));
}

}  // namespace
}  // namespace raie
