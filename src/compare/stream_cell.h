// What does a method make of a stream of slices?
//
// Concept: after learning from slice i it is ranked on the whole slice i + 1 and on the part (each
//          user's last window, never trained on) of every slice. R[i][j] ranks over the catalogue
//          of slices <= min(i, j). frozen[j] is the S model over the catalogue of R[j - 1][j],
//          items it never saw at their initial rows (METHOD leaves its i open; with the same
//          catalogue both sides of the difference have the same misses).
// Source:  METHOD section 2 ("stream").
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "compare/cell.h"

namespace raie {

// Writes next.windows (all slices' next windows, in order), journals and regions into `folder`;
// returns what cell.json says: {"evaluation": {"next": ...}, "stream": {"ndcg@10": {"R", "next",
// "frozen", "next_accuracy", ...}, "recall@10": ...}, "budget", "slices": [...]}.
nlohmann::ordered_json RunStream(const CellInput& input, const std::filesystem::path& folder);

}  // namespace raie
