// Where does the validation part of a slice begin?
//
// Concept: choices (length of training, keep gate) are made on F validation = the last 10 % of the
//          slice's windows in time. While choosing, the slice ends where that part begins: windows,
//          item rows and catalogue see nothing later. Afterwards everything is learnt again on the
//          whole slice.
// Source:  METHOD section 2 ("Tuning").
#pragma once

#include <cstdint>

#include "data/prepared_data.h"
#include "data/windows.h"

namespace raie {

struct TimeSplit {
  WindowSet early;       // targets before `border`
  WindowSet validation;  // targets at or after it
  Timestamp border{};
  std::int64_t early_catalogue = 0;  // items with an event before the border
};

// Cuts the windows of `slice` at the (1 - share) quantile of their target times
// (sorted[min(floor(p n), n - 1)]).
TimeSplit SplitInTime(const PreparedData& data, int slice, const WindowSet& windows, double share);

}  // namespace raie
