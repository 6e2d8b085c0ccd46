#include "backbones/causal_lm/text_scores.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kScoredRows = 2500;  // several tiles, the last one not full
constexpr std::int64_t kScoredDim = 24;

TokenRows DrawnRows(nn::Precision precision) {
  TokenRows rows(kScoredRows, kScoredDim, precision);
  RandomStream random(7, 0);
  std::vector<float> row(kScoredDim);
  for (std::int64_t v = 0; v < kScoredRows; ++v) {
    for (float& value : row) value = static_cast<float>(random.Normal());
    rows.SetRow(v, row);
  }
  return rows;
}

std::vector<float> DrawnStates(std::int64_t tokens) {
  std::vector<float> states(tokens * kScoredDim);
  RandomStream random(8, 0);
  for (float& value : states) value = static_cast<float>(random.Normal());
  return states;
}

TEST(TextScoresTest, EqualWhatTheDefinitionSays) {
  const std::vector<std::int32_t> ids = {3, 2499, 0, 1024};
  const std::vector<float> states = DrawnStates(std::ssize(ids));
  TaskPool pool(2);
  for (const nn::Precision precision : {nn::Precision::kFp32, nn::Precision::kBf16}) {
    const TokenRows rows = DrawnRows(precision);
    const TextScores scores = ScoreText(rows, ids, states, pool);
    double nll = 0;
    for (std::size_t t = 0; t < ids.size(); ++t) {
      double sum = 0, target = 0;
      std::vector<float> row(kScoredDim);
      for (std::int64_t v = 0; v < kScoredRows; ++v) {
        rows.CopyRow(v, row);
        double logit = 0;
        for (std::int64_t i = 0; i < kScoredDim; ++i) {
          logit += static_cast<double>(row[i]) * states[t * kScoredDim + i];
        }
        sum += std::exp(logit);
        if (t + 1 < ids.size() && v == ids[t + 1]) target = logit;
        if (t + 1 == ids.size()) {
          EXPECT_NEAR(scores.next_V[v], logit, 1e-4);
        }
      }
      if (t + 1 < ids.size()) nll += std::log(sum) - target;
    }
    ASSERT_TRUE(scores.mean_nll.has_value());
    EXPECT_NEAR(*scores.mean_nll, nll / 3, 1e-5);
  }
}

TEST(TextScoresTest, ASingleTokenHasNoLikelihood) {
  const std::vector<std::int32_t> ids = {5};
  TaskPool pool(1);
  const TextScores scores = ScoreText(DrawnRows(nn::Precision::kFp32), ids, DrawnStates(1), pool);
  EXPECT_FALSE(scores.mean_nll.has_value());
  EXPECT_EQ(std::ssize(scores.next_V), kScoredRows);
}

TEST(TextScoresThreadsTest, TheSameForAnyNumber) {
  const std::vector<std::int32_t> ids = {3, 2499, 0};
  const std::vector<float> states = DrawnStates(std::ssize(ids));
  const TokenRows rows = DrawnRows(nn::Precision::kBf16);
  TaskPool one(1), five(5);
  const TextScores a = ScoreText(rows, ids, states, one);
  const TextScores b = ScoreText(rows, ids, states, five);
  EXPECT_EQ(a.next_V, b.next_V);
  EXPECT_EQ(a.mean_nll, b.mean_nll);
}

}  // namespace
}  // namespace raie
