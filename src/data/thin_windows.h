// Which windows stand for a large set?
//
// Concept: every n-th of them, n as small as the limit allows, in their order.
#pragma once

#include <cstdint>

#include "data/windows.h"

namespace raie {

// Returns at most `most` windows of a set, evenly spread over it.
WindowSet Thinned(const WindowSet& windows, std::int64_t most);

}  // namespace raie
