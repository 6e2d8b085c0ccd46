// Where do the thresholds tau and delta come from, and which ones make no sense?
//
// Concept: both are low quantiles over the S held-out windows, in the confidence that decides: tau
//          of the best confidence, delta of the margin. Settings under which Expand or Add could
//          never fire (or nothing but Add) are refused with the reason.
// Source:  METHOD section 4, below Eq. 4 (R). Started at K = 1: delta = 0, softmax refused.
// Errors:  kInvalidArgument: no held-out windows, or a refused threshold.
#pragma once

#include <cstdint>
#include <span>

#include "base/task_pool.h"
#include "regions/editor_options.h"
#include "regions/region_set.h"

namespace raie {

// Returns thresholds that pass ValidateThresholds. z_ND: the S held-out windows.
Calibration Calibrate(const RegionSet& regions, std::span<const float> z_ND,
                      const EditorOptions& options, TaskPool& pool);

// Throws one error naming every reason why these thresholds are refused for a set that starts with
// `num_regions` regions, each with its fix.
void ValidateThresholds(const Calibration& calibration, std::int64_t num_regions,
                        const EditorOptions& options);

}  // namespace raie
