#include "methods/overlap_penalty.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

const std::vector<LinearMapInfo> kMaps = {{"a.q", "q", 5, 4}, {"a.ffn_in", "ffn_in", 7, 3}};

Adapter Random(std::uint64_t seed, std::int64_t rank = 3) {
  LoraOptions options;
  options.rank = rank;
  options.maps = {"q", "ffn_in"};
  Adapter adapter = Adapter::Make(kMaps, options, seed);
  RandomStream random(seed, 1);
  for (float& value : adapter.values()) value = static_cast<float>(random.Normal());
  return adapter;
}

// The formula, element by element.
double SlowPenalty(const Adapter& a, const Adapter& b) {
  double total = 0;
  for (std::size_t m = 0; m < a.maps().size(); ++m) {
    const std::int64_t inputs = a.maps()[m].inputs;
    for (int i = 0; i < 3; ++i) {
      for (int l = 0; l < 3; ++l) {
        double dot = 0, aa = 0, bb = 0;
        for (std::int64_t d = 0; d < inputs; ++d) {
          const double x = a.a_RI(a.maps()[m])[i * inputs + d];
          const double y = b.a_RI(b.maps()[m])[l * inputs + d];
          dot += x * y;
          aa += x * x;
          bb += y * y;
        }
        total += dot * dot / aa / bb;
      }
    }
  }
  return total / 3 / static_cast<double>(a.maps().size());
}

TEST(OverlapPenaltyTest, ValueAndBothGradientsByFiniteDifferences) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(seed);
    Adapter a = Random(seed);
    Adapter b = Random(seed + 100);
    std::vector<float> grad_a(a.values().size());
    std::vector<float> grad_b(b.values().size());
    const double weight = 0.7;
    EXPECT_NEAR(AddOverlapPenalty(a, b, weight, grad_a, grad_b), SlowPenalty(a, b), 1e-9);
    for (Adapter* moved : {&a, &b}) {
      const auto& gradient = moved == &a ? grad_a : grad_b;
      for (std::size_t i = 0; i < moved->values().size(); ++i) {
        const float value = moved->values()[i];
        const float step = 1e-2f;
        moved->values()[i] = value + step;
        const double up = SlowPenalty(a, b);
        moved->values()[i] = value - step;
        const double down = SlowPenalty(a, b);
        moved->values()[i] = value;
        EXPECT_NEAR(gradient[i], weight * (up - down) / (2 * step), 2e-4) << i;
      }
    }
  }
}

TEST(OverlapPenaltyTest, ARowWithoutDirectionHasNoGradient) {
  Adapter a = Random(1);
  for (float& value : a.values()) value = 0;
  const Adapter b = Random(2);
  std::vector<float> grad_a(a.values().size());
  std::vector<float> grad_b(b.values().size());
  EXPECT_EQ(AddOverlapPenalty(a, b, 1, grad_a, grad_b), 0);
  for (const float value : grad_a) EXPECT_EQ(value, 0);
}

TEST(OverlapPenaltyTest, AdaptersOfDifferentRankAreRefused) {
  EXPECT_THROW(AddOverlapPenalty(Random(1), Random(2, 4), 1, {}, {}), Error);
}

}  // namespace
}  // namespace raie
