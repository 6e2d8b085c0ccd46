// What does one cell of a comparison do, and what does it leave behind?
//
// Concept: a method learns from F (in a stream: from slice after slice) with one seed and is
//          ranked on what came before and after. The cell's folder has cell.json (metrics, budget,
//          configuration, digests, curves), PART.windows (ranks of single windows), the edit
//          journal and the regions before and after. Nothing in it depends on threads, wall time or
//          on whether the run was interrupted, but times.json. docs/formats.md.
// Source:  METHOD section 2. T is written at every checkpoint and never read back for a choice.
// Errors:  those of the method; kCancelled: nothing is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/prepared_data.h"
#include "methods/method.h"
#include "service/configuration.h"
#include "training/snapshot.h"

namespace raie {

struct CellInput {
  const PreparedData& data;
  std::string method;
  const Configuration& configuration;
  const Snapshot& setup;                // with regions
  const nlohmann::ordered_json& about;  // of the cell: backbone, point, seed, tuned, digests
  const RunContext& context;
};

// Runs the cell of the data's protocol and writes its folder, all or nothing.
void RunCell(const CellInput& input, const std::filesystem::path& folder);

// Returns the best F validation NDCG@10 of the method's tuning pass on the first slice after S,
// popularity prior included; 0 for methods that have none.
double JudgeOnValidation(const CellInput& input);

// The parts with PART.windows of a protocol, in the order of the tables.
std::vector<std::string> WindowParts(Protocol protocol);

// The slice a method learns from, and the one it is tested on.
inline constexpr int kLearnSlice = 1;
inline constexpr int kTestSlice = 2;

}  // namespace raie
