// Section "Regions": what did the edit do to each region, and was it worth it? (RQ4.)
//
// Source:  METHOD section 4 ("Interpretability").
#pragma once

#include "report/region_map.h"

namespace raie {

// `input.study` is the one to show.
ReportJson RegionsSection(const RegionMapInput& input, TaskPool& pool);

// The section where no cell has regions.
ReportJson NoRegionsSection();

}  // namespace raie
