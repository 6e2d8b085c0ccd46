#include <gtest/gtest.h>

#include "methods/shop_fixture.h"

namespace raie {
namespace {

using testing::MovedRows;
using testing::PlainOptions;
using testing::RunMethod;
using testing::TinyShop;

TEST(RowsOnlyTest, MovesTheRowsOfTheTargetsAndNothingElse) {
  AdaptOptions options = PlainOptions();
  for (const ItemRowsKind rows : {ItemRowsKind::kShared, ItemRowsKind::kRegional}) {
    options.item_rows = rows;
    const auto run = RunMethod("rows_only", options);
    EXPECT_TRUE(run.snapshot.adapters.empty());
    EXPECT_TRUE(run.snapshot.items->replaced().empty());
    std::set<std::int64_t> targets;
    for (const Window& window : TinyShop().new_windows.windows) {
      targets.insert(Index(TinyShop().data.items()[window.target]));
    }
    EXPECT_EQ(MovedRows(*run.snapshot.items, *run.snapshot.routing_items), targets);
    EXPECT_EQ(run.report.training.samples, TinyShop().new_windows.size());
    EXPECT_EQ(run.report.training.trained_parameters, std::ssize(targets) * 16);
  }
}

TEST(RowsOnlyTest, FrozenRowsLeaveNothingToTrain) {
  const auto run = RunMethod("rows_only", PlainOptions());
  EXPECT_EQ(run.report.training.samples, 0);
  EXPECT_EQ(run.snapshot.items, run.snapshot.routing_items);
}

}  // namespace
}  // namespace raie
