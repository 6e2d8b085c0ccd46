#include "methods/shared_adapter.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "methods/shop_fixture.h"

namespace raie {
namespace {

std::shared_ptr<const Adapter> RandomShared(std::uint64_t seed) {
  LoraOptions options;
  options.rank = 2;
  Adapter adapter =
      Adapter::Make(testing::TinyShop().snapshot.backbone->linear_maps(), options, seed);
  RandomStream random(seed, 1);
  for (float& value : adapter.values()) value = static_cast<float>(random.Normal());
  return std::make_shared<const Adapter>(std::move(adapter));
}

// (alpha / r) B A at one entry of one map.
double Update(const Adapter& adapter, std::size_t m, std::int64_t o, std::int64_t i) {
  const Adapter::Map& map = adapter.maps()[m];
  const std::int64_t rank = adapter.options().rank;
  double sum = 0;
  for (std::int64_t r = 0; r < rank; ++r) {
    sum += adapter.b_OR(map)[o * rank + r] * adapter.a_RI(map)[r * map.inputs + i];
  }
  return adapter.scale() * sum;
}

TEST(SharedAdapterTest, AHigherRankKeepsTheScaleOfEitherKind) {
  const auto maps = testing::TinyShop().snapshot.backbone->linear_maps();
  for (const bool rs_lora : {false, true}) {
    const LoraOptions options{.rank = 2, .alpha = 3, .rs_lora = rs_lora};
    const Adapter small = Adapter::Make(maps, options, 1);
    const Adapter big = Adapter::Make(maps, WithRankTimes(options, 5), 1);
    EXPECT_EQ(big.options().rank, 10);
    EXPECT_FLOAT_EQ(big.scale(), small.scale());
  }
}

TEST(SharedAdapterTest, ItsUpdateIsTheMeanOfTheRegions) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  LoraOptions options;
  options.rank = 2;
  const auto one = RandomShared(1);
  const auto two = RandomShared(2);
  const std::vector<std::shared_ptr<const Adapter>> adapters = {one, two, nullptr, one};
  const auto shared = MakeSharedAdapter(backbone, options, adapters, 5);
  EXPECT_EQ(shared->options().rank, 8);
  EXPECT_FLOAT_EQ(shared->scale(), one->scale());
  for (std::size_t m = 0; m < shared->maps().size(); ++m) {
    for (const std::int64_t o : {0, 3}) {
      for (const std::int64_t i : {0, 2}) {
        EXPECT_NEAR(Update(*shared, m, o, i),
                    (2 * Update(*one, m, o, i) + Update(*two, m, o, i)) / 4, 1e-4);
      }
    }
  }
}

TEST(SharedAdapterTest, ARankThatWouldGrowIsCutAndAMeanOfThatRankKept) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  LoraOptions options;
  options.rank = 1;
  const auto one = RandomShared(1);  // of rank 2: trained with another region before
  const auto same = std::make_shared<const Adapter>(*one);
  const std::vector<std::shared_ptr<const Adapter>> adapters = {one, same};
  const auto shared = MakeSharedAdapter(backbone, options, adapters, 5);
  EXPECT_EQ(shared->options().rank, 2);
  for (std::size_t m = 0; m < shared->maps().size(); ++m) {
    for (const std::int64_t o : {0, 3}) {
      for (const std::int64_t i : {0, 2}) {
        EXPECT_NEAR(Update(*shared, m, o, i), Update(*one, m, o, i), 1e-4);
      }
    }
  }
}

// Sum over all entries of a map of (a - b)^2.
double SquareDistance(const Adapter& a, const Adapter& b, std::size_t m, double weight_b) {
  double sum = 0;
  for (std::int64_t o = 0; o < a.maps()[m].outputs; ++o) {
    for (std::int64_t i = 0; i < a.maps()[m].inputs; ++i) {
      const double difference = Update(a, m, o, i) - weight_b * Update(b, m, o, i);
      sum += difference * difference;
    }
  }
  return sum;
}

TEST(SharedAdapterTest, WhatIsCutIsNearerTheMeanThanEitherPart) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  LoraOptions options;
  options.rank = 1;
  const std::vector<std::shared_ptr<const Adapter>> adapters = {RandomShared(1), RandomShared(2)};
  const auto cut = MakeSharedAdapter(backbone, options, adapters, 5);
  options.rank = 2;
  const auto mean = MakeSharedAdapter(backbone, options, adapters, 5);
  ASSERT_EQ(cut->options().rank, 2);
  ASSERT_EQ(mean->options().rank, 4);
  for (std::size_t m = 0; m < cut->maps().size(); ++m) {
    const double distance = SquareDistance(*mean, *cut, m, 1);
    EXPECT_GT(distance, 0);
    EXPECT_LT(distance, SquareDistance(*mean, *adapters[0], m, 0.5));
    EXPECT_LT(distance, SquareDistance(*mean, *adapters[1], m, 0.5));
  }
}

TEST(SharedAdapterTest, TheRankDoesNotGrowFromSliceToSlice) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  LoraOptions options;
  options.rank = 2;
  std::vector<std::shared_ptr<const Adapter>> of_region = {RandomShared(1), RandomShared(2),
                                                           RandomShared(3)};
  for (int slice = 0; slice < 6; ++slice) {  // two of three regions, other ones each time
    const std::size_t a = slice % 3, b = (slice + 1) % 3;
    const std::vector<std::shared_ptr<const Adapter>> open = {of_region[a], of_region[b]};
    of_region[a] = of_region[b] = MakeSharedAdapter(backbone, options, open, slice);
    EXPECT_EQ(of_region[a]->options().rank, 4) << slice;
  }
}

TEST(SharedAdapterTest, WithoutAdaptersItIsFreshAndChangesNothing) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  const std::vector<std::shared_ptr<const Adapter>> none(3);
  const auto shared = MakeSharedAdapter(backbone, LoraOptions{}, none, 5);
  EXPECT_EQ(shared->options().rank, 24);
  EXPECT_TRUE(shared->IsZero());
}

TEST(SharedAdapterTest, AnAdapterThatIsSharedAlreadyGoesOn) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  LoraOptions options;
  options.rank = 1;
  const auto one = RandomShared(1);
  const std::vector<std::shared_ptr<const Adapter>> same = {one, one};
  EXPECT_EQ(MakeSharedAdapter(backbone, options, same, 5), one);
}

}  // namespace
}  // namespace raie
