// Which neighbours of a row of symbols merge, in which order?
//
// Semantics: while some neighbours merge: take the pair of the lowest rank, the leftmost of those;
//            put its result in their place.
// Cost:      MergeShort O(n^2) with a small constant, MergeLong O(n log n).
#pragma once

#include <cstdint>
#include <vector>

#include "text/bpe_tables.h"

namespace raie {

// Both leave what remains in `symbols`.
void MergeShort(const MergeTable& merges, std::vector<std::int32_t>& symbols);
void MergeLong(const MergeTable& merges, std::vector<std::int32_t>& symbols);

// Chooses between them.
void MergeAll(const MergeTable& merges, std::vector<std::int32_t>& symbols);

}  // namespace raie
