#include "training/loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "raie/error.h"
#include "training/toy_backbone.h"

namespace raie {
namespace {

using testing::RandomRows;

struct Shape {
  std::int64_t outputs;
  std::int64_t items;
  std::int64_t dim;
  int groups;
  bool own_rows;
};

// A random problem and room for its results.
struct Problem {
  Shape shape;
  std::vector<float> hidden_PD;
  std::vector<float> base_ND;
  std::vector<std::vector<std::int32_t>> own_items;
  std::vector<std::vector<float>> own_rows;
  std::vector<std::vector<float>> own_grads;
  std::vector<OutputGroup> groups;
  std::vector<Target> targets;
  std::vector<float> item_scale_P;

  Problem(const Shape& s, std::uint64_t seed) : shape(s) {
    RandomStream random(seed, 1);
    hidden_PD = RandomRows(s.outputs, s.dim, seed + 1);
    base_ND = RandomRows(s.items + 3, s.dim, seed + 2, 0.7);  // more rows than the catalogue
    for (std::int64_t p = 0; p < s.outputs; ++p) {
      item_scale_P.push_back(static_cast<float>(random.Uniform()));
      const std::uint64_t count = random.Below(4);  // none, one, several
      for (std::uint64_t i = 0; i < count; ++i) {
        targets.push_back({static_cast<std::int32_t>(p),
                           ItemId{static_cast<std::int32_t>(random.Below(s.items))},
                           static_cast<float>(random.Uniform())});
      }
    }
    own_items.resize(s.groups);
    own_rows.resize(s.groups);
    own_grads.resize(s.groups);
    for (int g = 0; g < s.groups; ++g) {
      for (std::int32_t item = 0; item < s.items && s.own_rows && g % 2 == 1; ++item) {
        if (random.Uniform() < 0.1) own_items[g].push_back(item);
      }
      own_rows[g] = RandomRows(std::ssize(own_items[g]), s.dim, seed + 10 + g);
      own_grads[g].assign(own_rows[g].size(), 7.0f);  // must be overwritten
      groups.push_back({.begin = s.outputs * g / s.groups,
                        .end = s.outputs * (g + 1) / s.groups,
                        .rows = {base_ND, own_items[g], own_rows[g]},
                        .grad_replaced_nD = own_grads[g]});
    }
  }

  const OutputGroup& GroupOf(std::int64_t output) const {
    for (const OutputGroup& group : groups) {
      if (output < group.end) return group;
    }
    return groups.back();
  }

  // Row of an item as an output's group reads it, and where it is among the own rows (-1: base).
  std::pair<const float*, std::int64_t> Row(std::int64_t output, std::int32_t item) const {
    const ItemRows& rows = GroupOf(output).rows;
    const auto at = std::find(rows.replaced_items.begin(), rows.replaced_items.end(), item);
    if (at == rows.replaced_items.end()) return {base_ND.data() + item * shape.dim, -1};
    const std::int64_t own = at - rows.replaced_items.begin();
    return {rows.replaced_rows.data() + own * shape.dim, own};
  }

  double Score(std::int64_t output, std::int32_t item) const {
    double sum = 0;
    for (std::int64_t d = 0; d < shape.dim; ++d) {
      sum += static_cast<double>(hidden_PD[output * shape.dim + d]) * Row(output, item).first[d];
    }
    return sum;
  }

