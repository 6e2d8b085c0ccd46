// Which events of a table are kept, in which slice, and which numbers do users and items get?
//
// Concept: reads a table of sorted runs once, counts what every slice holds before and after the
//          k-core, and numbers users by first slice, items by (first slice, time of first event),
//          ties by first appearance in the log.
// Source:  METHOD section 2.
// Threads: same result for any number.
// Cost:    O(E), and slices x items bytes a thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/task_pool.h"
#include "data/event_table.h"
#include "data/k_core.h"
#include "data/prepare.h"
#include "data/prepared_writer.h"

namespace raie {

// How runs are cut into slices.
struct SliceRule {
  std::vector<std::int64_t> cuts;  // slice i holds cuts[i - 1] <= t < cuts[i]
  bool leave_last_out = false;     // by position in the run instead
  int num_slices() const { return leave_last_out ? 3 : static_cast<int>(cuts.size()) + 1; }
};

// Returns the first row of each slice of the run [begin, end) and, last, its end.
void CutRun(const EventTable& table, std::int64_t begin, std::int64_t end, const SliceRule& rule,
            std::vector<std::int64_t>& borders);

// Returns the users, items and events of each slice.
std::vector<SliceCounts> CountSlices(const EventTable& table, const SliceRule& rule,
                                     TaskPool& pool);

// Which events stay: of a run's first rows (`ends` of the core) those between a user and an item
// of the core, behind them all.
struct CoreRule {
  KCore core;
  std::vector<std::int64_t> ends;  // by user; empty: no k-core, all events stay
};

struct Slicing {
  std::vector<std::int32_t> users;         // log user of each new user
  std::vector<std::int32_t> items;         // log item of each new item
  std::vector<std::int32_t> item_numbers;  // new item of each log item, -1: dropped
  std::vector<std::int64_t> starts;        // [users * slices + 1]
  std::vector<std::int64_t> users_after;   // [slices]
  std::vector<std::int64_t> items_after;   // [slices]
  std::vector<std::int64_t> item_times;    // [items]
  std::vector<SliceCounts> counts;         // [slices]: what stays
  std::vector<SliceCounts> before;         // [slices]: all, before the k-core
  std::vector<std::int64_t> longest;       // [slices]: most eligible events before a target
};

Slicing SliceTable(const EventTable& table, const SliceRule& rule, const CoreRule& core,
                   SameTime same_time, TaskPool& pool);

}  // namespace raie
