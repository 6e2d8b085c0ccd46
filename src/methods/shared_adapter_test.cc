#include "methods/shared_adapter.h"

#include <gtest/gtest.h>

#include <Eigen/SVD>
#include <algorithm>

#include "base/random.h"
#include "methods/shop_fixture.h"

namespace raie {
namespace {

std::shared_ptr<const Adapter> RandomShared(std::uint64_t seed, std::int64_t rank = 2) {
  LoraOptions options;
  options.rank = rank;
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
    const Adapter big = Adapter::Make(maps, WithRank(options, 10), 1);
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

using Dense = Eigen::MatrixXd;

Dense DenseUpdate(const Adapter& adapter, std::size_t m) {
  const Adapter::Map& map = adapter.maps()[m];
  Dense update(map.outputs, map.inputs);
  for (std::int64_t o = 0; o < map.outputs; ++o) {
    for (std::int64_t i = 0; i < map.inputs; ++i) update(o, i) = Update(adapter, m, o, i);
  }
  return update;
}

// The nearest matrix of a rank, from the dense decomposition.
Dense Nearest(const Dense& matrix, std::int64_t rank) {
  const Eigen::JacobiSVD<Dense> svd(matrix, Eigen::ComputeThinU | Eigen::ComputeThinV);
  return svd.matrixU().leftCols(rank) * svd.singularValues().head(rank).asDiagonal() *
         svd.matrixV().leftCols(rank).transpose();
}

// Ranks of 3, and of 12, two of which are more than a map is wide.
TEST(SharedAdapterTest, AMeanOfTooHighARankIsCutToTheNearest) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  LoraOptions options;
  options.rank = 1;
  for (const std::int64_t rank : {3, 12}) {
    const std::vector<std::shared_ptr<const Adapter>> adapters = {RandomShared(1, rank),
                                                                  RandomShared(2, rank)};
    const auto cut = MakeSharedAdapter(backbone, options, adapters, 5);
    ASSERT_EQ(cut->options().rank, rank);
    for (std::size_t m = 0; m < cut->maps().size(); ++m) {
      const Dense mean = (DenseUpdate(*adapters[0], m) + DenseUpdate(*adapters[1], m)) / 2;
      const double error = (DenseUpdate(*cut, m) - Nearest(mean, rank)).norm();
      EXPECT_LT(error, 1e-5 * mean.norm()) << rank << " " << m;
      EXPECT_GT((mean - Nearest(mean, rank)).norm(), 1e-3 * mean.norm());  // something was cut
    }
  }
}

// What cannot be told from nothing keeps rows that can be trained.
TEST(SharedAdapterTest, WhereNothingIsLeftTheRowsAreFresh) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  LoraOptions options;
  options.rank = 1;
  const auto one = RandomShared(1, 3);
  Adapter less = *one;  // the same rows twice: a mean of rank 3, or 2 where a row is taken away
  for (const Adapter::Map& map : less.maps()) {
    for (std::int64_t o = 0; o < map.outputs; ++o) less.values()[map.b_begin + 3 * o] = 0;
  }
  const auto two = std::make_shared<const Adapter>(less);
  const std::vector<std::shared_ptr<const Adapter>> adapters = {
      two, std::make_shared<const Adapter>(less)};
  const auto cut = MakeSharedAdapter(backbone, options, adapters, 5);
  ASSERT_EQ(cut->options().rank, 3);
  for (std::size_t m = 0; m < cut->maps().size(); ++m) {
    const Adapter::Map& map = cut->maps()[m];
    EXPECT_LT((DenseUpdate(*cut, m) - DenseUpdate(less, m)).norm(),
              1e-5 * DenseUpdate(less, m).norm());
    const auto last_row = cut->a_RI(map).subspan(2 * map.inputs, map.inputs);
    EXPECT_TRUE(std::ranges::any_of(last_row, [](float value) { return value != 0; })) << m;
  }
}

TEST(SharedAdapterTest, ARegionThatGoesOnAloneKeepsAllOfWhatItShared) {
  const Backbone& backbone = *testing::TinyShop().snapshot.backbone;
  LoraOptions options;
  options.rank = 1;
  const auto shared = RandomShared(1, 3);
  const std::vector<std::shared_ptr<const Adapter>> alone = {shared};
  EXPECT_EQ(MakeSharedAdapter(backbone, options, alone, 5), shared);
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
