// What does the whole method do on one data set, beside the methods it is compared with?
//
// Concept: fit on S, measure which regions drift in F, let each method learn from F with the same
//          options and the same budget, rank S held-out and T. On a simulated shop the truth is
//          known and printed beside.
// Source:  METHOD section 8 tells what to expect.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/prepared_data.h"
#include "data/simulator.h"
#include "service/run_control.h"

namespace raie {

// Defaults of the simulated demonstration (not of a data set of the user's); what the user gives
// wins over them.
std::vector<Setting> DemoDefaults();

// Simulates the shop and prepares it in `folder`, which exists. Returns the simulation.
Simulation SimulateDemoShop(const std::filesystem::path& folder, const PhaseControl& control);

// Returns {"protocol", "data", "fit", "edits", "interval", "drift", "methods", "truth"}; `truth`
// (null for real data) adds "adjusted_rand", "rank_correlation" and, to every region of "drift",
// its true interest and drifted share. With data prepared as-released "drift", "edits" and "truth"
// are null, and the methods are those of the published code with S in-sample.
nlohmann::ordered_json RunDemo(const PreparedData& data, const SimulationTruth* truth,
                               const PhaseControl& control);

}  // namespace raie
