#include "methods/window_states.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "methods/shop_fixture.h"
#include "methods/snapshot_scorer.h"
#include "raie/error.h"
#include "training/encode.h"

namespace raie {
namespace {

using testing::MakeLog;
using testing::RandomEvents;
using testing::Ratings;
using testing::Shop;
using testing::TemporaryFolder;
using testing::TinyShop;

TEST(DistinctContextsTest, ShareUserAndContext) {
  TaskPool pool(1);
  const TemporaryFolder folder;
  PrepareOptions options;
  options.context = 3;
  options.min_context = 1;
  options.k_core = 2;
  // Few times: many events of a user share one.
  PrepareData(MakeLog(RandomEvents(2, {.times = 100}), Ratings::kNone), options, folder / "d",
              pool);
  const PreparedData data = PreparedData::Load(folder / "d");
  const WindowSet windows = MakeWindows(data, 0, WindowOptionsOf(data));
  std::map<std::pair<std::int32_t, std::int64_t>, std::int64_t> first;
  for (std::int64_t i = 0; i < windows.size(); ++i) {
    first.try_emplace({Index(windows.windows[i].user), windows.windows[i].context_end}, i);
  }
  ASSERT_LT(std::ssize(first), windows.size());
  const DistinctContexts distinct = FindDistinctContexts(windows);
  EXPECT_EQ(distinct.window_of_row.size(), first.size());
  ASSERT_EQ(std::ssize(distinct.row_of_window), windows.size());
  for (std::int64_t i = 0; i < windows.size(); ++i) {
    const Window& window = windows.windows[i];
    EXPECT_EQ(distinct.window_of_row[distinct.row_of_window[i]],
              (first[{Index(window.user), window.context_end}]));
  }
  EXPECT_TRUE(FindDistinctContexts(WindowSet{}).window_of_row.empty());
}

TEST(WindowStatesTest, AreTheEncodedContexts) {
  Shop& shop = TinyShop();
  const Snapshot& snapshot = shop.snapshot;
  const std::int64_t known = shop.data.catalogue_size(0);
  const WindowStates states =
      ComputeStates(snapshot, shop.data, shop.new_windows, known, shop.pool);
  const BoundModel encoder = MakeEncoder(*snapshot.backbone, *snapshot.routing_items, shop.pool);
  ASSERT_EQ(std::ssize(states.row_of_window), shop.new_windows.size());
  for (std::int64_t w = 0; w < shop.new_windows.size(); w += 17) {
    WindowBatch context;
    const Window& window = shop.new_windows.windows[w];
    const std::int64_t count = AppendContext(shop.data, window, snapshot.backbone->max_length(),
                                             known, context.items, context.times);
    ASSERT_EQ(count == 0, states.row_of_window[w] < 0);
    if (count == 0) continue;
    context.offsets.push_back(static_cast<std::int32_t>(count));
    context.users.push_back(window.user);
    context.row_keys.push_back(0);
    const auto z_D = states.row(states.row_of_window[w]);
    const std::vector<float> alone = EncodeContexts(encoder, context, shop.pool);
    EXPECT_TRUE(std::equal(z_D.begin(), z_D.end(), alone.begin(), alone.end())) << w;
  }
}

TEST(WindowStatesTest, APassThatIsWatchedFindsTheSameAndCanBeStopped) {
  Shop& shop = TinyShop();
  const std::int64_t known = shop.data.catalogue_size(0);
  const auto states = [&](const PassRun& run) {
    return ComputeStates(shop.snapshot, shop.data, shop.new_windows, known, run);
  };
  const SnapshotScorer scorer(std::make_shared<const Snapshot>(shop.snapshot));
  const auto losses = [&](const PassRun& run) {
    return TargetLosses(scorer, shop.data, shop.new_windows, shop.snapshot.catalogue_size, run);
  };
  std::vector<Progress> told;
  const PassRun watched{shop.pool, {.phase = "placing", .observer = [&](const Progress& progress) {
                                      told.push_back(progress);
                                    }}};
  EXPECT_EQ(states(watched).z_MD, states(shop.pool).z_MD);
  ASSERT_GT(told.size(), 1u);
  EXPECT_EQ(told.back().done, told.back().total);
  EXPECT_EQ(told.back().phase, "placing");
  const auto plain = losses(shop.pool), in_pieces = losses(watched);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(std::isnan(plain[i]), std::isnan(in_pieces[i]));
    if (std::isnan(plain[i])) continue;
    EXPECT_EQ(plain[i], in_pieces[i]);
  }
  CancelFlag cancel;
  cancel.Set();
  const PassRun stopped{shop.pool, {.phase = "placing", .cancel = &cancel}};
  EXPECT_THROW(states(stopped), Error);
  EXPECT_THROW(losses(stopped), Error);
}

}  // namespace
}  // namespace raie
