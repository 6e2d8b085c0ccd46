#include "methods/popularity_prior.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/random.h"
#include "methods/budget.h"
#include "methods/group_trainer.h"
#include "methods/popularity.h"
#include "methods/rank_windows.h"
#include "methods/shop_fixture.h"
#include "methods/snapshot_scorer.h"
#include "raie/error.h"
#include "training/metrics.h"

namespace raie {
namespace {

using testing::Shop;
using testing::TinyShop;

std::shared_ptr<const PopularityPrior> PriorOf(double weight, std::vector<float> counts_N) {
  return std::make_shared<const PopularityPrior>(
      PopularityPrior{.weight = weight, .half_life_seconds = 1e5, .counts_N = std::move(counts_N)});
}

WindowBatch OneContext() {
  WindowBatch contexts;
  contexts.items = {ItemId{0}};
  contexts.offsets = {0, 1};
  contexts.times = {Timestamp{0}};
  contexts.users = {UserId{0}};
  contexts.row_keys = {0};
  return contexts;
}

TEST(PopularityPriorTest, ScoresGetTheWeightTimesTheLogOfOnePlusTheCount) {
  const auto scorer = WithPrior(MakeConstantScorer({1, 2, 3, 4}), PriorOf(0.5, {7, 0, 1.5}));
  std::vector<float> scores(4);
  scorer->Score(OneContext(), 4, scores);
  EXPECT_NEAR(scores[0], 1 + 0.5 * std::log(8.0), 1e-6);  // 2.0397
  EXPECT_EQ(scores[1], 2);                                // never taken
  EXPECT_NEAR(scores[2], 3 + 0.5 * std::log(2.5), 1e-6);  // 3.4581
  EXPECT_EQ(scores[3], 4);                                // came after the counting
  TaskPool pool(1);
  const std::vector<ItemId> targets = {ItemId{0}};
  EXPECT_EQ(scorer->Ranks(OneContext(), {.targets = targets, .catalogue_size = 4}, pool).ranks[0],
            3);  // without the prior it is the last of four
  const auto best = scorer->TopK(OneContext(), {.k = 2, .catalogue_size = 3, .excluded = {}}, pool);
  EXPECT_EQ(best[0][0].item, ItemId{2});
  EXPECT_EQ(best[0][1].item, ItemId{0});
}

TEST(PopularityPriorTest, WithoutOneTheScorerIsTheSame) {
  auto scorer = MakeConstantScorer({1, 2});
  const Scorer* before = scorer.get();
  EXPECT_EQ(WithPrior(std::move(scorer), nullptr).get(), before);
}

TEST(PopularityPriorTest, RanksWithManyBiasesAreThoseOfOneAfterTheOther) {
  Shop& shop = TinyShop();
  const std::int64_t items = shop.data.catalogue_size(1);
  RandomStream random(5, 0);
  std::vector<std::vector<float>> biases(3, std::vector<float>(items));
  std::vector<std::shared_ptr<const PopularityPrior>> priors;
  for (auto& bias : biases) {
    std::vector<float> counts(items);
    for (float& count : counts) count = static_cast<float>(random.Below(40));
    priors.push_back(PriorOf(random.Uniform(), counts));
    bias = BiasOf(*priors.back(), items);
  }
  const auto read = testing::FirstContexts(shop.new_windows, 100);
  const MaskedItems masked = MaskContexts(read.contexts);
  const RankRequest request{.targets = read.targets, .catalogue_size = items, .masked = &masked};
  const auto snapshot = std::make_shared<const Snapshot>(WithCatalogue(shop.snapshot, items, 7));
  const auto ranks =
      RanksWithBiases(SnapshotScorer(snapshot), read.contexts, request, biases, shop.pool);
  ASSERT_EQ(ranks.size(), 3u);
  EXPECT_NE(ranks[0], ranks[1]);
  for (std::size_t b = 0; b < 3; ++b) {
    const auto one = WithPrior(std::make_unique<SnapshotScorer>(snapshot), priors[b]);
    EXPECT_EQ(ranks[b], one->Ranks(read.contexts, request, shop.pool).ranks);
    // A snapshot that carries the prior answers with the very same bits.
    Snapshot carrying = *snapshot;
    carrying.prior = priors[b];
    const SnapshotScorer native(std::make_shared<const Snapshot>(carrying));
    EXPECT_EQ(ranks[b], native.Ranks(read.contexts, request, shop.pool).ranks);
    EXPECT_EQ(testing::ScoresOf(native, read, items), testing::ScoresOf(*one, read, items));
  }
}

TEST(PopularityPriorTest, CountsAreOfAllSlicesSoFarAndNothingLater) {
  const Shop& shop = TinyShop();
  const PreparedData& data = shop.data;
  const auto prior =
      CountPrior(data, shop.slice(), {.weight = 0.3, .half_life_seconds = 86400.0 * 20});
  std::int64_t end = 0;
  for (std::int64_t row = 0; row < std::ssize(data.items()); ++row) {
    const std::int64_t time = Seconds(data.times()[row]);
    if (time < Seconds(data.cuts()[1])) end = std::max(end, time + 1);
  }
  EXPECT_EQ(prior.end_seconds, end);
  EXPECT_EQ(prior.weight, 0.3);
  ASSERT_EQ(std::ssize(prior.counts_N), data.catalogue_size(1));
  std::vector<double> counts(data.num_items());
  for (std::int64_t row = 0; row < std::ssize(data.items()); ++row) {
    const std::int64_t time = Seconds(data.times()[row]);
    if (time >= end || std::ranges::count(shop.setup.removed_events, row) > 0) continue;
    counts[Index(data.items()[row])] +=
        std::pow(0.5, static_cast<double>(end - time) / (86400.0 * 20));
  }
  for (std::size_t i = 0; i < prior.counts_N.size(); ++i) {
    EXPECT_NEAR(prior.counts_N[i], counts[i], 1e-4 * (1 + counts[i]));
  }
}

// METHOD section 4: counts go up to the request, and in T up to the end of F.
TEST(PopularityPriorTest, EarlierRequestsSeeWhatWasPopularThen) {
  Shop& shop = TinyShop();
  const PreparedData& data = shop.data;
  const double half_life = 86400.0 * 20;
  const auto prior = std::make_shared<const PopularityPrior>(
      CountPrior(data, shop.slice(), {.weight = 0.7, .half_life_seconds = half_life}));
  const auto snapshot =
      std::make_shared<const Snapshot>(WithCatalogue(shop.snapshot, data.catalogue_size(1), 7));
  const auto scorer = WithPrior(std::make_unique<SnapshotScorer>(snapshot), prior);
  const EarlierRequests earlier(data, *prior, 0, shop.setup.removed_events);
  RankSetRequest request{.context = shop.windows.context, .catalogue_size = data.catalogue_size(0)};
  const RankedSet later = RankWindows(*scorer, data, shop.setup.held_out, request, shop.pool);
  request.earlier = &earlier;
  const RankedSet ranked = RankWindows(*scorer, data, shop.setup.held_out, request, shop.pool);
  const auto top =
      TopOfWindows(*scorer, data, shop.setup.held_out, request, request.catalogue_size, shop.pool);
  EXPECT_NE(ranked.ranks, later.ranks);

  std::int64_t differ = 0;
  const auto body = [&](const ReadWindows& read) {
    const auto scores = testing::ScoresOf(SnapshotScorer(snapshot), read, request.catalogue_size);
    for (std::size_t row = 0; row < read.windows.size(); ++row) {
      const Window& window = shop.setup.held_out.windows[read.windows[row]];
      const std::int64_t moment = Seconds(data.times()[window.target]);
      std::vector<double> counts(request.catalogue_size);
      for (std::int64_t event = 0; event < std::ssize(data.items()); ++event) {
        const std::int64_t time = Seconds(data.times()[event]);
        const std::int64_t item = Index(data.items()[event]);
        if (time >= moment || item >= request.catalogue_size) continue;
        if (std::ranges::binary_search(shop.setup.removed_events, event)) continue;
        counts[item] += std::exp2(-static_cast<double>(moment - time) / half_life);
      }
      const auto of = [&](std::int64_t i) {
        return scores[row * request.catalogue_size + i] + 0.7 * std::log1p(counts[i]);
      };
      std::int64_t rank = 0;
      for (std::int64_t i = 0; i < request.catalogue_size; ++i) {
        rank += of(i) >= of(Index(read.targets[row]));
      }
      differ += rank != ranked.ranks[read.windows[row]];
      // The best items are those of the same scores.
      const ItemId* list = &top[read.windows[row] * request.catalogue_size];
      differ += list[ranked.ranks[read.windows[row]] - 1] != read.targets[row];
    }
  };
  ForEachChunk(data, shop.setup.held_out, {request.context, request.catalogue_size, PassWatch()},
               body);
  EXPECT_EQ(differ, 0);

  // Requests after the counting are answered as ever.
  request.catalogue_size = data.catalogue_size(1);
  const WindowSet test = MakeWindows(data, 2, shop.windows);
  const RankedSet now = RankWindows(*scorer, data, test, request, shop.pool);
  request.earlier = nullptr;
  EXPECT_EQ(now.ranks, RankWindows(*scorer, data, test, request, shop.pool).ranks);
}

// The tiny shop with other items after a moment of F: `replace` gives the item of an event.
struct ChangedShop {
  template <class Replace>
  ChangedShop(const char* name, const Replace& replace) : data(Make(name, replace)) {
    const Shop& shop = TinyShop();
    setup = MakeSetupWindows(data, 0, shop.windows);
    new_windows = MakeWindows(data, 1, shop.windows);
  }

