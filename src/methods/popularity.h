// How often was each item taken, lately or all in all?
//
// Concept: counts of events up to a moment, sharp (a window of time) or fading (each event weighs
//          2^(-age / half-life)). Events that are held out (S held-out and validation targets,
//          parts of a stream) are never counted.
// Source:  METHOD section 5 (`recent_popularity`), section 4 (`popularity_prior`).
// Units:   seconds.
// Cost:    O(events of the slices).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "data/prepared_data.h"
#include "data/windows.h"
#include "methods/scorer.h"

namespace raie {

struct CountedEvents {
  int first_slice = 0;
  int last_slice = 0;
  std::int64_t begin = std::numeric_limits<std::int64_t>::min();  // time in [begin, end)
  std::int64_t end = std::numeric_limits<std::int64_t>::max();
};

// Returns the rows of events that no count may see: those removed from S, and of a later `slice`
// the targets of its windows that are not in `training` (in any order, of any slices). Sorted.
std::vector<std::int64_t> HeldOutEvents(const PreparedData& data, int slice,
                                        const WindowSet& training);

// Returns how many of the counted events each item below `catalogue_size` has.
std::vector<double> CountItems(const PreparedData& data, const CountedEvents& events,
                               const std::vector<std::int64_t>& left_out,
                               std::int64_t catalogue_size);

// Returns the sum over the counted events of 2^(-(end - time) / half_life), by item.
std::vector<double> FadingCounts(const PreparedData& data, const CountedEvents& events,
                                 const std::vector<std::int64_t>& left_out,
                                 std::int64_t catalogue_size, double half_life);

// The fading counts of every item at any moment.
// Cost:  16 bytes an event; a moment: O(items log events).
class FadingHistory {
 public:
  FadingHistory(const PreparedData& data, const CountedEvents& events,
                const std::vector<std::int64_t>& left_out, std::int64_t catalogue_size,
                double half_life);

  // Returns the sum over the counted events before `time` of 2^(-(time - t) / half_life).
  double CountAt(ItemId item, std::int64_t time) const;

 private:
  double half_life_;
  std::vector<std::int64_t> begin_;  // [items + 1] into times_, counts_
  std::vector<std::int64_t> times_;  // of the events, by item, rising
  std::vector<double> counts_;       // of the item at its event, the event included
};

// Returns the time of the first event of a slice, which has one.
std::int64_t StartOfSlice(const PreparedData& data, int slice);

// Returns one second after the last event of slices 0 .. slice.
std::int64_t EndOfSlice(const PreparedData& data, int slice);

// Answers every context with the same scores; items it does not know have score 0.
std::unique_ptr<Scorer> MakeConstantScorer(std::vector<float> scores_N);

}  // namespace raie
