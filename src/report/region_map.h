// The figure of the regions (the paper's Figure 5): caps before and after, how centres moved, where
// windows lie.
//
// Concept: angle_map.h says how angles become lengths. Centres from before (and those that were
//          added) are placed by their mutual angles; the centre after an edit around the one
//          before, windows of S around their nearest centre before, later ones around their nearest
//          after. Windows are thinned evenly.
// Cost:    one forward pass of the frozen backbone for each window shown.
#pragma once

#include "base/task_pool.h"
#include "data/prepared_data.h"
#include "report/region_study.h"

namespace raie {

struct RegionMapInput {
  const RunFiles& run;
  const RegionStudy& study;
  const PreparedData* data = nullptr;  // null: caps only
  std::int64_t windows_a_slice = 600;
  std::function<void(const Backbone&)> made = {};  // told of the backbone that is loaded
};

// Returns the figure's block.
ReportJson RegionMapFigure(const RegionMapInput& input, TaskPool& pool);

}  // namespace raie
