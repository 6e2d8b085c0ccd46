#include "methods/group_trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "methods/overlap_penalty.h"
#include "methods/shop_fixture.h"

namespace raie {
namespace {

using testing::MovedRows;
using testing::Shop;
using testing::TinyShop;

// Two groups that share the slice's windows, by parity of the user, with some memory.
TrainPlan TwoGroups(std::int64_t maximum) {
  const Shop& shop = TinyShop();
  TrainPlan plan;
  plan.new_windows = &shop.new_windows;
  plan.memory = &shop.setup.training;
  plan.catalogue_size = shop.data.catalogue_size(1);
  plan.maximum_samples = maximum;
  for (std::int32_t g = 0; g < 2; ++g) {
    TrainGroup group;
    group.regions = {static_cast<RegionId>(g)};
    group.start =
        MakeFreshAdapter(*shop.snapshot.backbone, Shop::Options().lora, group.regions[0], 7);
    for (std::int64_t i = 0; i < std::min<std::int64_t>(200, shop.new_windows.size()); ++i) {
      if (Index(shop.new_windows.windows[i].user) % 2 == g) group.samples.push_back({false, i});
    }
    for (std::int64_t i = 0; i < 40; ++i) group.samples.push_back({true, 2 * i + g});
    plan.groups.push_back(std::move(group));
  }
  return plan;
}

Snapshot Start() {
  return WithCatalogue(TinyShop().snapshot, TinyShop().data.catalogue_size(1), 7);
}

std::vector<float> Values(const Adapter& adapter) {
  return {adapter.values().begin(), adapter.values().end()};
}

TEST(GroupTrainerTest, AGroupGoesOnFromTheRowsOfAllItsRegions) {
  Shop& shop = TinyShop();
  AdaptOptions options = Shop::Options();
  options.item_rows = ItemRowsKind::kRegional;
  Snapshot start = Start();
  ItemTable items = *start.items;
  const std::int64_t dim = items.dim();
  // An item that is no target below, so that it keeps the anchor's pull alone.
  items.SetOwnRows(RegionId{0}, {.items = {0}, .rows_nD = std::vector<float>(dim, 1.0f)});
  items.SetOwnRows(RegionId{1}, {.items = {1}, .rows_nD = std::vector<float>(dim, 2.0f)});
  const std::vector<float> base_of_one(items.base_ND().begin() + dim,
                                       items.base_ND().begin() + 2 * dim);
  start.items = std::make_shared<const ItemTable>(items);
  TrainPlan plan = TwoGroups(64);
  plan.groups.resize(1);
  plan.groups[0].regions = {RegionId{0}, RegionId{1}};
  GroupTrainer trainer(shop.context(), options, start, plan);
  trainer.TrainTo(64);  // one step, which moves a number by the rate at most
  ItemTable after = *trainer.Current().items;
  for (const RegionId region : {RegionId{0}, RegionId{1}}) {
    const ReplacedRows* rows = after.OwnRows(region);
    ASSERT_NE(rows, nullptr);
    ASSERT_GE(rows->items.size(), 2u);
    ASSERT_EQ(rows->items[0], 0);
    ASSERT_EQ(rows->items[1], 1);
    EXPECT_NEAR(rows->rows_nD[dim], (base_of_one[0] + 2) / 2, 2 * options.learning_rate);
    EXPECT_EQ(rows->rows_nD, after.OwnRows(RegionId{0})->rows_nD);
  }
}

TEST(GroupTrainerTest, OnePassEqualsSeparateTrainingOnTheSameBatches) {
  Shop& shop = TinyShop();
  const AdaptOptions options = Shop::Options();
  const TrainPlan plan = TwoGroups(1000);
  const Snapshot start = Start();
  GroupTrainer trainer(shop.context(), options, start, plan);
  trainer.TrainTo(1000);
  const Snapshot trained = trainer.Current();

  for (std::int32_t g = 0; g < 2; ++g) {
    // The same batches, with the other group's rows left out: alone, with one adapter.
    BatchSchedule schedule({std::ssize(plan.groups[0].samples), std::ssize(plan.groups[1].samples)},
                           options.batches, options.batch_size, 7);
    Adapter adapter = *plan.groups[g].start;
    AdamState state(std::ssize(adapter.values()));
    ItemTable items = *start.items;
    TrainedParts parts;
    parts.items = &items;
    parts.catalogue_size = plan.catalogue_size;
    parts.slots.push_back({.adapter = &adapter, .state = &state});
    StepOptions step;
    step.adam.learning_rate = options.learning_rate;
    step.adam.clip = options.clip;
    step.seed = StepSeed(7);
    StepEngine engine(const_cast<Backbone&>(*start.backbone), step, shop.pool);
    std::int64_t seen = 0;
    for (std::uint64_t number = 0; seen < 1000; ++number) {
      auto scheduled = schedule.Next();
      if (std::ssize(scheduled) > 1000 - seen) scheduled = scheduled.first(1000 - seen);
      TrainingBatch batch;
      for (const ScheduledSample& s : scheduled) {
        if (s.group != g) continue;
        const SampleRef sample = plan.groups[g].samples[s.index];
        const Window& window =
            (sample.from_memory ? *plan.memory : *plan.new_windows).windows[sample.window];
        std::vector<ItemId> context;
        std::vector<Timestamp> times;
        AppendContext(shop.data, window, 5, plan.catalogue_size, context, times);
        AppendRow(batch, {.items = context,
                          .times = times,
                          .user = window.user,
                          .target = shop.data.items()[window.target],
                          .row_key = RowKey(sample)});
      }
      seen += std::ssize(scheduled);
      if (batch.rows.num_rows() > 0) engine.Step(batch, number, parts);
    }
    EXPECT_FALSE(trained.AdapterOf(static_cast<RegionId>(g))->IsZero());
    EXPECT_EQ(Values(*trained.AdapterOf(static_cast<RegionId>(g))), Values(adapter)) << g;
  }
}

TEST(GroupTrainerTest, TakesExactlyTheMaximumOfSamples) {
  Shop& shop = TinyShop();
  const Snapshot start = Start();
  GroupTrainer trainer(shop.context(), Shop::Options(), start, TwoGroups(333));
  trainer.TrainTo(100);
  EXPECT_GE(trainer.counts().samples, 100);
  EXPECT_LT(trainer.counts().samples, 100 + 64);
  trainer.TrainTo(1000000);
  EXPECT_EQ(trainer.counts().samples, 333);
}

std::set<std::int64_t> TargetsOf(const TrainGroup& group) {
  std::set<std::int64_t> targets;
  const Shop& shop = TinyShop();
  for (const SampleRef& sample : group.samples) {
    if (sample.from_memory) continue;
    targets.insert(Index(shop.data.items()[shop.new_windows.windows[sample.window].target]));
  }
  return targets;
}

TEST(GroupTrainerTest, FrozenRowsStayWhereTheyAre) {
  Shop& shop = TinyShop();
  const Snapshot start = Start();
  GroupTrainer trainer(shop.context(), Shop::Options(), start, TwoGroups(300));
  trainer.TrainTo(300);
  EXPECT_EQ(trainer.Current().items, start.items);
}

TEST(GroupTrainerTest, SharedRowsMoveTheTargetsOfTheSliceOnly) {
  Shop& shop = TinyShop();
  AdaptOptions options = Shop::Options();
  options.item_rows = ItemRowsKind::kShared;
  const Snapshot start = Start();
  const TrainPlan plan = TwoGroups(300);
  GroupTrainer trainer(shop.context(), options, start, plan);
  trainer.TrainTo(300);
  const Snapshot now = trainer.Current();
  std::set<std::int64_t> targets = TargetsOf(plan.groups[0]);
  targets.merge(TargetsOf(plan.groups[1]));
  EXPECT_EQ(MovedRows(*now.items, *start.items), targets);
  EXPECT_EQ(now.routing_items, start.routing_items);
}

TEST(GroupTrainerTest, AStrongAnchorKeepsSharedRowsNear) {
  Shop& shop = TinyShop();
  const Snapshot start = Start();
  double distance[2] = {0, 0};
  for (int strong = 0; strong < 2; ++strong) {
    AdaptOptions options = Shop::Options();
    options.item_rows = ItemRowsKind::kShared;
    options.anchor = strong == 0 ? 0 : 10;
    GroupTrainer trainer(shop.context(), options, start, TwoGroups(1000));
    trainer.TrainTo(1000);
    const Snapshot now = trainer.Current();
    const auto rows = now.items->base_ND();
    const auto first = start.items->base_ND();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      distance[strong] += (rows[i] - first[i]) * (rows[i] - first[i]);
    }
  }
  EXPECT_LT(distance[1], 0.5 * distance[0]);
}

TEST(GroupTrainerTest, RegionalRowsAreTheRegionsOwn) {
  Shop& shop = TinyShop();
  AdaptOptions options = Shop::Options();
  options.item_rows = ItemRowsKind::kRegional;
  const Snapshot start = Start();
  const TrainPlan plan = TwoGroups(300);
  GroupTrainer trainer(shop.context(), options, start, plan);
  trainer.TrainTo(300);
  const Snapshot now = trainer.Current();
  EXPECT_TRUE(MovedRows(*now.items, *start.items).empty());
  ASSERT_EQ(now.items->replaced().size(), 2u);
  for (std::int32_t g = 0; g < 2; ++g) {
    const ReplacedRows& own = now.items->replaced().at(static_cast<RegionId>(g));
    const auto targets = TargetsOf(plan.groups[g]);
    EXPECT_TRUE(std::equal(own.items.begin(), own.items.end(), targets.begin(), targets.end()));
  }
}

TEST(GroupTrainerTest, ThePenaltyTurnsOverlappingAdaptersApart) {
  Shop& shop = TinyShop();
  const Snapshot start = Start();
  double overlap[2] = {0, 0};
  for (int on = 0; on < 2; ++on) {
    AdaptOptions options = Shop::Options();
    options.overlap_penalty = on == 0 ? 0 : 100;
    TrainPlan plan = TwoGroups(2000);
    plan.overlap_GG = {0, 1, 1, 0};
    GroupTrainer trainer(shop.context(), options, start, plan);
    trainer.TrainTo(2000);
    const Snapshot now = trainer.Current();
    overlap[on] =
        AddOverlapPenalty(*now.AdapterOf(RegionId{0}), *now.AdapterOf(RegionId{1}), 0, {}, {});
  }
  EXPECT_LT(overlap[1], 0.5 * overlap[0]);
}

TEST(GroupTrainerTest, NewItemsGetTheSameRowsForScoringAndRouting) {
  const Snapshot start = Start();
  EXPECT_EQ(start.items, start.routing_items);
  EXPECT_EQ(start.items->num_items(), TinyShop().data.catalogue_size(1));
  // A table that has moved keeps its rows; its new rows are those of the routing table.
  Snapshot moved = TinyShop().snapshot;
  ItemTable items = *moved.items;
  items.base_ND()[0] += 1;
  moved.items = std::make_shared<const ItemTable>(std::move(items));
  const Snapshot grown = WithCatalogue(moved, TinyShop().data.catalogue_size(1), 7);
  EXPECT_EQ(MovedRows(*grown.items, *grown.routing_items), std::set<std::int64_t>{0});
}

}  // namespace
}  // namespace raie
