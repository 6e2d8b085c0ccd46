#include "kernels/bf16.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference_random.h"

namespace raie::kernels {
namespace {

TEST(Bfloat16Test, RoundsToTheNearestAndTiesToEven) {
  const float step = std::ldexp(1.0f, -7);  // of numbers from 1 to 2
  EXPECT_EQ(ToFloat(ToBfloat16(1 + step)), 1 + step);
  EXPECT_EQ(ToFloat(ToBfloat16(1 + step / 2)), 1.0f);             // a tie, 1 is even
  EXPECT_EQ(ToFloat(ToBfloat16(1 + 1.5f * step)), 1 + 2 * step);  // a tie, the odd one gives way
  EXPECT_EQ(ToFloat(ToBfloat16(1 + 0.51f * step)), 1 + step);
  EXPECT_EQ(ToFloat(ToBfloat16(-3.0e38f)), -ToFloat(ToBfloat16(3.0e38f)));
  EXPECT_TRUE(std::isinf(ToFloat(ToBfloat16(std::numeric_limits<float>::max()))));
  EXPECT_TRUE(std::isnan(ToFloat(ToBfloat16(std::bit_cast<float>(0x7f800001u)))));
}

TEST(Bfloat16Test, VectorsAreTheScalars) {
  for (const std::int64_t n : {1, 7, 16, 33, 130}) {
    std::vector<float> values = RandomValues(n, n, 1e3);
    values[0] = std::bit_cast<float>(0xff800001u);  // no number
    std::vector<Bfloat16> rounded(n);
    RoundToBfloat16(values, rounded);
    std::vector<float> wide(n);
    WidenBfloat16(rounded, wide);
    for (std::int64_t i = 0; i < n; ++i) {
      EXPECT_EQ(rounded[i], ToBfloat16(values[i])) << values[i];
    }
    EXPECT_TRUE(std::isnan(wide[0]));
    for (std::int64_t i = 1; i < n; ++i) EXPECT_EQ(wide[i], ToFloat(rounded[i]));
  }
}

TEST(Bfloat16Test, HalvesAreWidened) {
  // 1, -2, 65504, the smallest normal and subnormal ones, again and again.
  const std::uint16_t bits[] = {0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001};
  const float expected[] = {1, -2, 65504, std::ldexp(1.0f, -14), std::ldexp(1.0f, -24)};
  for (const std::size_t n : {1, 5, 16, 37}) {
    std::vector<std::uint16_t> from;
    for (std::size_t i = 0; i < n; ++i) from.push_back(bits[i % 5]);
    std::vector<float> to(n);
    WidenHalf(from, to);
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(to[i], expected[i % 5]) << i;
  }
}

TEST(Bfloat16Test, TheFirstThatIsNotFiniteIsFound) {
  for (const std::size_t n : {1, 31, 32, 100}) {
    std::vector<Bfloat16> values(n, ToBfloat16(-3.3e38f));
    EXPECT_EQ(FirstNotFinite(values), -1);
    for (const std::size_t at : {std::size_t{0}, n / 2, n - 1}) {
      values[at] = {0xff80};
      EXPECT_EQ(FirstNotFinite(values), static_cast<std::int64_t>(at));
      values[at] = {0x7fc1};
      EXPECT_EQ(FirstNotFinite(values), static_cast<std::int64_t>(at));
      values[at] = {0x0080};
    }
  }
}

}  // namespace
}  // namespace raie::kernels
