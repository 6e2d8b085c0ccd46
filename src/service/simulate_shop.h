// How is a shop simulated and written as a log?
//
// Concept: the `seed` of the run, if it is given, is the simulator's too.
// Errors:  those of the simulator; kInvalidArgument if the output folder holds something else.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "data/simulator.h"
#include "service/run_control.h"

namespace raie {

SimulatorOptions SimulatorOptionsOf(const Settings& settings);

// Writes the log and the truth into `output`; returns what is printed with --json.
nlohmann::ordered_json SimulateShopFolder(const std::filesystem::path& output,
                                          const PhaseControl& control);

}  // namespace raie
