// How much memory may this process still take, and how much did it take at most?
//
// Source:  Linux: /proc/meminfo, and the limit of the control group of a container; getrusage.
// Units:   bytes.
#pragma once

#include <cstdint>

namespace raie {

// Returns what can be allocated without swapping, at most the group's limit; the largest number
// there is if the system does not tell.
std::int64_t AvailableMemory();

// Returns the largest resident set this process has had so far.
std::int64_t PeakMemory();

}  // namespace raie
