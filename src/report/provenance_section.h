// Section "Provenance": what was run, on what, with which settings?
//
// Concept: no path of the machine is shown, so that a report can be passed on as it is.
#pragma once

#include "data/prepared_data.h"
#include "report/blocks.h"
#include "report/run_files.h"

namespace raie {

// `data` may be null.
ReportJson ProvenanceSection(const RunFiles& run, const PreparedData* data);

}  // namespace raie
