#include "kernels/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/reference_random.h"

namespace raie::kernels {
namespace {

// Cross-entropy of 3 rows over 37 items in tiles of `tile`, against the whole in double.
class SoftmaxTest : public testing::TestWithParam<std::int64_t> {};

TEST_P(SoftmaxTest, TilesEqualTheWhole) {
  constexpr std::int64_t kRows = 3;
  constexpr std::int64_t kItems = 37;
  std::vector<float> logits = RandomValues(kRows * kItems, 1, 5.0);
  logits[4] = 80;  // would overflow exp without the shift
  const std::vector<float> before = logits;
  const std::vector<SoftmaxTarget> targets = {{0, 4, 0.5f}, {0, 30, 0.25f}, {2, 36, 1.0f}};
  const std::vector<float> row_weights = {0.75f, 0, 1.0f};

  const Matrix all = MutableView(logits, kRows, kItems);
  std::vector<std::vector<SoftmaxPartial>> partials(kRows);
  for (std::int64_t j = 0; j < kItems; j += GetParam()) {
    std::vector<SoftmaxPartial> tile(kRows);
    SoftmaxPartials(all.Columns(j, std::min(kItems, j + GetParam())), tile);
    for (std::int64_t r = 0; r < kRows; ++r) partials[r].push_back(tile[r]);
  }
  std::vector<float> lse;
  for (std::int64_t r = 0; r < kRows; ++r) lse.push_back(LogSumExp(partials[r]));
  for (std::int64_t j = 0; j < kItems; j += GetParam()) {
    SoftmaxGradient(
        {.first_item = j, .lse_R = lse, .row_weights_R = row_weights, .targets = targets},
        all.Columns(j, std::min(kItems, j + GetParam())));
  }
  for (std::int64_t r = 0; r < kRows; ++r) {
    double sum = 0;
    for (std::int64_t j = 0; j < kItems; ++j) sum += std::exp(double{before[r * kItems + j]});
    EXPECT_NEAR(lse[r], std::log(sum), 1e-6 * std::abs(std::log(sum)) + 1e-6);
    for (std::int64_t j = 0; j < kItems; ++j) {
      double expected = row_weights[r] * std::exp(double{before[r * kItems + j]}) / sum;
      for (const SoftmaxTarget& t : targets) {
        if (t.row == r && t.item == j) expected -= t.weight;
      }
      EXPECT_NEAR(logits[r * kItems + j], expected, 5e-6);
    }
  }
}

TEST(LogSoftmaxTest, IsTheLogOfTheShares) {
  for (const std::int64_t items : {1, 7, 512, 1300}) {
    for (const float scale : {1.0f, 0.5f}) {
      std::vector<float> logits = RandomValues(items, 3, 5.0);
      logits.back() = 90;
      const std::vector<float> before = logits;
      LogSoftmax(scale, logits);
      double sum = 0;
      for (const float logit : before) sum += std::exp(double{scale} * logit);
      for (std::int64_t i = 0; i < items; ++i) {
        EXPECT_NEAR(logits[i], double{scale} * before[i] - std::log(sum), 2e-5);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiles, SoftmaxTest, testing::Values(1, 5, 8, 16, 37));

}  // namespace
}  // namespace raie::kernels
