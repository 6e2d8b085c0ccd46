// What does a prepared data set hold? (The paper's Table 1, and the shares that say what it can
// show.)
//
// Concept: users, items and events of each slice before and after the k-core, windows, catalogue,
//          the share of test targets outside it, and users that return.
// Source:  METHOD section 2.
// Errors:  kInvalidArgument for a data set without three slices (JSON of the fixed form).
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

struct DataStats {
  std::vector<SliceCounts> before;  // cut before the k-core; as after for appended slices
  std::vector<SliceCounts> after;
  std::vector<Timestamp> cuts;
  std::vector<std::int64_t> windows;  // by slice
  std::int64_t held_out = 0;          // of slice 0, as are the next two
  std::int64_t validation = 0;
  std::int64_t setup_training = 0;
  std::vector<std::int64_t> catalogue;  // after each slice

  // Of the last slice's windows:
  double targets_outside_first = 0;     // share outside the catalogue of slice 0
  double targets_outside_previous = 0;  // share outside the catalogue of all slices before
  double context_events_unknown = 0;    // share of context events outside the latter
  std::int64_t empty_contexts = 0;      // windows whose context holds no known item
  std::int64_t users = 0;               // with windows
  std::int64_t returning_users = 0;     // of them with windows in slice 0
  std::int64_t returning_windows = 0;   // the returning users' windows
};

DataStats ComputeStats(const PreparedData& data);

// Returns {"before", "after", "cuts", "windows", "catalogue", "T_targets_outside", "returning"},
// slices named S, F, T. A data set of another number of slices names them 0, 1, ... and gives the
// same keys, with "first" and "previous" for the shares.
nlohmann::ordered_json ToJson(const DataStats& stats);

// Returns the same as a table to read.
std::string FormatStats(const DataStats& stats);

}  // namespace raie
