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
using testing::TinyShop;

// Mean over contexts of KL(frozen, method) over the items of S.
double DistanceFromFrozen(const Scorer& scorer) {
  const std::int64_t items = TinyShop().data.catalogue_size(0);
  const auto read = FirstContexts(TinyShop().setup.held_out, 40);
  const auto frozen = RunMethod("frozen", PlainOptions());
  const auto p = ScoresOf(*frozen.method->MakeScorer(), read, items);
  const auto q = ScoresOf(scorer, read, items);
  double sum = 0;
  for (std::size_t row = 0; row < p.size() / items; ++row) {
    double total_p = 0;
    double total_q = 0;
    for (std::int64_t i = 0; i < items; ++i) {
      total_p += std::exp(p[row * items + i]);
      total_q += std::exp(q[row * items + i]);
    }
    for (std::int64_t i = 0; i < items; ++i) {
      const double log_p = p[row * items + i] - std::log(total_p);
      sum += std::exp(log_p) * (log_p - q[row * items + i] + std::log(total_q));
    }
  }
  return sum;
}

TEST(LoraLwfTest, TheTeacherKeepsItNearTheModelOfS) {
  AdaptOptions options = PlainOptions();
  options.epochs = 4;
  double distance[3];
  for (int i = 0; i < 3; ++i) {
    options.lwf.weight = std::vector<double>{0, 0.5, 5}[i];
    distance[i] = DistanceFromFrozen(*RunMethod("lora_lwf", options).method->MakeScorer());
  }
  EXPECT_LT(distance[1], 0.9 * distance[0]);
  EXPECT_LT(distance[2], 0.7 * distance[1]);
}

TEST(LoraLwfTest, WithoutWeightItIsLora) {
  for (const ItemRowsKind rows : {ItemRowsKind::kFrozen, ItemRowsKind::kShared}) {
    AdaptOptions options = PlainOptions();
    options.item_rows = rows;
    options.lwf.weight = 0;
    const auto lwf = RunMethod("lora_lwf", options);
    const auto lora = RunMethod("lora", options);
    EXPECT_TRUE(std::ranges::equal(lwf.snapshot.AdapterOf(kNoRegion)->values(),
                                   lora.snapshot.AdapterOf(kNoRegion)->values()));
    EXPECT_TRUE(std::ranges::equal(lwf.snapshot.items->base_ND(), lora.snapshot.items->base_ND()));
  }
}

TEST(LoraLwfTest, SharedRowsAreHeldToo) {
  AdaptOptions options = PlainOptions();
  options.item_rows = ItemRowsKind::kShared;
  options.epochs = 4;
  double moved[2] = {0, 0};
  for (int heavy = 0; heavy < 2; ++heavy) {
    options.lwf.weight = heavy == 0 ? 0 : 5;
    const Snapshot snapshot = RunMethod("lora_lwf", options).snapshot;
    const auto now = snapshot.items->base_ND();
    const auto start = snapshot.routing_items->base_ND();
    for (std::size_t i = 0; i < now.size(); ++i) {
      moved[heavy] += (now[i] - start[i]) * (now[i] - start[i]);
    }
  }
  EXPECT_LT(moved[1], moved[0]);
}

}  // namespace
}  // namespace raie
