#include "data/thin_windows.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace raie {
namespace {

TEST(ThinWindowsTest, TakesEvenlySpreadOnesInTheirOrder) {
  WindowSet set;
  for (std::int64_t i = 0; i < 7; ++i) set.windows.push_back({.target = i});
  std::vector<std::int64_t> targets;
  for (const Window& window : Thinned(set, 3).windows) targets.push_back(window.target);
  EXPECT_EQ(targets, (std::vector<std::int64_t>{0, 2, 4}));
  EXPECT_EQ(Thinned(set, 7).size(), 7);
  EXPECT_EQ(Thinned(set, 8).size(), 7);
  EXPECT_EQ(Thinned({}, 3).size(), 0);
}

}  // namespace
}  // namespace raie
