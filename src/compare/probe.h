// How long would one epoch of fitting, one sample of adapting, one ranked window take here?
//
// Concept: a short probe before a comparison that has measured nothing yet: one epoch on S, one
//          LoRA on the windows of a few users of F, a few thousand windows of T ranked.
// Cost:    one epoch and a few seconds.
#pragma once

#include <cstdint>

#include "data/prepared_data.h"
#include "service/run_control.h"

namespace raie {

struct ProbeTimes {
  double fit_seconds = 0;   // guess for a whole fit: 30 epochs, or max_epochs if that is fewer
  double tune_seconds = 0;  // of one configuration
  double cell_seconds = 0;
};

// `control.settings` name the backbone.
ProbeTimes ProbeComparison(const PreparedData& data, const PhaseControl& control);

}  // namespace raie
