#include "service/responder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "methods/shop_fixture.h"
#include "methods/snapshot_scorer.h"

namespace raie {
namespace {

using testing::TinyShop;

std::vector<ContextItem> ContextOf(const ReadWindows& read, std::int64_t row) {
  std::vector<ContextItem> context;
  for (std::int32_t i = read.contexts.offsets[row]; i < read.contexts.offsets[row + 1]; ++i) {
    context.push_back({read.contexts.items[i], read.contexts.times[i]});
  }
  return context;
}

TEST(ResponderTest, AnswersAsTheSnapshotIsEvaluatedWithAndWithoutAPrior) {
  testing::Shop& shop = TinyShop();
  const std::int64_t items = shop.snapshot.catalogue_size;
  PopularityPrior prior{.weight = 0.8, .half_life_seconds = 1, .counts_N = {}};
  for (std::int64_t i = 0; i < items - 3; ++i) {
    prior.counts_N.push_back(static_cast<float>(i * 13 % 29));
  }
  const auto read =
      ReadContexts(shop.data, shop.setup.held_out, std::vector<std::int64_t>{0, 1, 2, 3, 4},
                   shop.windows.context, items);
  std::vector<std::vector<float>> first_scores;
  for (const bool with : {false, true}) {
    auto snapshot = std::make_shared<Snapshot>(shop.snapshot);
    if (with) snapshot->prior = std::make_shared<const PopularityPrior>(prior);
    const Responder responder(snapshot, NamesOf(shop.data, items), shop.windows.context);
    const auto expected = SnapshotScorer(snapshot).TopK(
        read.contexts, {.k = 10, .catalogue_size = items, .excluded = {}}, shop.pool);
    auto& scores = first_scores.emplace_back();
    for (std::int64_t row = 0; row < read.contexts.num_rows(); ++row) {
      const Answer answer = responder.Respond({.context = ContextOf(read, row)});
      ASSERT_EQ(answer.items.size(), 10u);
      for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_EQ(ItemId{answer.items[i].item}, expected[row][i].item);
        EXPECT_NEAR(answer.items[i].score, expected[row][i].score, 1e-4);
      }
      scores.push_back(answer.items[0].score);
    }
  }
  for (std::size_t row = 0; row < first_scores[0].size(); ++row) {
    EXPECT_GT(first_scores[1][row], first_scores[0][row]);  // a count is never below 0
  }
}

TEST(ResponderTest, ALanguageModelAnswersWhoeverAsksAsItIsEvaluated) {
  testing::Shop& shop = TinyShop("causal_lm");
  const std::int64_t items = shop.snapshot.catalogue_size;
  const ItemNames names = NamesOf(shop.data, items);
  const auto read =
      ReadContexts(shop.data, shop.setup.held_out, std::vector<std::int64_t>{0, 1, 2, 3, 4},
                   shop.windows.context, items);
  for (const char* const prompt : {"b{user_id}a{history}c", "ba{history}c"}) {
    SCOPED_TRACE(prompt);
    const bool names_users = std::string_view(prompt).find("user_id") != std::string_view::npos;
    BackboneOptions options = shop.refit.backbone;
    options.causal_lm.prompt = prompt;
    auto evaluated = std::make_shared<Snapshot>(shop.snapshot);
    evaluated->backbone =
        MakeBackbone(options, 1, {.saved = {}, .texts = [&] { return TextsOf(shop.data); }});
    // As a model directory keeps it: without users.
    auto served = std::make_shared<Snapshot>(*evaluated);
    served->backbone = evaluated->backbone->pretrained()->WithTexts(
        {.items = NamesOrIds(names.ids, names.titles), .users = {}});
    const Responder responder(served, names, shop.windows.context);
    const auto expected = SnapshotScorer(evaluated).TopK(
        read.contexts, {.k = 10, .catalogue_size = items, .excluded = {}}, shop.pool);
    int differ = 0;
    for (std::int64_t row = 0; row < read.contexts.num_rows(); ++row) {
      const std::vector<ContextItem> context = ContextOf(read, row);
      const Answer answer = responder.Respond(
          {.context = context, .user = shop.data.user_id(read.contexts.users[row])});
      EXPECT_EQ(answer.read_user, names_users);
      for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_EQ(ItemId{answer.items[i].item}, expected[row][i].item);
        EXPECT_NEAR(answer.items[i].score, expected[row][i].score, 1e-5);
      }
      const Answer unknown = responder.Respond({.context = context});
      EXPECT_FALSE(unknown.read_user);
      differ += unknown.items[0].score != answer.items[0].score;
    }
    EXPECT_EQ(differ, names_users ? read.contexts.num_rows() : 0);
  }
}

}  // namespace
}  // namespace raie
