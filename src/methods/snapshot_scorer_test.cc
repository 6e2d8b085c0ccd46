#include "methods/snapshot_scorer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/random.h"
#include "methods/shop_fixture.h"
#include "methods/window_states.h"

namespace raie {
namespace {

// The tiny shop with an adapter of its own in every region but the first.
std::shared_ptr<const Snapshot> AdaptedSnapshot() {
  Snapshot snapshot = testing::TinyShop().snapshot;
  LoraOptions options;
  options.rank = 2;
  std::uint64_t seed = 5;
  for (const Region& region : snapshot.editor.regions.regions) {
    if (region.id == snapshot.editor.regions.regions[0].id) continue;
    Adapter adapter = Adapter::Make(snapshot.backbone->linear_maps(), options, ++seed);
    RandomStream random(seed, 0);
    for (float& value : adapter.values()) value += 0.2f * static_cast<float>(random.Normal());
    snapshot.adapters[region.id] = std::make_shared<const Adapter>(std::move(adapter));
  }
  return std::make_shared<const Snapshot>(std::move(snapshot));
}

ReadWindows SomeContexts() {
  const auto& shop = testing::TinyShop();
  std::vector<std::int64_t> chosen(std::min<std::int64_t>(150, shop.new_windows.size()));
  std::iota(chosen.begin(), chosen.end(), 0);
  return ReadContexts(shop.data, shop.new_windows, chosen, 5, shop.data.catalogue_size(0));
}

TEST(SnapshotScorerTest, RanksAreThoseOfDenseScores) {
  auto& shop = testing::TinyShop();
  const SnapshotScorer scorer(AdaptedSnapshot());
  const ReadWindows read = SomeContexts();
  for (const SeenItems seen :
       {SeenItems::kRanked, SeenItems::kContextMasked, SeenItems::kHistoryMasked}) {
    const MaskedItems masked =
        MaskSeen(seen, shop.data, shop.new_windows, read.windows, read.contexts);
    const RankRequest request{
        .targets = read.targets, .catalogue_size = shop.data.catalogue_size(0), .masked = &masked};
    const auto fast = scorer.Ranks(read.contexts, request, shop.pool);
    const auto slow = scorer.Scorer::Ranks(read.contexts, request, shop.pool);
    EXPECT_EQ(fast.ranks, slow.ranks);
  }
}

TEST(SnapshotScorerTest, TheRegionsAdapterAnswers) {
  auto& shop = testing::TinyShop();
  const auto snapshot = AdaptedSnapshot();
  const SnapshotScorer scorer(snapshot);
  const ReadWindows read = SomeContexts();
  const std::int64_t items = shop.data.catalogue_size(0);
  std::vector<float> scores(read.contexts.num_rows() * items);
  scorer.Score(read.contexts, items, scores);
  const auto routes = scorer.Routes(read.contexts, shop.pool);
  ASSERT_EQ(std::ssize(routes), read.contexts.num_rows());
  for (const Region& region : snapshot->editor.regions.regions) {
    // Everything by this region's adapter alone, no routing.
    Snapshot alone = *snapshot;
    alone.editor = {};
    alone.adapters.clear();
    const Adapter* adapter = snapshot->AdapterOf(region.id);
    if (adapter != nullptr) {
      alone.adapters[kNoRegion] = std::make_shared<const Adapter>(*adapter);
    }
    std::vector<float> expected(scores.size());
    const SnapshotScorer alone_scorer(std::make_shared<const Snapshot>(alone));
    alone_scorer.Score(read.contexts, items, expected);
    for (std::int64_t row = 0; row < read.contexts.num_rows(); ++row) {
      const bool same = std::equal(scores.begin() + row * items, scores.begin() + (row + 1) * items,
                                   expected.begin() + row * items);
      if (routes[row].region == region.id) {
        EXPECT_TRUE(same) << row;
      }
    }
  }
}

TEST(SnapshotScorerTest, TopItemsAreSortedAndLeaveOutWhatIsExcluded) {
  auto& shop = testing::TinyShop();
  const SnapshotScorer scorer(AdaptedSnapshot());
  const ReadWindows read = SomeContexts();
  const TopKRequest request{.k = 7,
                            .catalogue_size = shop.data.catalogue_size(0),
                            .context_items = ContextItems::kMasked,
                            .excluded = {ItemId{0}, ItemId{3}, ItemId{4}}};
  EXPECT_EQ(scorer.TopK(read.contexts, request, shop.pool),
            scorer.Scorer::TopK(read.contexts, request, shop.pool));
}

TEST(SnapshotScorerTest, LossesAreMinusLogSoftmax) {
  auto& shop = testing::TinyShop();
  const SnapshotScorer scorer(AdaptedSnapshot());
  const ReadWindows read = SomeContexts();
  const std::int64_t items = shop.data.catalogue_size(0);
  const auto nll = scorer.Nll(read.contexts, read.targets, items, shop.pool);
  std::vector<float> scores(read.contexts.num_rows() * items);
  scorer.Score(read.contexts, items, scores);
  for (std::int64_t row = 0; row < read.contexts.num_rows(); ++row) {
    if (Index(read.targets[row]) >= items) {
      EXPECT_TRUE(std::isinf(nll[row]));
      continue;
    }
    double sum = 0;
    for (std::int64_t i = 0; i < items; ++i) sum += std::exp(scores[row * items + i]);
    EXPECT_NEAR(nll[row], std::log(sum) - scores[row * items + Index(read.targets[row])], 1e-4);
  }
}

}  // namespace
}  // namespace raie
