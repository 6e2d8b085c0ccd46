// What do the finished cells of a comparison say, and with which certainty?
//
// Concept: a row is a variant and a method. Each set of windows (S_held_out, T; in a stream next)
//          has its mean with a crossed bootstrap interval, and its difference to the reference
//          method of the same variant with an interval and a Wilcoxon p-value over users, adjusted
//          by Holm over all rows of that set. A row is better or worse only if the adjusted p-value
//          is below .05 *and* the interval leaves out 0 on the same side; nothing else may be set
//          in bold.
// Source:  METHOD section 2 ("Statistics").
// Errors:  kCorruptData for cells that are not of the same windows.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/task_pool.h"
#include "compare/grid.h"
#include "compare/run_folder.h"

namespace raie {

struct ResultRequest {
  const RunFolder& run;
  const Grid& grid;
  std::string reference;
  std::vector<std::string> parts;  // sets of windows
};

// {"reference", "seeds", "parts", "rows": [{"backbone", "point", "method", "seeds", PART: {...},
// "means": {...}, "budget": {...}, "stream": {...}}], "missing": number of unfinished cells}. Of
// cells that are not finished nothing is said; a difference is over the seeds both methods have.
nlohmann::ordered_json CollectResults(const ResultRequest& request, TaskPool& pool);

}  // namespace raie