  template <class Replace>
  static PreparedData Make(const char* name, const Replace& replace) {
    Shop& shop = TinyShop();
    InteractionLog log = shop.simulation.log;
    for (std::size_t i = 0; i < log.items.size(); ++i) {
      log.items[i] = replace(log, i);
    }
    PreparedData data = shop.Prepare(log, name);
    EXPECT_EQ(data.lineage()[0], shop.data.lineage()[0]);  // the fitted model is still its own
    return data;
  }

  AdaptSlice slice() const {
    AdaptSlice slice = TinyShop().slice();
    slice.windows = &new_windows;
    slice.memory = &setup.training;
    slice.reference = &setup.held_out;
    slice.catalogue_size = data.catalogue_size(1);
    return slice;
  }

  AdaptReport Learn(Method& method) const {
    method.Prepare(TinyShop().snapshot, setup.training);
    return method.Adapt(slice());
  }

  double TestNdcg(const Method& method) const {
    Shop& shop = TinyShop();
    const WindowSet test = MakeWindows(data, 2, shop.windows);
    const RankedSet ranked = RankWindows(*method.MakeScorer(), data, test,
                                         {.context = shop.windows.context,
                                          .catalogue_size = data.catalogue_size(1),
                                          .popularity_slice = 1},
                                         shop.pool);
    return Summarise(ranked.ranks, ranked.users).window_mean.ndcg[1];
  }

