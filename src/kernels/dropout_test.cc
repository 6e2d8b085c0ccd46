#include "kernels/dropout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace raie::kernels {
namespace {

std::vector<float> RowFactors(const Dropout& dropout, TokenKey token, std::uint32_t lane,
                              std::int64_t columns) {
  std::vector<float> factors(columns);
  DropoutFactors(dropout, MakeDropoutRow(dropout.Key(), token, lane), factors);
  return factors;
}

TEST(DropoutTest, VectorsEqualTheDefinition) {
  for (const std::int64_t columns : {1, 7, 16, 31, 32, 33, 50, 128, 200, 515}) {
    const Dropout dropout{.rate = 0.3f, .seed = 5, .step = 9, .site = 2};
    const DropoutRow row = MakeDropoutRow(dropout.Key(), {77, 3}, 1);
    const std::vector<float> factors = RowFactors(dropout, {77, 3}, 1, columns);
    for (std::int64_t c = 0; c < columns; ++c) {
      EXPECT_EQ(factors[c], DropoutFactor(dropout, row, c)) << c << " of " << columns;
    }
  }
}

TEST(DropoutTest, ShareOfDroppedUnits) {
  for (const float rate : {0.05f, 0.2f, 0.5f, 0.9f}) {
    const Dropout dropout{.rate = rate, .seed = 1};
    std::int64_t dropped = 0;
    constexpr std::int64_t kRows = 4000;
    constexpr std::int64_t kColumns = 128;
    for (std::uint32_t r = 0; r < kRows; ++r) {
      for (const float f : RowFactors(dropout, {r / 50, r % 50}, 0, kColumns)) {
        EXPECT_TRUE(f == 0 || f == 1 / (1 - rate));
        dropped += f == 0;
      }
    }
    const double n = kRows * kColumns;
    EXPECT_NEAR(dropped / n, rate, 4.5 * std::sqrt(rate * (1 - rate) / n) + 1.0 / 65536);
  }
}

// Correlation of the bits of row pairs that a step draws next to each other, and of columns.
TEST(DropoutTest, NeighboursAreUncorrelated) {
  constexpr std::int64_t kRows = 2000;
  constexpr std::int64_t kColumns = 128;
  const Dropout base{.rate = 0.5f, .seed = 3, .step = 10, .site = 4};
  const auto row = [&](const Dropout& d, std::uint32_t r, std::uint32_t lane) {
    return RowFactors(d, {r / 50, r % 50}, lane, kColumns);
  };
  const auto next = [](Dropout d, int what) {
    if (what == 0) d.seed += 1;
    if (what == 1) d.step += 1;
    if (what == 2) d.site += 1;
    return d;
  };
  double worst = 0;
  const auto correlate = [&](auto&& other, std::int64_t shift, const char* name) {
    double sum = 0;
    for (std::uint32_t r = 0; r < kRows; ++r) {
      const std::vector<float> a = row(base, r, 0);
      const std::vector<float> b = other(r);
      for (std::int64_t c = 0; c + shift < kColumns; ++c) sum += (a[c] - 1) * (b[c + shift] - 1);
    }
    const double z = sum / std::sqrt(static_cast<double>(kRows) * (kColumns - shift));
    EXPECT_LT(std::abs(z), 4.5) << name << " shift " << shift;
    worst = std::max(worst, std::abs(z));
  };
  for (const std::int64_t shift : {0, 1, 2, 16, 32}) {
    correlate([&](auto r) { return row(base, r + 1, 0); }, shift, "position");
    correlate([&](auto r) { return row(base, r + 50, 0); }, shift, "row key");
    correlate([&](auto r) { return row(base, r, 1); }, shift, "lane");
    correlate([&](auto r) { return row(next(base, 0), r, 0); }, shift, "seed");
    correlate([&](auto r) { return row(next(base, 1), r, 0); }, shift, "step");
    correlate([&](auto r) { return row(next(base, 2), r, 0); }, shift, "site");
    if (shift > 0) correlate([&](auto r) { return row(base, r, 0); }, shift, "column");
  }
  EXPECT_GT(worst, 0);
}

TEST(DropoutTest, TokenKeysFollowTheOffsets) {
  const std::vector<std::uint32_t> row_keys = {9, 4, 7};
  const std::vector<std::int32_t> offsets = {0, 2, 2, 5};
  const std::vector<TokenKey> tokens = TokenKeys(row_keys, offsets);
  ASSERT_EQ(tokens.size(), 5u);
  EXPECT_EQ(tokens[1].row_key, 9u);
  EXPECT_EQ(tokens[1].position, 1u);
  EXPECT_EQ(tokens[4].row_key, 7u);
  EXPECT_EQ(tokens[4].position, 2u);
}

}  // namespace
}  // namespace raie::kernels
