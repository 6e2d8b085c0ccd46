// Section "Cost": what did each method take, and what does it give for it?
//
// Units:   seconds of wall time of learning, median over seeds: comparable within one run on one
//          machine at best.
#pragma once

#include "report/blocks.h"
#include "report/run_files.h"

namespace raie {

ReportJson CostSection(const RunFiles& run);

}  // namespace raie
