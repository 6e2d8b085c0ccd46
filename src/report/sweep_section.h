// Section "What matters": what do parts of the method and its settings do? (The paper's Figures 3
// and 4: ablations, and sensitivity to K; any other swept setting; frontiers.)
//
// Source:  METHOD section 4 ("Ablations", "Sensitivity"), section 8 ("frontiers").
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/blocks.h"
#include "report/run_files.h"

namespace raie {

ReportJson SweepSection(const RunFiles& run);

// The settings of a point: "regions.k=3,edit.lora.maps=q,k" -> {regions.k, 3}, {edit.lora.maps,
// q,k}; none of "base".
std::vector<std::pair<std::string, std::string>> SettingsOfPoint(const std::string& point);

}  // namespace raie
