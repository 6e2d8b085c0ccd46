#include "evaluation/evaluate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "methods/group_trainer.h"
#include "methods/popularity_prior.h"
#include "methods/shop_fixture.h"
#include "methods/snapshot_scorer.h"
#include "raie/error.h"

namespace raie {
namespace {

using testing::TinyShop;

EvaluationRequest Request() {
  const auto& shop = TinyShop();
  return {.windows = shop.windows,
          .catalogue_size = shop.data.catalogue_size(1),
          .seen = SeenItems::kRanked};
}

EvaluationReport Report() {
  auto& shop = TinyShop();
  Snapshot snapshot = WithCatalogue(shop.snapshot, shop.data.catalogue_size(1), 7);
  const SnapshotScorer scorer(std::make_shared<const Snapshot>(snapshot));
  return Evaluate(scorer, shop.data, Request(), shop.pool);
}

TEST(EvaluateTest, ThePartsAreThoseOfTheData) {
  const auto& shop = TinyShop();
  const EvaluationReport report = Report();
  EXPECT_EQ(report.in_sample.windows, shop.setup.training.size());
  EXPECT_EQ(report.held_out.windows, shop.setup.held_out.size());
  EXPECT_EQ(report.test.windows, MakeWindows(shop.data, 2, shop.windows).size());
}

// METHOD section 4: a prior counts up to the request, in T up to the end of F.
TEST(EvaluateTest, WindowsOfSSeeWhatWasPopularThen) {
  auto& shop = TinyShop();
  auto prior = std::make_shared<PopularityPrior>(
      CountPrior(shop.data, shop.slice(), {.weight = 0.7, .half_life_seconds = 86400.0 * 20}));
  Snapshot snapshot = WithCatalogue(shop.snapshot, shop.data.catalogue_size(1), 7);
  snapshot.prior = prior;
  const SnapshotScorer scorer(std::make_shared<const Snapshot>(snapshot));
  EvaluationRequest request = Request();
  const EvaluationReport now = Evaluate(scorer, shop.data, request, shop.pool);
  request.prior = prior.get();
  const EvaluationReport then = Evaluate(scorer, shop.data, request, shop.pool);
  EXPECT_EQ(then.test_ranks.ranks, now.test_ranks.ranks);
  EXPECT_NE(then.held_out_ranks.ranks, now.held_out_ranks.ranks);
  const EarlierRequests earlier(shop.data, *prior, 0, shop.setup.removed_events);
  const RankSetRequest of_setup{.context = shop.windows.context,
                                .catalogue_size = shop.data.catalogue_size(0),
                                .popularity_slice = 0,
                                .earlier = &earlier};
  EXPECT_EQ(then.held_out_ranks.ranks,
            RankWindows(scorer, shop.data, shop.setup.held_out, of_setup, shop.pool).ranks);
  EXPECT_EQ(then.in_sample_ranks.ranks,
            RankWindows(scorer, shop.data, shop.setup.training, of_setup, shop.pool).ranks);
  // Were T asked before the counting, it would see less.
  prior->end_seconds = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(Evaluate(scorer, shop.data, request, shop.pool).test_ranks.ranks, now.test_ranks.ranks);
}

TEST(EvaluateTest, CellsAndMarginsAddUp) {
  const EvaluationReport report = Report();
  std::int64_t all = 0;
  for (int u = 0; u < 2; ++u) {
    std::int64_t of_user = 0;
    for (int t = 0; t < 3; ++t) of_user += report.cells[u][t].windows;
    EXPECT_EQ(of_user, report.by_user[u].windows);
    all += of_user;
  }
  EXPECT_EQ(all, report.test.windows);
  double hits = 0;
  for (int t = 0; t < 3; ++t) {
    EXPECT_EQ(report.cells[0][t].windows + report.cells[1][t].windows, report.by_target[t].windows);
    hits += report.by_target[t].window_mean.recall[1] *
            static_cast<double>(report.by_target[t].windows);
  }
  EXPECT_NEAR(hits, report.test.window_mean.recall[1] * static_cast<double>(report.test.windows),
              1e-6);
  EXPECT_EQ(report.by_target[2].window_mean.mrr, 0);
}

TEST(EvaluateTest, TheCellsAreCountedAsTheirNamesSay) {
  const auto& shop = TinyShop();
  const EvaluationReport report = Report();
  std::set<UserId> known;
  for (const WindowSet* set :
       {&shop.setup.training, &shop.setup.validation, &shop.setup.held_out}) {
    for (const Window& window : set->windows) known.insert(window.user);
  }
  std::int64_t returning = 0;
  std::int64_t seen = 0;
  std::int64_t outside = 0;
  for (const Window& window : MakeWindows(shop.data, 2, shop.windows).windows) {
    const std::int64_t item = Index(shop.data.items()[window.target]);
    returning += known.contains(window.user);
    seen += item < shop.data.catalogue_size(0);
    outside += item >= shop.data.catalogue_size(1);
  }
  EXPECT_EQ(report.by_user[0].windows, returning);
  EXPECT_EQ(report.by_target[0].windows, seen);
  EXPECT_EQ(report.by_target[2].windows, outside);
}

TEST(EvaluateTest, RegionsCoverTheTestWindows) {
  const EvaluationReport report = Report();
  std::int64_t windows = report.empty_contexts;
  std::int64_t held_out = 0;
  for (const RegionEvaluation& region : report.regions) {
    windows += region.test.windows;
    held_out += region.held_out.windows;
  }
  EXPECT_EQ(windows, report.test.windows);
  EXPECT_EQ(held_out, report.held_out.windows);
}

TEST(EvaluateTest, JsonHasThePartsScriptsRead) {
  const auto json = ToJson(Report());
  for (const char* part : {"S_in_sample", "S_held_out", "T", "T_returning", "T_new_users",
                           "T_seen_items", "T_new_items", "T_outside"}) {
    ASSERT_TRUE(json.contains(part)) << part;
    for (const char* key : {"windows", "users", "recall@5", "recall@10", "recall@20", "ndcg@5",
                            "ndcg@10", "ndcg@20", "mrr", "user_mean"}) {
      EXPECT_TRUE(json[part].contains(key)) << part << " " << key;
    }
  }
  EXPECT_EQ(json["T_cross"].size(), 6u);
  EXPECT_TRUE(json["regions"].is_array());
}

TEST(EvaluateTest, NoWindowHasNoMean) {
  const auto json = ToJson(RankSummary());
  EXPECT_EQ(json["windows"], 0);
  EXPECT_TRUE(json["recall@10"].is_null());
}

// Knows the same score for everything: every rank is the catalogue's size.
class Indifferent final : public Scorer {
 public:
  void Score(const WindowBatch&, std::int64_t, std::span<float> scores_BN) const override {
    std::fill(scores_BN.begin(), scores_BN.end(), 0.5f);
  }
};

TEST(EvaluateTest, TiesCountAgainstTheTarget) {
  auto& shop = TinyShop();
  const RankedSet ranked = RankWindows(Indifferent(), shop.data, shop.setup.held_out,
                                       {.context = 5, .catalogue_size = 40}, shop.pool);
  for (std::size_t i = 0; i < ranked.ranks.size(); ++i) {
    const std::int64_t item = Index(shop.data.items()[shop.setup.held_out.windows[i].target]);
    if (ranked.ranks[i] != kMissedRank) {
      EXPECT_EQ(ranked.ranks[i], 40);
    }
    EXPECT_EQ(ranked.ranks[i] == kMissedRank, item >= 40);
  }
}

TEST(EvaluateTest, AContextOfUnknownItemsIsRankedByPopularity) {
  auto& shop = TinyShop();
  // A catalogue of two items: most contexts hold neither.
  const std::int64_t catalogue = 2;
  std::int64_t counts[2] = {0, 0};
  for (std::int32_t user = 0; user < shop.data.num_users(); ++user) {
    const EventRange range = shop.data.SliceEvents(UserId{user}, 1);
    for (std::int64_t row = range.begin; row < range.end; ++row) {
      const std::int32_t item = Index(shop.data.items()[row]);
      if (item < catalogue) ++counts[item];
    }
  }
  const RankSetRequest request{
      .context = 5, .catalogue_size = catalogue, .seen = SeenItems::kRanked, .popularity_slice = 1};
  const WindowSet& set = shop.new_windows;
  const RankedSet ranked = RankWindows(Indifferent(), shop.data, set, request, shop.pool);
  std::int64_t empty = 0;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    std::vector<ItemId> items;
    std::vector<Timestamp> times;
    if (AppendContext(shop.data, set.windows[i], 5, catalogue, items, times) > 0) continue;
    ++empty;
    const std::int32_t target = Index(shop.data.items()[set.windows[i].target]);
    if (target >= catalogue) {
      EXPECT_EQ(ranked.ranks[i], kMissedRank);
    } else {
      EXPECT_EQ(ranked.ranks[i], counts[target] <= counts[1 - target] ? 2 : 1);
    }
  }
  EXPECT_GT(empty, 0);
  EXPECT_EQ(ranked.empty_contexts, empty);
}

TEST(EvaluateTest, ASliceThatIsNotThereIsRefused) {
  auto& shop = TinyShop();
  EvaluationRequest request = Request();
  request.test_slice = 3;
  EXPECT_THROW(Evaluate(Indifferent(), shop.data, request, shop.pool), Error);
}

}  // namespace
}  // namespace raie
