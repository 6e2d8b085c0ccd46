#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "methods/shop_fixture.h"

namespace raie {
namespace {

using testing::FirstContexts;
using testing::PlainOptions;
using testing::RunMethod;
using testing::ScoresOf;
using testing::Shop;
using testing::TinyShop;

std::vector<float> Scores(const AdaptOptions& options) {
  const auto run = RunMethod("lsat", options);
  return ScoresOf(*run.method->MakeScorer(), FirstContexts(TinyShop().new_windows, 30),
                  TinyShop().data.catalogue_size(1));
}

TEST(LsatTest, ScoresAreTheWeightedLogProbabilitiesOfBoth) {
  AdaptOptions options = PlainOptions();
  options.lsat.long_share = 1;
  const auto slow = Scores(options);
  options.lsat.long_share = 0;
  const auto quick = Scores(options);
  options.lsat.long_share = 0.6;
  const auto fused = Scores(options);
  double apart = 0;
  double sum = 0;
  for (std::size_t i = 0; i < fused.size(); ++i) {
    ASSERT_NEAR(fused[i], 0.6 * slow[i] + 0.4 * quick[i], 1e-4);
    apart = std::max<double>(apart, std::abs(slow[i] - quick[i]));
    if (i < fused.size() / 30) sum += std::exp(quick[i]);
  }
  EXPECT_NEAR(sum, 1, 1e-4);
  EXPECT_GT(apart, 0.1);  // the two have learnt different things
}

TEST(LsatTest, TheShortTermAdapterIsLoraAndSharesItsRows) {
  AdaptOptions options = PlainOptions();
  options.item_rows = ItemRowsKind::kShared;
  options.lsat.long_share = 0;
  const auto quick = Scores(options);
  const auto read = FirstContexts(TinyShop().new_windows, 30);
  const std::int64_t items = TinyShop().data.catalogue_size(1);
  const auto lora = ScoresOf(*RunMethod("lora", options).method->MakeScorer(), read, items);
  for (std::size_t row = 0; row < 30; ++row) {
    for (std::int64_t i = 1; i < items; ++i) {
      ASSERT_NEAR(quick[row * items + i] - quick[row * items],
                  lora[row * items + i] - lora[row * items], 1e-3);
    }
  }
  // The long-term adapter reads the rows the short-term one has trained.
  options.lsat.long_share = 1;
  const auto with_rows = Scores(options);
  options.item_rows = ItemRowsKind::kFrozen;
  EXPECT_NE(Scores(options), with_rows);
}

TEST(LsatTest, TheEpochOnSCounts) {
  const Shop& shop = TinyShop();
  const auto own = RunMethod("lsat", PlainOptions());
  EXPECT_EQ(own.report.training.samples, shop.setup.training.size() + shop.new_windows.size());
  const auto equal = RunMethod("lsat", Shop::Options());
  const double n_f = static_cast<double>(shop.new_windows.size());
  EXPECT_EQ(equal.report.maximum_samples, std::llround(n_f / (1 - kBudgetRho)));
  EXPECT_LE(equal.report.training.samples, equal.report.maximum_samples);
  EXPECT_EQ(equal.method->snapshot(), nullptr);
  EXPECT_EQ(equal.report.forward_passes, 2);
}

TEST(LsatTest, ItNeedsAMemory) {
  Shop& shop = TinyShop();
  const auto method = MakeMethod("lsat", shop.context(), PlainOptions());
  method->Prepare(shop.snapshot, shop.setup.training);
  AdaptSlice slice = shop.slice();
  slice.memory = nullptr;
  EXPECT_ANY_THROW(method->Adapt(slice));
}

}  // namespace
}  // namespace raie
