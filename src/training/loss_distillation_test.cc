#include "training/loss_distillation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "raie/error.h"
#include "training/toy_backbone.h"

namespace raie {
namespace {

using testing::RandomRows;

constexpr std::int64_t kTeacherDim = 5;
constexpr std::int64_t kKnown = 600;  // more than a tile of items

struct DistillationProblem {
  std::int64_t outputs;
  std::vector<double> hidden_PD;
  std::vector<double> items_ND;
  std::vector<float> teacher_PD;
  std::vector<float> teacher_items_ND;
  std::vector<float> weights_P;
  std::vector<float> item_scale_P;

  explicit DistillationProblem(std::uint64_t seed, std::int64_t p) : outputs(p) {
    const auto wide = [](const std::vector<float>& values) {
      return std::vector<double>(values.begin(), values.end());
    };
    hidden_PD = wide(RandomRows(p, kTeacherDim, seed));
    items_ND =
        wide(RandomRows(kKnown + 7, kTeacherDim, seed + 1, 0.7));  // the student knows more items
    teacher_PD = RandomRows(p, kTeacherDim, seed + 2);
    teacher_items_ND = RandomRows(kKnown, kTeacherDim, seed + 3, 0.7);
    RandomStream random(seed, 9);
    for (std::int64_t i = 0; i < p; ++i) {
      weights_P.push_back(static_cast<float>(random.Uniform()));
      item_scale_P.push_back(static_cast<float>(random.Uniform()));
    }
  }
};

std::vector<double> Softened(const double* h, const double* rows, double temperature) {
  std::vector<double> p(kKnown);
  double sum = 0;
  for (std::int64_t j = 0; j < kKnown; ++j) {
    for (std::int64_t d = 0; d < kTeacherDim; ++d) p[j] += h[d] * rows[j * kTeacherDim + d];
    p[j] = std::exp(p[j] / temperature);
    sum += p[j];
  }
  for (double& value : p) value /= sum;
  return p;
}

// The formula of the header, in double precision.
double SlowLoss(const DistillationProblem& problem, std::int64_t output,
                const Distillation::Options& options) {
  const std::vector<double> teacher(problem.teacher_PD.begin(), problem.teacher_PD.end());
  const std::vector<double> rows(problem.teacher_items_ND.begin(), problem.teacher_items_ND.end());
  const auto p = Softened(teacher.data() + output * kTeacherDim, rows.data(), options.temperature);
  const auto q = Softened(problem.hidden_PD.data() + output * kTeacherDim, problem.items_ND.data(),
                          options.temperature);
  double sum = 0;
  for (std::int64_t j = 0; j < kKnown; ++j) sum += p[j] * std::log(p[j] / q[j]);
  return options.weight * options.temperature * options.temperature * sum;
}

struct DistillationResult {
  std::vector<double> losses;
  std::vector<float> hidden_PD;
  std::vector<float> items_ND;
};

DistillationResult Distil(const DistillationProblem& problem, const Distillation::Options& options,
                          int threads) {
  TaskPool pool(threads);
  const std::vector<float> hidden(problem.hidden_PD.begin(), problem.hidden_PD.end());
  const std::vector<float> items(problem.items_ND.begin(), problem.items_ND.end());
  DistillationResult result{
      .losses = std::vector<double>(problem.outputs),
      .hidden_PD = std::vector<float>(hidden.size(), 1.0f),  // gradients are added
      .items_ND = std::vector<float>(items.size(), 1.0f)};
  Distillation distillation(options, problem.teacher_items_ND, kTeacherDim);
  distillation.Add({.hidden_PD = hidden,
                    .teacher_PD = problem.teacher_PD,
                    .items_ND = items,
                    .weights_P = problem.weights_P},
                   pool, result.losses,
                   {.hidden_PD = result.hidden_PD,
                    .items_ND = result.items_ND,
                    .item_scale_P = problem.item_scale_P});
  return result;
}

double SlowTotal(const DistillationProblem& problem, const Distillation::Options& options,
                 bool for_items) {
  double total = 0;
  for (std::int64_t p = 0; p < problem.outputs; ++p) {
    const double weight = problem.weights_P[p] * (for_items ? problem.item_scale_P[p] : 1.0);
    total += weight * SlowLoss(problem, p, options);
  }
  return total;
}

TEST(DistillationTest, LossAndGradientsAreThoseOfFiniteDifferences) {
  for (const std::uint64_t seed : {1, 2}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    DistillationProblem problem(seed, 40);  // more than a block
    const Distillation::Options options{.weight = 0.4, .temperature = 1.7};
    const DistillationResult result = Distil(problem, options, 2);
    for (std::int64_t p = 0; p < problem.outputs; ++p) {
      EXPECT_NEAR(result.losses[p], SlowLoss(problem, p, options), 1e-5);
    }
    const auto slope = [&](std::vector<double>& values, std::size_t i, bool for_items) {
      constexpr double kStep = 1e-4;
      const double kept = values[i];
      values[i] = kept + kStep;
      const double above = SlowTotal(problem, options, for_items);
      values[i] = kept - kStep;
      const double below = SlowTotal(problem, options, for_items);
      values[i] = kept;
      return (above - below) / (2 * kStep);
    };
    RandomStream random(seed, 3);
    for (int i = 0; i < 12; ++i) {
      const std::size_t h = random.Below(problem.hidden_PD.size());
      EXPECT_NEAR(result.hidden_PD[h] - 1, slope(problem.hidden_PD, h, false), 2e-5) << h;
      const std::size_t e = random.Below(problem.items_ND.size());
      EXPECT_NEAR(result.items_ND[e] - 1, slope(problem.items_ND, e, true), 2e-5) << e;
    }
    for (std::size_t e = kKnown * kTeacherDim; e < result.items_ND.size(); ++e) {
      EXPECT_EQ(result.items_ND[e], 1.0f);  // the teacher says nothing about new items
    }
  }
}

TEST(DistillationTest, AStudentThatIsItsTeacherLearnsNothing) {
  DistillationProblem problem(3, 4);
  problem.hidden_PD.assign(problem.teacher_PD.begin(), problem.teacher_PD.end());
  std::copy(problem.teacher_items_ND.begin(), problem.teacher_items_ND.end(),
            problem.items_ND.begin());
  const DistillationResult result = Distil(problem, {}, 1);
  for (const double loss : result.losses) EXPECT_NEAR(loss, 0, 1e-6);
  for (const float gradient : result.hidden_PD) EXPECT_NEAR(gradient, 1, 1e-5);
}

TEST(DistillationTest, BuffersOfTheWrongSizeAreRefused) {
  DistillationProblem problem(4, 3);
  problem.weights_P.pop_back();
  EXPECT_THROW(Distil(problem, {}, 1), Error);
}

TEST(DistillationThreadsTest, SameBytesForAnyNumberOfThreads) {
  const DistillationProblem problem(5, 100);
  const DistillationResult one = Distil(problem, {}, 1);
  for (const int threads : {2, 5}) {
    const DistillationResult other = Distil(problem, {}, threads);
    EXPECT_EQ(other.losses, one.losses);
    EXPECT_EQ(other.hidden_PD, one.hidden_PD);
    EXPECT_EQ(other.items_ND, one.items_ND);
  }
}

}  // namespace
}  // namespace raie