  PreparedData data;
  SetupWindows setup;
  WindowSet new_windows;
};

// Where the last tenth of the shop's F begins, and some time before that.
std::int64_t TimeInF(double share) {
  const Shop& shop = TinyShop();
  const auto from = Seconds(shop.data.cuts()[0]);
  return from + static_cast<std::int64_t>(share *
                                          static_cast<double>(Seconds(shop.data.cuts()[1]) - from));
}

// Items of the log by how often S has them, the rarest first.
std::vector<ItemId> RarestItems(std::int64_t count) {
  const Shop& shop = TinyShop();
  const InteractionLog& log = shop.simulation.log;
  std::map<ItemId, std::int64_t> counts;
  for (std::size_t i = 0; i < log.items.size(); ++i) {
    if (log.times[i] < shop.data.cuts()[0]) ++counts[log.items[i]];
  }
  std::vector<ItemId> items;
  for (const auto& [item, events] : counts) {
    if (events >= 3) items.push_back(item);
  }
  std::ranges::stable_sort(items, {}, [&](ItemId item) { return counts[item]; });
  items.resize(std::min<std::size_t>(items.size(), count));
  return items;
}

// A season: from the middle of F on every second event is of one of four items that were rare.
ItemId ItemOfSeason(const InteractionLog& log, std::size_t i) {
  static const auto season = RarestItems(4);
  const bool changes = Seconds(log.times[i]) >= TimeInF(0.5) && i % 2 == 0;
  return changes ? season[i / 2 % season.size()] : log.items[i];
}

const ChangedShop& SeasonalShop() {
  static const ChangedShop shop("seasonal", ItemOfSeason);
  return shop;
}

// What was popular is over: from F's validation part on only rare items are taken, all alike.
const ChangedShop& FickleShop() {
  static const ChangedShop shop("fickle", [](const InteractionLog& log, std::size_t i) {
    static const auto rare = RarestItems(30);
    static const std::int64_t border =
        Seconds(SplitInTime(TinyShop().data, 1, TinyShop().new_windows, 0.1).border);
    return Seconds(log.times[i]) >= border ? rare[i % rare.size()] : log.items[i];
  });
  return shop;
}

AdaptOptions PriorOn(AdaptOptions options = Shop::Options()) {
  options.popularity_prior.use = PriorUse::kOn;
  return options;
}

RunContext ContextFor(const ChangedShop& shop) {
  return TinyShop().context(shop.data, TinyShop().pool);
}

TEST(PopularityPriorTest, ASeasonIsSeenAndHelpsEveryMethod) {
  const ChangedShop& shop = SeasonalShop();
  for (const char* name : {"frozen", "lora", "lsat", "raie", "random_regions"}) {
    SCOPED_TRACE(name);
    const auto without = MakeMethod(name, ContextFor(shop), Shop::Options());
    shop.Learn(*without);
    const auto with = MakeMethod(name, ContextFor(shop), PriorOn());
    const AdaptReport report = shop.Learn(*with);
    ASSERT_TRUE(report.prior.has_value());
    EXPECT_GT(report.prior->chosen.weight, 0);
    EXPECT_GT(report.prior->chosen.validation_ndcg10,
              report.prior->candidates[0].validation_ndcg10);
    EXPECT_GT(shop.TestNdcg(*with), shop.TestNdcg(*without) + 0.02);
  }
}

TEST(PopularityPriorTest, WhereItMisleadsNoneIsUsed) {
  const ChangedShop& shop = FickleShop();
  for (const char* name : {"frozen", "lora", "raie"}) {
    SCOPED_TRACE(name);
    const auto without = MakeMethod(name, ContextFor(shop), Shop::Options());
    shop.Learn(*without);
    const auto with = MakeMethod(name, ContextFor(shop), PriorOn());
    const AdaptReport report = shop.Learn(*with);
    ASSERT_TRUE(report.prior.has_value());
    EXPECT_EQ(report.prior->chosen.weight, 0);
    EXPECT_EQ(with->snapshot()->prior, nullptr);
    EXPECT_EQ(shop.TestNdcg(*with), shop.TestNdcg(*without));  // as if it were off
  }
}

TEST(PopularityPriorTest, WhatComesLaterChangesNothing) {
  const ChangedShop later("later", [](const InteractionLog& log, std::size_t i) {
    const bool of_test = log.times[i] >= TinyShop().data.cuts()[1];
    return of_test ? log.items[(i * 7 + 3) % (log.items.size() / 4)] : ItemOfSeason(log, i);
  });
  ASSERT_NE(later.data.digest(), SeasonalShop().data.digest());
  ASSERT_EQ(later.data.lineage()[1], SeasonalShop().data.lineage()[1]);
  std::vector<std::vector<float>> scores;
  std::vector<PriorChoice> choices;
  for (const ChangedShop* shop : {&SeasonalShop(), &later}) {
    const auto method = MakeMethod("lora", ContextFor(*shop), PriorOn());
    choices.push_back(*shop->Learn(*method).prior);
    scores.push_back(testing::ScoresOf(*method->MakeScorer(),
                                       testing::FirstContexts(TinyShop().new_windows, 20),
                                       shop->data.catalogue_size(1)));
  }
  EXPECT_GT(choices[0].chosen.weight, 0);
  for (std::size_t i = 0; i < choices[0].candidates.size(); ++i) {
    EXPECT_EQ(choices[0].candidates[i].half_life_seconds,
              choices[1].candidates[i].half_life_seconds);
    EXPECT_EQ(choices[0].candidates[i].validation_ndcg10,
              choices[1].candidates[i].validation_ndcg10);
  }
  EXPECT_EQ(scores[0], scores[1]);
}

TEST(PopularityPriorTest, EveryCandidateIsJudgedAsItWouldAnswerAtTheBorder) {
  const ChangedShop& shop = SeasonalShop();
  AdaptOptions options = PriorOn();
  options.popularity_prior.weights = {0.3, 1};
  options.popularity_prior.half_lives = {0.1, 2};
  RunContext context = ContextFor(shop);
  std::vector<double> slowly;
  context.on_tuned = [&](const TunedState& state) {
    const std::int64_t border = Seconds(state.split.border);
    const double span = static_cast<double>(border - StartOfSlice(shop.data, 1));
    const std::int64_t items = state.split.early_catalogue;
    std::vector<float> plain(items);
    for (const double weight : {0.0, 0.3, 1.0}) {
      for (const double share : {0.1, 2.0}) {
        std::vector<double> counts(items);
        for (std::int64_t row = 0; row < std::ssize(shop.data.items()); ++row) {
          const std::int64_t time = Seconds(shop.data.times()[row]);
          if (time >= border || std::ranges::count(shop.setup.removed_events, row) > 0) continue;
          counts[Index(shop.data.items()[row])] +=
              std::exp2(-static_cast<double>(border - time) / (share * span));
        }
        std::vector<std::int64_t> ranks;
        std::vector<UserId> users;
        const auto body = [&](const ReadWindows& read) {
          const auto scores = testing::ScoresOf(state.scorer, read, items);
          for (std::size_t row = 0; row < read.targets.size(); ++row) {
            const auto of = [&](std::int64_t i) {
              const auto count = static_cast<float>(counts[i]);
              return scores[row * items + i] + static_cast<float>(weight * std::log1p(count));
            };
            const std::int64_t target = Index(read.targets[row]);
            std::int64_t rank = kMissedRank;
            if (target < items) {
              rank = 0;
              for (std::int64_t i = 0; i < items; ++i) rank += of(i) >= of(target);
            }
            ranks.push_back(rank);
            users.push_back(state.split.validation.windows[read.windows[row]].user);
          }
        };
        ForEachChunk(shop.data, state.split.validation, {state.slice.context, items, PassWatch()},
                     body);
        slowly.push_back(Summarise(ranks, users).window_mean.ndcg[1]);
        if (weight == 0) break;
      }
    }
  };
  const auto method = MakeMethod("lora", context, options);
  const AdaptReport report = shop.Learn(*method);
  ASSERT_EQ(slowly.size(), 5u);
  ASSERT_EQ(report.prior->candidates.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(report.prior->candidates[i].validation_ndcg10, slowly[i], 1e-12);
  }
  EXPECT_EQ(report.prior->chosen.validation_ndcg10,
            std::ranges::max(report.prior->candidates, {}, &PriorCandidate::validation_ndcg10)
                .validation_ndcg10);
  // No prior is what the method's own choice of length was judged by.
  EXPECT_EQ(report.prior->candidates[0].weight, 0);
  EXPECT_EQ(
      report.prior->candidates[0].validation_ndcg10,
      std::ranges::max(report.curve, {}, &CheckpointScore::validation_ndcg10).validation_ndcg10);
}

TEST(PopularityPriorTest, ItCostsNoSamplesButWithBudgetOwn) {
  const ChangedShop& shop = SeasonalShop();
  const auto learn = [&](AdaptOptions options, PriorUse use) {
    options.popularity_prior.use = use;
    return shop.Learn(*MakeMethod("lora", ContextFor(shop), options));
  };
  const AdaptReport off = learn(Shop::Options(), PriorUse::kOff);
  const AdaptReport on = learn(Shop::Options(), PriorUse::kOn);
  EXPECT_FALSE(off.prior.has_value());
  EXPECT_EQ(on.training.samples, off.training.samples);
  EXPECT_EQ(on.tuning.samples, off.tuning.samples);
  EXPECT_EQ(on.bytes_kept, off.bytes_kept + 4 * shop.data.catalogue_size(1));
  EXPECT_GT(on.prior->seconds, 0);
  EXPECT_LE(on.prior->seconds, on.seconds);
  AdaptOptions own = Shop::Options();
  own.budget = BudgetKind::kOwn;
  EXPECT_EQ(learn(own, PriorUse::kOff).tuning.samples, 0);
  const AdaptReport extra = learn(own, PriorUse::kOn);
  EXPECT_GT(extra.tuning.samples, 0);
  EXPECT_EQ(extra.training.samples, learn(own, PriorUse::kOff).training.samples);
}

TEST(PopularityPriorTest, NothingToChooseFromIsRefused) {
  AdaptOptions options = PriorOn();
  options.popularity_prior.weights = {};
  EXPECT_THROW(options.Validate(), Error);
  options.popularity_prior.use = PriorUse::kOff;
  EXPECT_NO_THROW(options.Validate());
  options.popularity_prior.weights = {-1};
  EXPECT_THROW(options.Validate(), Error);
}

TEST(PopularityPriorTest, EqualValidationGoesToNoPrior) {
  const ChangedShop& shop = SeasonalShop();
  const AdaptSlice slice = shop.slice();
  const TimeSplit split = SplitInTime(shop.data, 1, shop.new_windows, 0.1);
  // Scores so far apart that no prior changes their order.
  std::vector<float> scores(split.early_catalogue);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = 1000 * static_cast<float>(i);
  const auto scorer = MakeConstantScorer(scores);
  const PriorChoice choice =
      ChoosePrior(ContextFor(shop), {}, {.slice = slice, .split = split, .scorer = *scorer});
  EXPECT_EQ(choice.candidates.size(), 31u);
  for (const PriorCandidate& candidate : choice.candidates) {
    EXPECT_EQ(candidate.validation_ndcg10, choice.candidates[0].validation_ndcg10);
  }
  EXPECT_EQ(choice.chosen.weight, 0);
}

}  // namespace
}  // namespace raie