  LossInput Input() const {
    return {.hidden_PD = hidden_PD,
            .dim = shape.dim,
            .catalogue_size = shape.items,
            .groups = groups,
            .targets = targets,
            .target_keys = {},
            .seed = 5,
            .step = 6};
  }
};

struct Result {
  std::vector<double> losses;
  std::vector<double> hidden_PD;
  std::vector<double> items_ND;
  std::vector<std::vector<double>> own;  // by group
};

Result Zero(const Problem& problem) {
  Result r;
  r.losses.resize(problem.targets.size());
  r.hidden_PD.resize(problem.hidden_PD.size());
  r.items_ND.resize(problem.shape.items * problem.shape.dim);
  for (const auto& own : problem.own_rows) r.own.emplace_back(own.size());
  return r;
}

// Adds dL/ds of one (target, item) to all gradients.
void AddSlope(const Problem& problem, const Target& target, std::int32_t item, double slope,
              Result& r) {
  const std::int64_t dim = problem.shape.dim;
  const std::int64_t p = target.output;
  const auto [row, own] = problem.Row(p, item);
  const auto group = &problem.GroupOf(p) - problem.groups.data();
  for (std::int64_t d = 0; d < dim; ++d) {
    r.hidden_PD[p * dim + d] += slope * row[d];
    const double h = problem.hidden_PD[p * dim + d];
    if (own >= 0) {
      r.own[group][own * dim + d] += slope * h;
    } else {
      r.items_ND[item * dim + d] += slope * h * problem.item_scale_P[p];
    }
  }
}

Result SlowCrossEntropy(const Problem& problem) {
  Result r = Zero(problem);
  for (std::size_t t = 0; t < problem.targets.size(); ++t) {
    const Target& target = problem.targets[t];
    std::vector<double> scores;
    double sum = 0;
    for (std::int32_t j = 0; j < problem.shape.items; ++j) {
      scores.push_back(problem.Score(target.output, j));
      sum += std::exp(scores.back());
    }
    r.losses[t] = std::log(sum) - scores[Index(target.item)];
    for (std::int32_t j = 0; j < problem.shape.items; ++j) {
      const double hit = j == Index(target.item) ? 1 : 0;
      AddSlope(problem, target, j, target.weight * (std::exp(scores[j]) / sum - hit), r);
    }
  }
  return r;
}

Result SlowSampled(const Problem& problem, const LossOptions& options) {
  Result r = Zero(problem);
  const std::int64_t n = options.negatives;
  const double alpha = static_cast<double>(n) / (problem.shape.items - 1);
  const double t_cal = options.kind == LossKind::kBce ? 0 : options.calibration;
  const double beta = alpha * (t_cal * (1 - 1 / alpha) + 1 / alpha);
  for (std::size_t t = 0; t < problem.targets.size(); ++t) {
    const Target& target = problem.targets[t];
    std::vector<std::int32_t> drawn(n);
    DrawNegatives({.seed = 5,
                   .step = 6,
                   .target_key = t,
                   .catalogue_size = problem.shape.items,
                   .item = target.item},
                  drawn);
    const double positive = 1 / (1 + std::exp(-problem.Score(target.output, Index(target.item))));
    r.losses[t] = -std::log(std::pow(positive, beta)) / (n + 1);
    AddSlope(problem, target, Index(target.item), -target.weight * beta * (1 - positive) / (n + 1),
             r);
    for (const std::int32_t item : drawn) {
      const double negative = 1 / (1 + std::exp(-problem.Score(target.output, item)));
      r.losses[t] -= std::log(1 - negative) / (n + 1);
      AddSlope(problem, target, item, target.weight * negative / (n + 1), r);
    }
  }
  return r;
}

void ExpectClose(std::span<const float> got, std::span<const double> want, const char* what) {
  ASSERT_EQ(got.size(), want.size());
  double largest = 1e-12;
  for (const double value : want) largest = std::max(largest, std::abs(value));
  double error = 0;
  for (std::size_t i = 0; i < got.size(); ++i) error = std::max(error, std::abs(got[i] - want[i]));
  EXPECT_LE(error / largest, 1e-5) << what;
}

void Check(const LossOptions& options, Problem& problem, const Result& want, TaskPool& pool) {
  Loss loss(options);
  std::vector<double> losses(problem.targets.size());
  std::vector<float> hidden(problem.hidden_PD.size(), 3.0f);
  std::vector<float> items(problem.shape.items * problem.shape.dim, 3.0f);
  for (int repeat = 0; repeat < 2; ++repeat) {  // scratch of the first must not leak
    loss.Compute(problem.Input(), pool, losses,
                 {.hidden_PD = hidden, .items_ND = items, .item_scale_P = problem.item_scale_P});
    for (std::size_t t = 0; t < losses.size(); ++t) {
      ASSERT_NEAR(losses[t], want.losses[t], 2e-5 * (1 + std::abs(want.losses[t])));
    }
    ExpectClose(hidden, want.hidden_PD, "hidden");
    ExpectClose(items, want.items_ND, "items");
    for (int g = 0; g < problem.shape.groups; ++g) {
      ExpectClose(problem.own_grads[g], want.own[g], "own rows");
    }
  }
}

const Shape kShapes[] = {
    {.outputs = 1, .items = 2, .dim = 3, .groups = 1, .own_rows = false},
    {.outputs = 17, .items = 70, .dim = 8, .groups = 3, .own_rows = true},
    {.outputs = 40, .items = 600, .dim = 16, .groups = 4, .own_rows = true},
    {.outputs = 530, .items = 530, .dim = 8, .groups = 2, .own_rows = true},
    {.outputs = 530, .items = 1100, .dim = 4, .groups = 1, .own_rows = false},
};

TEST(CrossEntropyLoss, EqualsTheSlowTwin) {
  TaskPool pool(2);
  for (std::uint64_t seed = 0; seed < std::size(kShapes); ++seed) {
    SCOPED_TRACE(seed);
    Problem problem(kShapes[seed], seed);
    Check({}, problem, SlowCrossEntropy(problem), pool);
  }
}

TEST(SampledLoss, EqualsTheSlowTwin) {
  TaskPool pool(2);
  for (std::uint64_t seed = 0; seed < std::size(kShapes); ++seed) {
    for (const LossKind kind : {LossKind::kBce, LossKind::kGbce}) {
      SCOPED_TRACE(seed);
      Problem problem(kShapes[seed], seed + 50);
      const LossOptions options{.kind = kind, .negatives = 1 + 3 * static_cast<int>(seed)};
      Check(options, problem, SlowSampled(problem, options), pool);
    }
  }
}

Result SlowPairs(const Problem& problem) {
  Result r = Zero(problem);
  for (std::size_t t = 0; t < problem.targets.size(); ++t) {
    const Target& target = problem.targets[t];
    const double ahead = problem.Score(target.output, Index(target.item)) -
                         problem.Score(target.output, Index(target.rival));
    r.losses[t] = -std::log(1 / (1 + std::exp(-ahead)));
    const double slope = target.weight * (1 - 1 / (1 + std::exp(-ahead)));
    AddSlope(problem, target, Index(target.item), -slope, r);
    AddSlope(problem, target, Index(target.rival), slope, r);
  }
  return r;
}

void AddRivals(Problem& problem, std::uint64_t seed) {
  RandomStream random(seed, 5);
  for (Target& target : problem.targets) {
    target.rival = ItemId{static_cast<std::int32_t>(random.Below(problem.shape.items))};
  }
}

TEST(PairLoss, EqualsTheSlowTwin) {
  TaskPool pool(2);
  for (std::uint64_t seed = 0; seed < std::size(kShapes); ++seed) {
    SCOPED_TRACE(seed);
    Problem problem(kShapes[seed], seed + 80);
    AddRivals(problem, seed);
    Check({}, problem, SlowPairs(problem), pool);
  }
}

TEST(PairLoss, EveryTargetNeedsARival) {
  TaskPool pool(1);
  Problem problem(kShapes[1], 3);
  AddRivals(problem, 3);
  problem.targets[1].rival = kNoItem;
  Loss loss({});
  std::vector<double> losses(problem.targets.size());
  EXPECT_THROW(loss.Compute(problem.Input(), pool, losses, {}), Error);
}

TEST(CrossEntropyLoss, LossAloneNeedsNoGradients) {
  TaskPool pool(1);
  Problem problem(kShapes[1], 3);
  for (OutputGroup& group : problem.groups) group.grad_replaced_nD = {};
  Loss loss({});
  std::vector<double> losses(problem.targets.size());
  loss.Compute(problem.Input(), pool, losses, {});
  const Result want = SlowCrossEntropy(problem);
  for (std::size_t t = 0; t < losses.size(); ++t) EXPECT_NEAR(losses[t], want.losses[t], 1e-4);
}

// The loss itself, differentiated numerically through the fast code.
void CheckByFiniteDifferences(const LossOptions& options, Problem& problem) {
  TaskPool pool(1);
  std::fill(problem.item_scale_P.begin(), problem.item_scale_P.end(), 1.0f);
  Loss loss(options);
  std::vector<double> losses(problem.targets.size());
  const auto total = [&] {
    loss.Compute(problem.Input(), pool, losses, {});
    double sum = 0;
    for (std::size_t t = 0; t < losses.size(); ++t) sum += problem.targets[t].weight * losses[t];
    return sum;
  };
  std::vector<float> hidden(problem.hidden_PD.size());
  std::vector<float> items(problem.shape.items * problem.shape.dim);
  loss.Compute(problem.Input(), pool, losses,
               {.hidden_PD = hidden, .items_ND = items, .item_scale_P = {}});
  const auto own = problem.own_grads;
  const auto compare = [&](std::vector<float>& values, std::span<const float> gradient) {
    for (std::size_t i = 0; i < gradient.size(); i += 3) {
      const float value = values[i];
      values[i] = value + 1e-2f;
      const double up = total();
      values[i] = value - 1e-2f;
      const double down = total();
      values[i] = value;
      EXPECT_NEAR(gradient[i], (up - down) / 2e-2, 1e-3);
    }
  };
  compare(problem.hidden_PD, hidden);
  compare(problem.base_ND, items);
  compare(problem.own_rows[1], own[1]);
}

TEST(LossGradients, EqualFiniteDifferences) {
  const Shape shape{.outputs = 6, .items = 20, .dim = 5, .groups = 2, .own_rows = true};
  for (const LossOptions& options :
       {LossOptions{}, LossOptions{.kind = LossKind::kGbce, .negatives = 4}}) {
    Problem problem(shape, 11);
    CheckByFiniteDifferences(options, problem);
  }
  Problem pairs(shape, 12);
  AddRivals(pairs, 12);
  CheckByFiniteDifferences({}, pairs);
}

TEST(LossThreads, SameBytesForAnyNumber) {
  for (const LossOptions& options :
       {LossOptions{}, LossOptions{.kind = LossKind::kBce, .negatives = 5}}) {
    std::vector<std::vector<float>> hidden, items;
    std::vector<std::vector<double>> losses;
    for (const int threads : {1, 2, 5}) {
      TaskPool pool(threads);
      Problem problem(kShapes[4], 21);
      Loss loss(options);
      losses.emplace_back(problem.targets.size());
      hidden.emplace_back(problem.hidden_PD.size());
      items.emplace_back(problem.shape.items * problem.shape.dim);
      loss.Compute(problem.Input(), pool, losses.back(),
                   {.hidden_PD = hidden.back(), .items_ND = items.back(), .item_scale_P = {}});
    }
    for (int i = 1; i < 3; ++i) {
      EXPECT_EQ(losses[0], losses[i]);
      EXPECT_EQ(hidden[0], hidden[i]);
      EXPECT_EQ(items[0], items[i]);
    }
  }
}

TEST(Negatives, AreUniformWithoutTheTarget) {
  std::vector<std::int64_t> counts(7);
  for (std::uint64_t key = 0; key < 2000; ++key) {
    std::vector<std::int32_t> drawn(9);
    DrawNegatives({.seed = 1, .step = 2, .target_key = key, .catalogue_size = 7, .item = ItemId{3}},
                  drawn);
    for (const std::int32_t item : drawn) ++counts.at(item);
  }
  EXPECT_EQ(counts[3], 0);
  for (const int item : {0, 1, 2, 4, 5, 6}) EXPECT_NEAR(counts[item], 3000, 300) << item;
}

TEST(Negatives, DependOnSeedStepAndKey) {
  std::set<std::vector<std::int32_t>> seen;
  for (const NegativeDraw& draw :
       {NegativeDraw{1, 1, 1, 1000, ItemId{0}}, NegativeDraw{2, 1, 1, 1000, ItemId{0}},
        NegativeDraw{1, 2, 1, 1000, ItemId{0}}, NegativeDraw{1, 1, 2, 1000, ItemId{0}}}) {
    std::vector<std::int32_t> drawn(8);
    DrawNegatives(draw, drawn);
    seen.insert(drawn);
  }
  EXPECT_EQ(seen.size(), 4u);
}

TEST(GbceExponentTest, HasItsEnds) {
  EXPECT_DOUBLE_EQ(GbceExponent(10, 1001, 0), 1);
  EXPECT_NEAR(GbceExponent(10, 1001, 1), 0.01, 1e-15);
}

TEST(LossErrors, RefusesWhatIsNotFinite) {
  TaskPool pool(1);
  Problem problem(kShapes[1], 1);
  problem.hidden_PD[problem.targets[0].output * problem.shape.dim] = NAN;
  Loss loss({});
  std::vector<double> losses(problem.targets.size());
  EXPECT_THROW(loss.Compute(problem.Input(), pool, losses, {}), Error);
}

TEST(Loss, NegativesDrawnOnceAreTheSameInEveryStep) {
  TaskPool pool(1);
  Problem problem({.outputs = 20, .items = 500, .dim = 8, .groups = 1, .own_rows = false}, 3);
  const auto losses_of = [&](NegativesDrawn drawn, std::uint64_t step) {
    Loss loss({.kind = LossKind::kBce, .negatives = 1, .drawn = drawn});
    std::vector<double> losses(problem.targets.size());
    LossInput input{.hidden_PD = problem.hidden_PD,
                    .dim = 8,
                    .catalogue_size = 500,
                    .groups = problem.groups,
                    .targets = problem.targets,
                    .target_keys = {},
                    .seed = 4};
    input.step = step;
    loss.Compute(input, pool, losses, {});
    return losses;
  };
  EXPECT_EQ(losses_of(NegativesDrawn::kOnce, 1), losses_of(NegativesDrawn::kOnce, 2));
  EXPECT_NE(losses_of(NegativesDrawn::kEveryStep, 1), losses_of(NegativesDrawn::kEveryStep, 2));
}

}  // namespace
}  // namespace raie
