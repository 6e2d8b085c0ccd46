#include "base/memory.h"

#include <gtest/gtest.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <vector>

namespace raie {
namespace {

TEST(MemoryTest, SomeIsThereAndNoMoreThanTheMachineHas) {
  struct sysinfo info = {};
  ASSERT_EQ(sysinfo(&info), 0);
  const auto all = static_cast<std::int64_t>(info.totalram) * info.mem_unit;
  EXPECT_GT(AvailableMemory(), 1 << 20);
  EXPECT_LE(AvailableMemory(), all);
}

TEST(MemoryTest, ThePeakIsWhatWasTouchedAndStays) {
  constexpr std::int64_t kBytes = std::int64_t{1} << 26;
  const std::int64_t before = PeakMemory();
  {
    const std::vector<char> block(kBytes, 1);
    EXPECT_EQ(block.back(), 1);
    EXPECT_GE(PeakMemory(), kBytes);
  }
  EXPECT_GE(PeakMemory(), std::max(before, kBytes));
}

}  // namespace
}  // namespace raie
