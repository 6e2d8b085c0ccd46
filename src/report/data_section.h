// Section "Data": what was the comparison made on? (The paper's Table 1, events over time with the
// cuts, the share of targets that are new.)
//
// Source:  METHOD section 2.
// Cost:    O(E).
#pragma once

#include "data/prepared_data.h"
#include "report/blocks.h"

namespace raie {

ReportJson DataSection(const PreparedData& data);

// "S", "F", "T"; in other protocols "slice 0", ..., or the parts of leave-last-out.
std::string SliceLabel(const PreparedData& data, int slice);

}  // namespace raie
