// How does a phase that trains adapters get a backbone that keeps what its frozen layers give?
//
// Source:  training/border.h; docs/decisions/015.
// Errors:  those of training/border.h.
#pragma once

#include <cstdint>

#include "data/prepared_data.h"
#include "service/configuration.h"
#include "service/run_control.h"
#include "training/snapshot.h"

namespace raie {

// Returns the snapshot with a backbone that keeps states where the configuration's [edit] and
// [border] let it, and tells how much room `windows` take; else as it is.
Snapshot KeepingBorder(Snapshot snapshot, const Configuration& configuration, std::int64_t windows,
                       const PhaseControl& control);

// Throws what KeepingBorder would throw, before a model is fitted for hours.
void CheckBorder(const Configuration& configuration, const PreparedData& data);

// Returns how many windows the slices of a data set have.
std::int64_t WindowsOfAllSlices(const PreparedData& data);

// Returns the settings for a phase that only prepares the one that was asked for: where it cannot
// keep states, nobody is told.
Settings KeepingBorderWherePossible(Settings settings);

}  // namespace raie
