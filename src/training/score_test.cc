#include "training/score.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "raie/error.h"
#include "training/encode.h"
#include "training/item_table.h"
#include "training/toy_backbone.h"

namespace raie {
namespace {

using testing::RandomRows;
using testing::ToyBackbone;

constexpr std::int64_t kScoreDim = 6;

// A model of three slots (plain; adapter; adapter and own rows) and random contexts.
class Scoring : public ::testing::Test {
 protected:
  explicit Scoring(std::int64_t items = 700)
      : table_(kScoreDim, RandomRows(items + 5, kScoreDim, 4)), items_(items) {
    table_.MakeOwnRows(RegionId{2}, std::vector<std::int32_t>{0, 3, 64, 65, 200, 511, 513, 699});
    for (float& value : table_.OwnRows(RegionId{2})->rows_nD) value *= -1.3f;
    RandomStream random(8, 0);
    for (Adapter& adapter : adapters_) {
      for (float& value : adapter.values()) value = static_cast<float>(0.3 * random.Normal());
    }
    for (int row = 0; row < 150; ++row) {
      const std::uint64_t length = 1 + random.Below(9);
      for (std::uint64_t i = 0; i < length; ++i) {
        contexts_.items.push_back(ItemId{static_cast<std::int32_t>(random.Below(items))});
      }
      contexts_.offsets.push_back(static_cast<std::int32_t>(contexts_.items.size()));
      slots_.push_back(static_cast<std::int32_t>(random.Below(3)));
      targets_.push_back(ItemId{static_cast<std::int32_t>(random.Below(items))});
    }
    targets_[7] = ItemId{static_cast<std::int32_t>(items)};  // in the table, not in the catalogue
    targets_[8] = contexts_.items[contexts_.offsets[8]];     // in its own context
    bias_ = RandomRows(items, 1, 77, 0.2);
  }

  BoundModel Model(TaskPool& pool, bool with_bias = true) const {
    return BoundModel(
        {.backbone = backbone_,
         .slots = {{nullptr, table_.Rows(kNoRegion)},
                   {&adapters_[0], table_.Rows(kNoRegion)},
                   {&adapters_[1], table_.Rows(RegionId{2})}},
         .catalogue_size = items_,
         .bias_N = with_bias ? std::span<const float>(bias_) : std::span<const float>()},
        pool);
  }

  // Scores of one context in double, from its hidden state.
  std::vector<double> SlowScores(std::span<const float> hidden_D, std::int32_t slot) const {
    const ItemRows rows = table_.Rows(slot == 2 ? RegionId{2} : kNoRegion);
    std::vector<double> scores;
    for (std::int32_t j = 0; j < items_; ++j) {
      const auto own = std::find(rows.replaced_items.begin(), rows.replaced_items.end(), j);
      const float* row =
          own == rows.replaced_items.end()
              ? rows.base_ND.data() + j * kScoreDim
              : rows.replaced_rows.data() + (own - rows.replaced_items.begin()) * kScoreDim;
      double sum = bias_[j];
      for (std::int64_t d = 0; d < kScoreDim; ++d) sum += static_cast<double>(hidden_D[d]) * row[d];
      scores.push_back(sum);
    }
    return scores;
  }

  ToyBackbone backbone_{kScoreDim, 0.5f, 1};
  ItemTable table_;
  std::int64_t items_;
  std::vector<Adapter> adapters_ = {
      Adapter::Make(backbone_.linear_maps(), {.rank = 2, .maps = {"q"}}, 5),
      Adapter::Make(backbone_.linear_maps(), {.rank = 2, .maps = {"q"}}, 6)};
  WindowBatch contexts_;
  std::vector<std::int32_t> slots_;
  std::vector<ItemId> targets_;
  std::vector<float> bias_;
};

TEST_F(Scoring, HiddenStatesAreThoseOfOneContextAlone) {
  TaskPool pool(2);
  const BoundModel model = Model(pool);
  const auto hidden = HiddenStates(model, {.rows = contexts_, .slots = slots_}, pool);
  for (std::int64_t row = 0; row < contexts_.num_rows(); row += 13) {
    WindowBatch one;
    one.items.assign(contexts_.items.begin() + contexts_.offsets[row],
                     contexts_.items.begin() + contexts_.offsets[row + 1]);
    one.offsets.push_back(static_cast<std::int32_t>(one.items.size()));
    const std::vector<std::int32_t> slot = {slots_[row]};
    const auto alone = HiddenStates(model, {.rows = one, .slots = slot}, pool);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), hidden.begin() + row * kScoreDim));
  }
}

