// How long before each event of a sequence were the events it looks back at, in the user's measure?
//
// Concept: interval(i, j) = min(k, floor((t_i - t_j) / s_i)), where the scale s_i is the smallest
//          non-zero interval between any two of the events 0 .. i: what a fast and a slow user do
//          looks alike. Without one (all at one time) every interval is 0. Times do not decrease,
//          so the intervals of one event fall from its oldest key to itself and are given as runs
//          of equal ones.
// Source:  Li et al. 2020, section 3.2. Deviation: their scale is the smallest interval of all the
//          user's events, later ones and those to be predicted among them. Here it is that of what
//          the row holds up to the event: nothing reads the future, a position of a training
//          sequence means what it means when a request ends there, and a row needs no company.
// Units:   times in UTC seconds.
// Errors:  kInvalidArgument if a time is missing or earlier than the one before it in its row.
// Cost:    O(1) a run and O(1) a pair that is not clipped.
#pragma once

#include <cstdint>
#include <vector>

#include "backbones/backbone.h"
#include "kernels/interval_attention.h"

namespace raie {

struct TimeIntervals {
  std::vector<std::int32_t> run_offsets_T1;
  std::vector<kernels::IntervalRun> runs;
};

// Returns the runs of every token of the tile. 1 <= max_interval (k) <= 65535.
TimeIntervals FindIntervals(const WindowBatch& batch, std::int64_t max_interval);

}  // namespace raie
