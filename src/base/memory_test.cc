#include "base/memory.h"

#include <gtest/gtest.h>
#include <sys/sysinfo.h>

namespace raie {
namespace {

TEST(MemoryTest, SomeIsThereAndNoMoreThanTheMachineHas) {
  struct sysinfo info = {};
  ASSERT_EQ(sysinfo(&info), 0);
  const auto all = static_cast<std::int64_t>(info.totalram) * info.mem_unit;
  EXPECT_GT(AvailableMemory(), 1 << 20);
  EXPECT_LE(AvailableMemory(), all);
}

}  // namespace
}  // namespace raie