TEST_F(Scoring, RanksAndLikelihoodEqualTheSlowTwin) {
  TaskPool pool(2);
  const BoundModel model = Model(pool);
  const Contexts contexts{.rows = contexts_, .slots = slots_};
  const auto hidden = HiddenStates(model, contexts, pool);
  const MaskedItems masked = MaskContexts(contexts_);
  const auto free = RankTargets(model, contexts, {.targets = targets_}, pool);
  const auto without = RankTargets(model, contexts, {.targets = targets_, .masked = &masked}, pool);
  const auto nll = TargetNll(model, contexts, targets_, pool);
  for (std::int64_t row = 0; row < contexts_.num_rows(); ++row) {
    if (row == 7) {
      EXPECT_EQ(free[row], kMissedRank);
      EXPECT_EQ(without[row], kMissedRank);
      EXPECT_TRUE(std::isinf(nll[row]));
      continue;
    }
    const auto scores =
        SlowScores(std::span(hidden).subspan(row * kScoreDim, kScoreDim), slots_[row]);
    const std::int32_t target = Index(targets_[row]);
    std::int64_t all = 1, open = 1, close_calls = 0;
    double sum = 0;
    for (std::int32_t j = 0; j < items_; ++j) {
      sum += std::exp(scores[j]);
      if (j == target) continue;
      close_calls += std::abs(scores[j] - scores[target]) < 1e-5;
      const auto row_masked = masked.Row(row);
      all += scores[j] >= scores[target];
      open += scores[j] >= scores[target] &&
              !std::binary_search(row_masked.begin(), row_masked.end(), j);
    }
    EXPECT_LE(std::abs(free[row] - all), close_calls);
    EXPECT_LE(std::abs(without[row] - open), close_calls);
    EXPECT_NEAR(nll[row], std::log(sum) - scores[target], 1e-4);
  }
}

TEST_F(Scoring, EqualScoresCountAgainstTheTarget) {
  TaskPool pool(1);
  const std::vector<float> same(items_ * kScoreDim, 0.5f);
  const BoundModel model({.backbone = backbone_,
                          .slots = {{nullptr, {same, {}, {}}}},
                          .catalogue_size = items_,
                          .bias_N = {}},
                         pool);
  const auto ranks = RankTargets(model, {.rows = contexts_}, {.targets = targets_}, pool);
  for (std::size_t row = 0; row < ranks.size(); ++row) {
    EXPECT_EQ(ranks[row], row == 7 ? kMissedRank : items_);
  }
}

TEST_F(Scoring, TopItemsAreThoseOfAllScores) {
  TaskPool pool(2);
  const BoundModel model = Model(pool);
  const Contexts contexts{.rows = contexts_, .slots = slots_};
  std::vector<float> scores(contexts_.num_rows() * items_);
  ScoreAll(model, contexts, pool, scores);
  const MaskedItems masked = MaskContexts(contexts_);
  const auto best = TopItems(model, contexts, {.k = 5, .masked = &masked}, pool);
  for (std::int64_t row = 0; row < contexts_.num_rows(); ++row) {
    std::vector<std::int32_t> order;
    const auto out = masked.Row(row);
    for (std::int32_t j = 0; j < items_; ++j) {
      if (!std::binary_search(out.begin(), out.end(), j)) order.push_back(j);
    }
    const float* s = scores.data() + row * items_;
    std::sort(order.begin(), order.end(),
              [s](std::int32_t a, std::int32_t b) { return s[a] != s[b] ? s[a] > s[b] : a < b; });
    ASSERT_EQ(best[row].size(), 5u);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(best[row][i].item, order[i]);
      EXPECT_EQ(best[row][i].score, s[order[i]]);
    }
  }
}

using ScoringThreads = Scoring;

TEST_F(ScoringThreads, SameBytesForAnyNumber) {
  std::vector<std::vector<std::int64_t>> ranks;
  std::vector<std::vector<double>> nll;
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    const BoundModel model = Model(pool);
    const Contexts contexts{.rows = contexts_, .slots = slots_};
    ranks.push_back(RankTargets(model, contexts, {.targets = targets_}, pool));
    nll.push_back(TargetNll(model, contexts, targets_, pool));
  }
  EXPECT_EQ(ranks[0], ranks[1]);
  EXPECT_EQ(ranks[0], ranks[2]);
  EXPECT_EQ(nll[0], nll[1]);
  EXPECT_EQ(nll[0], nll[2]);
}

