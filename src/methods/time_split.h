// Where does the validation part of a slice begin?
//
// Concept: choices (length of training, keep gate) are made on F validation = the last 10 % of the
//          slice's events in time. While choosing, the slice ends where that part begins: windows,
//          item rows and catalogue see nothing later. Afterwards everything is learnt again on the
//          whole slice.
// Source:  METHOD section 2 ("Tuning"). Slices and their cuts are made of events; so is this one.
// Cost:    O(events of the slice).
#pragma once

#include <cstdint>

#include "data/prepared_data.h"
#include "data/windows.h"

namespace raie {

struct TimeSplit {
  WindowSet early;       // of the slice as if it had ended at `border`
  WindowSet validation;  // targets at or after it; contexts may reach back before it
  Timestamp border{};
  std::int64_t early_catalogue = 0;  // items with an event before the border
};

// Cuts `slice` at the (1 - share) quantile of its events' times (sorted[min(floor(p n), n - 1)]).
// `windows` are those of the slice that may be learnt from, made with the data's own window
// options: what they leave out at a user's end (parts of a stream) is in neither side.
TimeSplit SplitInTime(const PreparedData& data, int slice, const WindowSet& windows, double share);

}  // namespace raie
