// How are the events of a log brought together by user, in time order?
//
// Concept: two columns grouped by user by a counting sort (stable: the file's order is kept), then
//          each user's run is sorted by time and, if asked, thinned to the first event of each
//          item. A run may end before the next user's begins: dropped events leave a gap.
// Source:  METHOD section 2 (rating, repeats).
// Errors:  kCorruptData: a rating that is not a number.
// Threads: same result for any number.
// Cost:    O(E) beside the sorts; 12 bytes an event kept by the rating filter.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/column.h"
#include "base/task_pool.h"
#include "data/interaction_log.h"

namespace raie {

struct EventTable {
  Column<std::int64_t> times;
  Column<std::int32_t> items;
  std::vector<std::int64_t> begins;  // by user of the log
  std::vector<std::int64_t> ends;
  std::int32_t num_items = 0;
  std::int64_t earliest = 0;  // over the events of the rating filter
  std::int64_t latest = 0;
  // Events by interval of time, counted while the runs are sorted; empty: the runs have changed.
  std::vector<std::int64_t> time_counts;

  std::int64_t num_users() const { return static_cast<std::int64_t>(begins.size()); }
  std::int64_t num_events() const;
};

// Groups the events rated at least `min_rating` (all if the log has no ratings).
EventTable GroupByUser(const InteractionLog& log, double min_rating, TaskPool& pool);

enum class KeepPairs { kAll, kFirst };

// Sorts every run by time, equal times in the file's order.
void SortRuns(EventTable& table, KeepPairs pairs, TaskPool& pool);

// Cuts users into at most `tasks` neighbouring ranges of about equal numbers of events; returns
// the tasks + 1 borders.
std::vector<std::int64_t> BalancedUserRanges(std::span<const std::int64_t> begins,
                                             std::int64_t num_events, std::int64_t tasks);

// Returns sorted[min(floor(p n), n - 1)] of all times of the runs, for each p.
std::vector<std::int64_t> TimeQuantiles(const EventTable& table, std::span<const double> shares,
                                        TaskPool& pool);

}  // namespace raie