TEST_F(Scoring, RefusesEmptyContextsUnknownSlotsAndBrokenScores) {
  TaskPool pool(1);
  const BoundModel model = Model(pool);
  slots_[3] = 9;
  EXPECT_THROW(HiddenStates(model, {.rows = contexts_, .slots = slots_}, pool), Error);
  slots_[3] = 0;
  bias_[11] = NAN;
  EXPECT_THROW(RankTargets(Model(pool), {.rows = contexts_}, {.targets = targets_}, pool), Error);
  contexts_.offsets.push_back(contexts_.offsets.back());
  slots_.push_back(0);
  EXPECT_THROW(HiddenStates(model, {.rows = contexts_, .slots = slots_}, pool), Error);
}

TEST_F(Scoring, EncodedContextsHaveUnitNormAndNoAdapter) {
  TaskPool pool(2);
  const BoundModel encoder = MakeEncoder(backbone_, table_, pool);
  const auto z = EncodeContexts(encoder, contexts_, pool);
  const auto hidden = HiddenStates(Model(pool), {.rows = contexts_}, pool);
  for (std::int64_t row = 0; row < contexts_.num_rows(); ++row) {
    double squares = 0, length = 0;
    for (std::int64_t d = 0; d < kScoreDim; ++d) {
      squares += z[row * kScoreDim + d] * z[row * kScoreDim + d];
      length += hidden[row * kScoreDim + d] * hidden[row * kScoreDim + d];
    }
    EXPECT_NEAR(squares, 1, 1e-5);
    EXPECT_NEAR(z[row * kScoreDim] * std::sqrt(length), hidden[row * kScoreDim], 1e-5);
  }
  EXPECT_THROW(RankTargets(encoder, {.rows = contexts_}, {.targets = targets_}, pool), Error);
}

TEST(ItemTableTest, GrowsByTheMeanOfTheSourceRows) {
  ItemTable table(4, RandomRows(3000, 4, 1));
  const std::vector<float> before(table.base_ND().begin(), table.base_ND().end());
  ItemTable larger = table;
  table.Grow(5000, 2000, 9);
  larger.Grow(6000, 2000, 9);
  EXPECT_EQ(table.num_items(), 5000);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), table.base_ND().begin()));
  EXPECT_TRUE(std::equal(table.base_ND().begin(), table.base_ND().end(), larger.base_ND().begin()));
  for (std::int64_t d = 0; d < 4; ++d) {
    double mean = 0, grown = 0, square = 0;
    for (std::int64_t i = 0; i < 2000; ++i) mean += before[i * 4 + d] / 2000.0;
    for (std::int64_t i = 3000; i < 5000; ++i) grown += table.base_ND()[i * 4 + d] / 2000.0;
    for (std::int64_t i = 3000; i < 5000; ++i) {
      square += std::pow(table.base_ND()[i * 4 + d] - grown, 2) / 2000.0;
    }
    EXPECT_NEAR(grown, mean, 0.01);
    EXPECT_NEAR(std::sqrt(square), 0.1, 0.01);  // the source rows have deviation 1
  }
  EXPECT_THROW(table.Grow(7000, 0, 1), Error);
  table.Grow(10, 2000, 1);
  EXPECT_EQ(table.num_items(), 5000);
}

TEST(ItemTableTest, OwnRowsBeginAsWhatTheRegionReads) {
  ItemTable table(2, {0, 1, 2, 3, 4, 5});
  const std::vector<std::int32_t> first = {1};
  table.MakeOwnRows(RegionId{4}, first).rows_nD = {9, 9};
  const std::vector<std::int32_t> more = {0, 1};
  EXPECT_EQ(table.MakeOwnRows(RegionId{4}, more).rows_nD, (std::vector<float>{0, 1, 9, 9}));
  EXPECT_TRUE(table.Rows(RegionId{5}).replaced_items.empty());
  EXPECT_EQ(table.Rows(RegionId{4}).replaced_items.size(), 2u);
  EXPECT_THROW(table.SetOwnRows(RegionId{1}, {{2, 1}, {0, 0, 0, 0}}), Error);
  EXPECT_THROW(table.SetOwnRows(RegionId{1}, {{3}, {0, 0}}), Error);
  EXPECT_THROW(table.SetOwnRows(RegionId{1}, {{2}, {0}}), Error);
  EXPECT_THROW(ItemTable(2, {1, 2, 3}), Error);
}

}  // namespace
}  // namespace raie
