#include "methods/regional_sets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/random.h"

namespace raie {
namespace {

std::vector<RegionId> RandomRegions(std::int64_t count, std::int64_t num_regions,
                                    RandomStream& random) {
  std::vector<RegionId> regions;
  for (std::int64_t i = 0; i < count; ++i) {
    regions.push_back(static_cast<RegionId>(random.Below(num_regions)));
  }
  return regions;
}

TEST(RegionalSetsTest, HoldsAllNewWindowsAndTheShareOfMemory) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0);
    const auto of_new = RandomRegions(1 + random.Below(300), 4, random);
    const auto of_memory = RandomRegions(random.Below(300), 4, random);
    const std::vector<RegionId> regions = {RegionId{0}, RegionId{2}, RegionId{3}};
    const double rho = random.Uniform() * 0.9;
    const auto sets = MakeRegionalSets(regions, of_new, of_memory, rho, seed);
    ASSERT_EQ(sets.size(), 3u);
    for (std::size_t k = 0; k < 3; ++k) {
      const auto num_new = std::count(of_new.begin(), of_new.end(), regions[k]);
      const auto available = std::count(of_memory.begin(), of_memory.end(), regions[k]);
      const auto wanted = std::llround(rho / (1 - rho) * static_cast<double>(num_new));
      EXPECT_EQ(sets[k].region, regions[k]);
      EXPECT_EQ(sets[k].num_new, num_new);
      EXPECT_EQ(sets[k].num_memory, std::min<std::int64_t>(wanted, available));
      ASSERT_EQ(std::ssize(sets[k].samples), sets[k].num_new + sets[k].num_memory);
      std::set<std::pair<bool, std::int64_t>> distinct;
      for (const SampleRef& sample : sets[k].samples) {
        const auto& of = sample.from_memory ? of_memory : of_new;
        EXPECT_EQ(of[sample.window], regions[k]);
        distinct.emplace(sample.from_memory, sample.window);
      }
      EXPECT_EQ(distinct.size(), sets[k].samples.size());
    }
  }
}

TEST(RegionalSetsTest, ARegionWithoutNewWindowsLearnsNothing) {
  const std::vector<RegionId> of_new = {RegionId{0}};
  const std::vector<RegionId> of_memory = {RegionId{1}, RegionId{1}};
  const std::vector<RegionId> regions = {RegionId{1}};
  EXPECT_TRUE(MakeRegionalSets(regions, of_new, of_memory, 0.7, 1)[0].samples.empty());
}

TEST(RegionalSetsTest, TheDrawOfARegionDoesNotDependOnTheOthers) {
  RandomStream random(3, 0);
  const auto of_new = RandomRegions(100, 4, random);
  const auto of_memory = RandomRegions(400, 4, random);
  const std::vector<RegionId> all = {RegionId{0}, RegionId{1}, RegionId{2}, RegionId{3}};
  const std::vector<RegionId> one = {RegionId{2}};
  EXPECT_EQ(MakeRegionalSets(all, of_new, of_memory, 0.5, 9)[2].samples,
            MakeRegionalSets(one, of_new, of_memory, 0.5, 9)[0].samples);
}

class BatchScheduleTest : public ::testing::TestWithParam<BatchKind> {};

TEST_P(BatchScheduleTest, EveryEpochShowsEverySampleOnce) {
  BatchSchedule schedule({70, 0, 33, 5}, GetParam(), 16, 7);
  std::vector<std::pair<int, int>> first;
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::pair<int, int>> seen;
    while (std::ssize(seen) < schedule.epoch_size()) {
      const auto batch = schedule.Next();
      ASSERT_FALSE(batch.empty());
      ASSERT_LE(batch.size(), 16u);
      for (const ScheduledSample& sample : batch) {
        if (GetParam() == BatchKind::kSeparate) {
          EXPECT_EQ(sample.group, batch[0].group);
        }
        seen.emplace_back(sample.group, sample.index);
      }
    }
    if (epoch == 0) first = seen;
    if (epoch == 1) {
      EXPECT_NE(seen, first);
    }
    std::sort(seen.begin(), seen.end());
    std::vector<std::pair<int, int>> expected;
    const int sizes[] = {70, 0, 33, 5};
    for (int group = 0; group < 4; ++group) {
      for (int i = 0; i < sizes[group]; ++i) expected.emplace_back(group, i);
    }
    EXPECT_EQ(seen, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, BatchScheduleTest,
                         ::testing::Values(BatchKind::kMixed, BatchKind::kSeparate));

TEST(BatchScheduleTest, MixedBatchesMixGroups) {
  BatchSchedule schedule({64, 64}, BatchKind::kMixed, 32, 1);
  std::set<int> groups;
  for (const ScheduledSample& sample : schedule.Next()) groups.insert(sample.group);
  EXPECT_EQ(groups.size(), 2u);
}

TEST(BatchScheduleTest, NothingToLearnGivesEmptyBatches) {
  BatchSchedule schedule({0, 0}, BatchKind::kMixed, 32, 1);
  EXPECT_TRUE(schedule.Next().empty());
}

}  // namespace
}  // namespace raie
