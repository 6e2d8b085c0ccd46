// What every method must do, whatever it is made of. One entry of the registry = one more subject.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "methods/rank_windows.h"
#include "methods/registry.h"
#include "methods/shop_fixture.h"
#include "raie/error.h"

namespace raie {
namespace {

using testing::Shop;
using testing::TinyShop;

// A method, and whether it answers with a popularity prior.
struct MethodSubject {
  const MethodInfo* method;
  PriorUse prior;
};

AdaptOptions ContractOptions(PriorUse prior) {
  AdaptOptions options = Shop::Options(EditorPreset::kPaper);
  options.popularity_prior.use = prior;
  options.item_rows = ItemRowsKind::kShared;
  options.checkpoints = 2;
  return options;
}

// Without a tuning pass: quicker where choices are not the point.
AdaptOptions QuickOptions(PriorUse prior) {
  AdaptOptions options = ContractOptions(prior);
  options.budget = BudgetKind::kOwn;
  return options;
}

struct Learnt {
  std::unique_ptr<Method> method;
  AdaptReport report;
};

Learnt Learn(const char* name, const AdaptOptions& options, TaskPool& pool, int times = 1) {
  Shop& shop = TinyShop();
  const RunContext context = shop.context(shop.data, pool);
  Learnt run{.method = MakeMethod(name, context, options), .report = {}};
  run.method->Prepare(shop.snapshot, shop.setup.training);
  for (int i = 0; i < times; ++i) run.report = run.method->Adapt(shop.slice());
  return run;
}

std::vector<std::int64_t> RanksOf(const Method& method, const WindowSet& windows, TaskPool& pool) {
  Shop& shop = TinyShop();
  return RankWindows(*method.MakeScorer(), shop.data, windows,
                     {.context = shop.windows.context,
                      .catalogue_size = shop.data.catalogue_size(1),
                      .seen = SeenItems::kRanked,
                      .popularity_slice = -1},
                     pool)
      .ranks;
}

std::vector<float> ScoresOf(const Method& method) {
  return testing::ScoresOf(*method.MakeScorer(), testing::FirstContexts(TinyShop().new_windows, 64),
                           TinyShop().data.catalogue_size(1));
}

class MethodContract : public ::testing::TestWithParam<MethodSubject> {
 protected:
  const char* name() const { return GetParam().method->name; }
  AdaptOptions ContractOptions() const { return raie::ContractOptions(GetParam().prior); }
  AdaptOptions QuickOptions() const { return raie::QuickOptions(GetParam().prior); }
};

TEST_P(MethodContract, SaysWhatItIs) {
  Shop& shop = TinyShop();
  EXPECT_EQ(MakeMethod(name(), shop.context(), ContractOptions())->name(), name());
  EXPECT_GT(std::string(GetParam().method->summary).size(), 10u);
  EXPECT_FALSE(std::string(GetParam().method->source).empty());
}

TEST_P(MethodContract, TheSameSeedGivesTheSameBytesAndScoresAreFinite) {
  Shop& shop = TinyShop();
  const auto first = ScoresOf(*Learn(name(), QuickOptions(), shop.pool).method);
  EXPECT_EQ(ScoresOf(*Learn(name(), QuickOptions(), shop.pool).method), first);
  EXPECT_TRUE(std::ranges::all_of(first, [](float score) { return std::isfinite(score); }));
}

TEST_P(MethodContract, TheBudgetIsNeverExceeded) {
  Shop& shop = TinyShop();
  const Learnt run = Learn(name(), ContractOptions(), shop.pool);
  const auto maximum =
      std::llround(static_cast<double>(shop.new_windows.size()) / (1 - kBudgetRho));
  if (std::string(name()) != "full_retrain") {  // METHOD section 2: it is apart
    EXPECT_LE(run.report.training.samples, maximum);
    EXPECT_LE(run.report.maximum_samples, maximum);
    // A share of the maximum, and at most one batch more.
    EXPECT_LT(run.report.training.samples,
              run.report.chosen_share * static_cast<double>(maximum) + 64 + 1);
  }
  EXPECT_GE(run.report.bytes_kept, 0);
  EXPECT_GE(run.report.seconds, 0);
}

TEST_P(MethodContract, OnlyWhatMayMoveMoves) {
  Shop& shop = TinyShop();
  const auto parameters = shop.snapshot.backbone->parameters();
  const std::vector<float> before(parameters.begin(), parameters.end());
  const auto rows = shop.snapshot.items->base_ND();
  const std::vector<float> rows_before(rows.begin(), rows.end());
  for (const ItemRowsKind kind : {ItemRowsKind::kFrozen, ItemRowsKind::kShared}) {
    AdaptOptions options = QuickOptions();
    options.item_rows = kind;
    const Learnt run = Learn(name(), options, shop.pool);
    EXPECT_TRUE(std::ranges::equal(parameters, before));
    EXPECT_TRUE(std::ranges::equal(shop.snapshot.items->base_ND(), rows_before));
    const Snapshot* snapshot = run.method->snapshot();
    if (snapshot == nullptr) continue;
    EXPECT_EQ(snapshot->catalogue_size, shop.data.catalogue_size(1));
    if (std::string(name()) == "full_retrain") continue;  // everything is its own
    EXPECT_EQ(snapshot->backbone, shop.snapshot.backbone);
    const auto moved = testing::MovedRows(*snapshot->items, *snapshot->routing_items);
    std::set<std::int64_t> targets;
    for (const Window& window : shop.new_windows.windows) {
      targets.insert(Index(shop.data.items()[window.target]));
    }
    EXPECT_TRUE(std::ranges::includes(targets, moved));
    EXPECT_TRUE(kind != ItemRowsKind::kFrozen || moved.empty());
  }
}

TEST_P(MethodContract, LearnsFromOneSliceAfterTheOther) {
  Shop& shop = TinyShop();
  const Learnt run = Learn(name(), QuickOptions(), shop.pool, 2);
  const auto scores = ScoresOf(*run.method);
  EXPECT_TRUE(std::ranges::all_of(scores, [](float score) { return std::isfinite(score); }));
  EXPECT_TRUE(run.method->snapshot() == nullptr || run.method->snapshot()->version == 2);
}

// Protocol paper ranks items that no loss may see.
TEST_P(MethodContract, ItemsOutsideTheLossAreRankedAndTeachNothing) {
  Shop& shop = TinyShop();
  const std::int64_t known = shop.data.catalogue_size(1);
  std::vector<std::vector<float>> scores;
  for (const std::int64_t more : {0, 5}) {
    const auto method = MakeMethod(name(), shop.context(), QuickOptions());
    method->Prepare(shop.snapshot, shop.setup.training);
    AdaptSlice slice = shop.slice();
    slice.loss_catalogue = known;
    slice.catalogue_size = known + more;
    method->Adapt(slice);
    scores.push_back(ScoresOf(*method));
    if (method->snapshot() == nullptr) continue;
    EXPECT_EQ(method->snapshot()->catalogue_size, known + more);
    EXPECT_GE(method->snapshot()->items->num_items(), known + more);
  }
  EXPECT_EQ(scores[0], scores[1]);
}

TEST_P(MethodContract, TheTuningPassAloneIsEnoughToJudge) {
  Shop& shop = TinyShop();
  const auto method = MakeMethod(name(), shop.context(), ContractOptions());
  method->Prepare(shop.snapshot, shop.setup.training);
  AdaptSlice slice = shop.slice();
  slice.passes = AdaptPasses::kTuningOnly;
  const AdaptReport judged = method->Adapt(slice);
  EXPECT_EQ(judged.training.samples, 0);
  const AdaptReport whole = Learn(name(), ContractOptions(), shop.pool).report;
  ASSERT_EQ(judged.curve.size(), whole.curve.size());
  for (std::size_t i = 0; i < whole.curve.size(); ++i) {
    EXPECT_EQ(judged.curve[i].validation_ndcg10, whole.curve[i].validation_ndcg10);
  }
  ASSERT_EQ(judged.prior.has_value(), GetParam().prior == PriorUse::kOn);
  ASSERT_EQ(whole.prior.has_value(), judged.prior.has_value());
  if (judged.prior.has_value()) {
    EXPECT_EQ(judged.prior->chosen.weight, whole.prior->chosen.weight);
    EXPECT_EQ(judged.prior->chosen.validation_ndcg10, whole.prior->chosen.validation_ndcg10);
  }
}

TEST_P(MethodContract, ShowsTheStateItTunedOnceForEverySlice) {
  Shop& shop = TinyShop();
  for (const AdaptOptions& options : {ContractOptions(), QuickOptions()}) {
    int shown = 0;
    RunContext context = shop.context();
    context.on_tuned = [&](const TunedState& state) {
      ++shown;
      EXPECT_EQ(state.slice.slice, 1);
      EXPECT_GT(state.split.validation.size(), 0);
      const auto read =
          ReadContexts(shop.data, state.split.validation, std::vector<std::int64_t>{0},
                       shop.windows.context, state.split.early_catalogue);
      const auto scores = testing::ScoresOf(state.scorer, read, state.split.early_catalogue);
      EXPECT_TRUE(std::ranges::all_of(scores, [](float score) { return std::isfinite(score); }));
    };
    const auto method = MakeMethod(name(), context, options);
    method->Prepare(shop.snapshot, shop.setup.training);
    EXPECT_EQ(shown, 0);
    method->Adapt(shop.slice());
    EXPECT_EQ(shown, 1);
    AdaptSlice judged = shop.slice();
    judged.passes = AdaptPasses::kTuningOnly;
    method->Adapt(judged);
    EXPECT_EQ(shown, 2);
  }
}

// A popularity prior sees scores alone, whose ever they are: with it, one backbone is enough.
TEST_P(MethodContract, LearnsOnEveryBackbone) {
  for (const BackboneInfo& backbone : Backbones()) {
    if (GetParam().prior == PriorUse::kOn && std::string(backbone.name) != "sasrec") continue;
    SCOPED_TRACE(backbone.name);
    Shop& shop = TinyShop(backbone.name);
    const RunContext context = shop.context();
    const auto method = MakeMethod(name(), context, QuickOptions());
    method->Prepare(shop.snapshot, shop.setup.training);
    method->Adapt(shop.slice());
    const RankSetRequest request{.context = shop.windows.context,
                                 .catalogue_size = shop.data.catalogue_size(1),
                                 .seen = SeenItems::kRanked,
                                 .popularity_slice = -1};
    const auto ranks =
        RankWindows(*method->MakeScorer(), shop.data, shop.new_windows, request, shop.pool).ranks;
    // Far better than by chance, even popularity.
    const auto hits = std::ranges::count_if(ranks, [](std::int64_t rank) { return rank <= 10; });
    EXPECT_GT(static_cast<double>(hits), 0.2 * static_cast<double>(ranks.size()));
  }
}

// A log that differs in T only must give the same method.
TEST_P(MethodContract, NothingOfTheTestSliceIsRead) {
  Shop& shop = TinyShop();
  static const PreparedData other = shop.WithAnotherTestSlice();
  ASSERT_NE(other.digest(), shop.data.digest());
  ASSERT_EQ(other.lineage()[1], shop.data.lineage()[1]);
  const auto run = [&](const PreparedData& data) {
    const RunContext context = shop.context(data, shop.pool);
    const auto method = MakeMethod(name(), context, ContractOptions());
    method->Prepare(shop.snapshot, shop.setup.training);
    method->Adapt(shop.slice());
    return ScoresOf(*method);
  };
  EXPECT_EQ(run(other), run(shop.data));
}

class MethodContractThreads : public MethodContract {};

TEST_P(MethodContractThreads, TheSameRanksForAnyNumber) {
  Shop& shop = TinyShop();
  std::vector<std::vector<std::int64_t>> ranks;
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    const Learnt run = Learn(name(), QuickOptions(), pool);
    ranks.push_back(RanksOf(*run.method, shop.setup.held_out, pool));
  }
  EXPECT_EQ(ranks[1], ranks[0]);
  EXPECT_EQ(ranks[2], ranks[0]);
}

// The decorator of the prior sees a method through its interface only: with it, one method of each
// way to show the tuned state is enough.
constexpr std::array kWithPrior = {"frozen", "lora", "raie", "full_retrain", "recent_popularity"};

std::vector<MethodSubject> All() {
  std::vector<MethodSubject> all;
  for (const MethodInfo& method : Methods()) {
    all.push_back({&method, PriorUse::kOff});
    if (std::ranges::count(kWithPrior, std::string_view(method.name)) > 0) {
      all.push_back({&method, PriorUse::kOn});
    }
  }
  return all;
}

std::string NameOf(const ::testing::TestParamInfo<MethodSubject>& info) {
  return std::string(info.param.method->name) +
         (info.param.prior == PriorUse::kOn ? "_with_prior" : "");
}

INSTANTIATE_TEST_SUITE_P(All, MethodContract, ::testing::ValuesIn(All()), NameOf);
INSTANTIATE_TEST_SUITE_P(All, MethodContractThreads, ::testing::ValuesIn(All()), NameOf);

TEST(MethodContractNames, AreUniqueAndAnUnknownOneIsAnError) {
  std::set<std::string> names;
  for (const MethodInfo& method : Methods()) EXPECT_TRUE(names.insert(method.name).second);
  EXPECT_EQ(All().size(), Methods().size() + kWithPrior.size());
  EXPECT_THROW(MakeMethod("no_such_method", TinyShop().context(), ContractOptions(PriorUse::kOff)),
               Error);
}

}  // namespace
}  // namespace raie
