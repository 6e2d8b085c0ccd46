// How much memory may this process still take?
//
// Source:  Linux: /proc/meminfo, and the limit of the control group of a container.
// Units:   bytes.
#pragma once

#include <cstdint>

namespace raie {

// Returns what can be allocated without swapping, at most the group's limit; the largest number
// there is if the system does not tell.
std::int64_t AvailableMemory();

}  // namespace raie
