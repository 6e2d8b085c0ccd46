// What do the methods of a comparison keep of S for what they gain on T?
//
// Concept: the points of each method's curve (Grid::frontiers) and the area under it, with its
//          difference to the reference's curve. Only seeds that every point of a backbone has
//          count.
// Source:  METHOD section 8; the area: evaluation/frontier.h.
// Errors:  those of CollectResults.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/task_pool.h"
#include "compare/results.h"
#include "compare/tables.h"

namespace raie {

// [{"backbone", "method", "tuned_at", "seeds", "points": [{"point", "S_held_out", "T"}], "area":
// {"value", "low", "high"}, "against": {"value", "low", "high", "p_value", "p_adjusted", "tests",
// "verdict"}}]: NDCG@10; `against` is absent for the reference.
// Backbones of which no seed is finished at every point are left out.
nlohmann::ordered_json CollectFrontiers(const ResultRequest& request, TaskPool& pool);

// A row a curve; no rows if the results have no frontiers.
ResultTable FrontierTable(const nlohmann::ordered_json& results);

// A line a point of a curve.
std::string FrontierCsv(const nlohmann::ordered_json& results);

}  // namespace raie
