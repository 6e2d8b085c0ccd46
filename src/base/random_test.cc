#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "raie/error.h"

namespace raie {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Known answers published with Random123 (Salmon et al. 2011).
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(Philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, ReadsTheBlocksInOrder) {
  RandomStream random(0x1122334455667788, 0x99aabbccddeeff00);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const Words words = Philox({block, 0, 0xddeeff00, 0x99aabbcc}, {0x55667788, 0x11223344});
    EXPECT_EQ(random.Next(), (std::uint64_t{words[1]} << 32) | words[0]);
    EXPECT_EQ(random.Next(), (std::uint64_t{words[3]} << 32) | words[2]);
  }
}

TEST(RandomStream, SeedsStreamsAndPartsDiffer) {
  std::set<std::uint64_t> firsts;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    for (std::uint64_t stream = 0; stream < 10; ++stream) {
      firsts.insert(RandomStream(seed, stream).Next());
      firsts.insert(DeriveSeed(seed, stream));
    }
  }
  EXPECT_EQ(firsts.size(), 200U);
  EXPECT_EQ(RandomStream(3, 4).Next(), RandomStream(3, 4).Next());
}

TEST(RandomStream, UniformMoments) {
  RandomStream random(1, 0);
  constexpr int kDraws = 200000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.Uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * 0.2887 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 5 * 0.2981 / std::sqrt(kDraws));
}

TEST(RandomStream, NormalMomentsAndTails) {
  RandomStream random(2, 0);
  constexpr int kDraws = 200000;
  std::array<double, 4> moments{};
  int beyond = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.Normal();
    ASSERT_TRUE(std::isfinite(x));
    double power = 1;
    for (double& moment : moments) moment += (power *= x);
    beyond += std::abs(x) > 1.959964 ? 1 : 0;
  }
  const double error = 1 / std::sqrt(kDraws);
  EXPECT_NEAR(moments[0] / kDraws, 0, 5 * error);
  EXPECT_NEAR(moments[1] / kDraws, 1, 5 * std::sqrt(2) * error);
  EXPECT_NEAR(moments[2] / kDraws, 0, 5 * std::sqrt(15) * error);
  EXPECT_NEAR(moments[3] / kDraws, 3, 5 * std::sqrt(96) * error);
  EXPECT_NEAR(beyond, 0.05 * kDraws, 5 * std::sqrt(0.05 * 0.95 * kDraws));
}

TEST(RandomStream, BelowIsUnbiased) {
  for (const std::uint64_t bound : {1, 2, 3, 7, 10}) {
    RandomStream random(3, bound);
    std::vector<int> counts(bound);
    constexpr int kDraws = 70000;
    for (int i = 0; i < kDraws; ++i) ++counts[random.Below(bound)];
    const double expected = static_cast<double>(kDraws) / static_cast<double>(bound);
    for (const int count : counts) EXPECT_NEAR(count, expected, 5 * std::sqrt(expected));
  }
  // 3 * 2^62: without rejection the lower third would be drawn twice as often.
  RandomStream random(4, 0);
  const std::uint64_t bound = std::uint64_t{3} << 62;
  int lower = 0;
  for (int i = 0; i < 30000; ++i) {
    const std::uint64_t value = random.Below(bound);
    ASSERT_LT(value, bound);
    lower += value < bound / 3 ? 1 : 0;
  }
  EXPECT_NEAR(lower, 10000, 5 * 82);
}

TEST(RandomStream, CategoricalFollowsItsWeights) {
  RandomStream random(5, 0);
  const std::vector<double> cumulative = {1, 1, 4, 10};  // weights 1 0 3 6
  std::vector<int> counts(4);
  for (int i = 0; i < 100000; ++i) ++counts[random.Categorical(cumulative)];
  EXPECT_NEAR(counts[0], 10000, 500);
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[2], 30000, 750);
  EXPECT_NEAR(counts[3], 60000, 800);
}

TEST(Shuffle, AllOrdersAreEquallyLikely) {
  std::vector<int> counts(6);
  for (int trial = 0; trial < 60000; ++trial) {
    RandomStream random(6, trial);
    std::array<int, 3> values = {0, 1, 2};
    Shuffle(std::span<int>(values), random);
    ++counts[values[0] * 2 + (values[1] > values[2] ? 1 : 0)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
}

TEST(SampleWithoutReplacement, DrawsDifferentNumbersEquallyOften) {
  std::vector<int> counts(10);
  for (int trial = 0; trial < 20000; ++trial) {
    RandomStream random(7, trial);
    const std::vector<std::int64_t> sample = SampleWithoutReplacement(10, 3, random);
    EXPECT_EQ(std::set<std::int64_t>(sample.begin(), sample.end()).size(), 3U);
    for (const std::int64_t value : sample) ++counts[value];
  }
  for (const int count : counts) EXPECT_NEAR(count, 6000, 330);
  RandomStream random(8, 0);
  std::vector<std::int64_t> all = SampleWithoutReplacement(5, 5, random);
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_TRUE(SampleWithoutReplacement(5, 0, random).empty());
  EXPECT_THROW(SampleWithoutReplacement(5, 6, random), Error);
  EXPECT_THROW(SampleWithoutReplacement(5, -1, random), Error);
}

}  // namespace
}  // namespace raie
