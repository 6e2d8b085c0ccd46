// How is a whole comparison planned, run, gone on with and summed up?
//
// Concept: plan the grid; say what is left and how long it will take; fit each seed's backbone
//          once; tune each method once a variant; run every cell that is not there yet; write the
//          tables after each seed (of a frontier: after as many cells) and at the end. Killed at
//          any moment, the same command goes on and ends with the same files.
// Source:  METHOD section 2.
// Errors:  kInvalidArgument before anything is run for names, keys and settings that cannot be, a
//          protocol that is not the data's, too few slices; kCancelled: finished cells are kept.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "compare/grid.h"
#include "data/prepared_data.h"
#include "service/run_control.h"

namespace raie {

enum class RunKind { kAll, kPlanOnly };

struct CompareRequest {
  CompareOptions options;
  std::string protocol;  // "": the data's
  std::filesystem::path output;
  RunKind kind = RunKind::kAll;
  std::function<void(const std::string&)> say;  // lines for people: the plan, what was resumed
};

// Returns results.json; of kPlanOnly {"cells", "done", "fits", "seconds"}.
nlohmann::ordered_json RunComparison(const PreparedData& data, const CompareRequest& request,
                                     const PhaseControl& control);

}  // namespace raie
