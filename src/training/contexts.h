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

struct ReadContextsRequest {
  std::int64_t length = 10;         // L
  std::int64_t catalogue_size = 0;  // items outside are left out
};

struct ReadContexts {
  WindowBatch rows;                   // contexts that are not empty
  std::vector<std::int64_t> windows;  // by row: which window it is of
  std::vector<ItemId> targets;        // by row
  std::vector<std::int64_t> empty;    // windows whose context is empty, ascending
};

// Reads windows[begin .. begin + windows.size()), numbered from `begin` in the result.
ReadContexts ReadContextsOf(const PreparedData& data, std::span<const Window> windows,
                            std::int64_t begin, const ReadContextsRequest& request);

}  // namespace raie
