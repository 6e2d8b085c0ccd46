#include "base/memory.h"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace raie {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

// "max" and a file that is not there say nothing. What the group uses is not taken off: much of it
// are pages of files that it would let go.
std::int64_t LimitOfGroup(const char* path) {
  std::ifstream file(path);
  std::int64_t bytes = 0;
  return file >> bytes ? bytes : kNoLimit;
}

std::int64_t FreeOnMachine() {
  std::ifstream file("/proc/meminfo");
  for (std::string name; file >> name;) {
    std::int64_t kib = 0;
    std::string rest;
    if (!(file >> kib)) return kNoLimit;
    if (name == "MemAvailable:") return kib * 1024;
    std::getline(file, rest);
  }
  return kNoLimit;
}

}  // namespace

std::int64_t AvailableMemory() {
  return std::min({FreeOnMachine(), LimitOfGroup("/sys/fs/cgroup/memory.max"),
                   LimitOfGroup("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

std::int64_t PeakMemory() {
  rusage usage{};
  return ::getrusage(RUSAGE_SELF, &usage) == 0 ? std::int64_t{usage.ru_maxrss} * 1024 : 0;
}

}  // namespace raie
