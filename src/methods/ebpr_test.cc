#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "methods/shop_fixture.h"

namespace raie {
namespace {

using testing::Adapted;
using testing::FirstContexts;
using testing::PlainOptions;
using testing::RunMethod;
using testing::ScoresOf;
using testing::Shop;
using testing::TinyShop;

// The mining rule, the slow way: by sorting all scores of the S model.
struct Mined {
  std::int64_t windows = 0;  // with a negative
  std::vector<ItemId> negatives;
  std::vector<std::set<ItemId>> positives;
};

std::set<ItemId> Taken(UserId user) {
  const PreparedData& data = TinyShop().data;
  const EventRange rows = data.SliceEvents(user, 1);
  return {data.items().begin() + rows.begin, data.items().begin() + rows.end};
}

Mined MineSlowly(const ReadWindows& read) {
  const std::int64_t items = TinyShop().data.catalogue_size(1);
  const auto scores =
      ScoresOf(*RunMethod("frozen", PlainOptions()).method->MakeScorer(), read, items);
  Mined mined;
  for (std::size_t row = 0; row < read.windows.size(); ++row) {
    std::vector<std::int32_t> order(items);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return scores[row * items + a] > scores[row * items + b];
    });
    order.resize(10);
    const auto taken = Taken(read.contexts.users[row]);
    const auto negative =
        std::ranges::find_if(order, [&](std::int32_t i) { return !taken.contains(ItemId{i}); });
    mined.negatives.push_back(negative == order.end() ? kNoItem : ItemId{*negative});
    mined.windows += negative != order.end();
    std::set<ItemId> positives = {read.targets[row]};
    for (const std::int32_t item : order) {
      if (ItemId{item} != mined.negatives.back()) positives.insert(ItemId{item});
    }
    mined.positives.push_back(std::move(positives));
  }
  return mined;
}

double PairwiseLoss(const Scorer& scorer, const ReadWindows& read, const Mined& mined) {
  const std::int64_t items = TinyShop().data.catalogue_size(1);
  const auto scores = ScoresOf(scorer, read, items);
  double sum = 0;
  for (std::size_t row = 0; row < read.windows.size(); ++row) {
    if (mined.negatives[row] == kNoItem) continue;
    const double negative = scores[row * items + Index(mined.negatives[row])];
    double loss = 0;
    for (const ItemId p : mined.positives[row]) {
      loss += std::log1p(std::exp(negative - scores[row * items + Index(p)]));
    }
    sum += loss / static_cast<double>(mined.positives[row].size());
  }
  return sum / static_cast<double>(mined.windows);
}

TEST(EbprTest, TrainsOnWindowsWithANegativeAndLowersTheirPairwiseLoss) {
  Shop& shop = TinyShop();
  AdaptOptions options = PlainOptions();
  options.epochs = 3;
  const Adapted run = RunMethod("ebpr", options);
  const auto read = FirstContexts(shop.new_windows, shop.new_windows.size());
  const Mined mined = MineSlowly(read);
  EXPECT_EQ(run.report.unused_windows, shop.new_windows.size() - mined.windows);
  EXPECT_EQ(run.report.training.samples, 3 * mined.windows);
  const double before =
      PairwiseLoss(*RunMethod("frozen", options).method->MakeScorer(), read, mined);
  const double after = PairwiseLoss(*run.method->MakeScorer(), read, mined);
  const double of_lora =
      PairwiseLoss(*RunMethod("lora", options).method->MakeScorer(), read, mined);
  EXPECT_LT(after, 0.9 * before);
  EXPECT_LT(after, of_lora);
}

TEST(EbprTest, HasTheTrainablesOfLora) {
  AdaptOptions options = PlainOptions();
  options.item_rows = ItemRowsKind::kShared;
  const Adapted run = RunMethod("ebpr", options);
  const Adapted lora = RunMethod("lora", options);
  EXPECT_EQ(run.snapshot.AdapterOf(kNoRegion)->values().size(),
            lora.snapshot.AdapterOf(kNoRegion)->values().size());
  EXPECT_LE(run.report.training.trained_parameters, lora.report.training.trained_parameters);
  EXPECT_FALSE(testing::MovedRows(*run.snapshot.items, *run.snapshot.routing_items).empty());
}

}  // namespace
}  // namespace raie
