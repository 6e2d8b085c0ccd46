// How do windows become contexts a model can read?
//
// Source:  METHOD section 2 ("Windows", "Catalogue"): the last L eligible items that the catalogue
//          knows; a context may be left empty.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "data/prepared_data.h"
#include "data/windows.h"

namespace raie {

// Contexts of some windows, read from the data.
struct ReadWindows {
  WindowBatch contexts;               // of the windows whose context is not empty
  std::vector<ItemId> targets;        // one a context
  std::vector<std::int64_t> windows;  // the window of each context
};

// Reads the contexts of windows `chosen` of a set: the last `length` items below `catalogue_size`.
ReadWindows ReadContexts(const PreparedData& data, const WindowSet& windows,
                         std::span<const std::int64_t> chosen, std::int64_t length,
                         std::int64_t catalogue_size);

// Reads windows [begin, end) of a set.
ReadWindows ReadContexts(const PreparedData& data, const WindowSet& windows, std::int64_t begin,
                         std::int64_t end, std::int64_t length, std::int64_t catalogue_size);

}  // namespace raie
