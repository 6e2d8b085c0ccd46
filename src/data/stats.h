// What does a prepared data set hold? (The paper's Table 1, and the shares that say what it can
// show.)
//
// Concept: users, items and events of each slice before and after the k-core, windows, catalogue,
//          and for each slice after S the share of targets outside it and the users that return.
//          The first three slices are named S, F and T whatever came after them (in a stream too:
//          its first round learns from slice 1 and is tested on slice 2); later ones have numbers.
// Source:  METHOD section 2.
// Threads: pure functions.
// Cost:    O(E).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/prepare.h"
#include "data/prepared_data.h"

namespace raie {

// What a slice after S asks of a model that has learnt from all slices before it.
struct SliceTargets {
  double outside_first = 0;            // share of targets outside the catalogue of S
  double outside_previous = 0;         // share outside the catalogue of all slices before
  double context_events_unknown = 0;   // share of context events outside the latter
  std::int64_t empty_contexts = 0;     // windows whose context holds no known item
  std::int64_t users = 0;              // with windows
  std::int64_t returning_users = 0;    // of them with windows in S
  std::int64_t returning_windows = 0;  // the returning users' windows
};

struct DataStats {
  std::vector<SliceCounts> before;  // cut before the k-core; as after for appended slices
  std::vector<SliceCounts> after;
  std::vector<Timestamp> cuts;
  std::vector<std::int64_t> windows;  // by slice
  std::int64_t held_out = 0;          // of slice 0, as are the next two
  std::int64_t validation = 0;
  std::int64_t setup_training = 0;
  std::vector<std::int64_t> catalogue;  // after each slice
  std::vector<SliceTargets> targets;    // of slices 1, 2 (T), 3, ...
};

DataStats ComputeStats(const PreparedData& data);

// Returns {"before", "after", "cuts", "windows", "catalogue", "T_targets_outside", "returning"}.
// The last two are of T (null without a third slice). With more than three slices "windows" and the
// counts go on under "3", "4", ..., "catalogue" under "SFT" (what slice 3 is ranked over), "3",
// ..., and "later" gives each of these slices {"targets_outside": {"S", "before"}, "returning"}.
nlohmann::ordered_json ToJson(const DataStats& stats);

// Returns the same as a table to read.
std::string FormatStats(const DataStats& stats);

}  // namespace raie
