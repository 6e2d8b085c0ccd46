// Which (context, target) pairs does a slice give, and which of them are held out?
//
// Concept: a window is a target event and the eligible events before it in the same slice of the
//          same user. It is stored as two row numbers; its context (the last L eligible items known
//          to a catalogue) is read from the data when needed. In leave-last-out contexts reach back
//          over the slice border to the user's first event.
// Source:  METHOD section 2 ("Windows", "Held-out part of S", "Tuning", "stream").
// Threads: pure functions.
// Cost:    O(events of the slice).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/prepared_data.h"
#include "raie/types.h"

namespace raie {

enum class SameTime { kStrict, kOrder };
inline std::span<const char* const> EnumNames(SameTime) {
  static constexpr const char* kNames[] = {"strict", "order"};
  return kNames;
}

// Which windows of S are kept out of training: each user's last two, or none (as-released).
enum class HeldOut { kLastTwo, kNone };
inline std::span<const char* const> EnumNames(HeldOut) {
  static constexpr const char* kNames[] = {"last-two", "none"};
  return kNames;
}

struct WindowOptions {
  std::int64_t context = 10;      // L
  std::int64_t stride = 1;        // s
  std::int64_t min_context = -1;  // -1: L
  SameTime same_time = SameTime::kStrict;
  HeldOut held_out = HeldOut::kLastTwo;
};

struct Window {
  UserId user;
  std::int64_t target;         // event row
  std::int64_t context_begin;  // first event row of the user's slice
  std::int64_t context_end;    // eligible events are [context_begin, context_end), oldest first
};

struct WindowSet {
  std::vector<Window> windows;  // by (user, target); see OrderByTime

  std::int64_t size() const { return static_cast<std::int64_t>(windows.size()); }
};

// The three disjoint parts of slice S. Each user with at least L + 2 events there gives the last
// event as held-out target and the last but one as validation target; both rows are removed from
// training, also where the window is too short to be one.
struct SetupWindows {
  WindowSet training;
  WindowSet validation;
  WindowSet held_out;
  std::vector<std::int64_t> removed_events;  // sorted rows: never an input or a target of training
};

WindowSet MakeWindows(const PreparedData& data, int slice, const WindowOptions& options);

// In leave-last-out (slice 0 only) training is slice 0, validation slice 1 and held_out slice 2.
// With HeldOut::kNone everything is training.
SetupWindows MakeSetupWindows(const PreparedData& data, int slice, const WindowOptions& options);

// Returns the windows of a slice that ended at `border`: targets before it, the last of each user
// and every stride-th backwards.
WindowSet MakeWindowsBefore(const PreparedData& data, int slice, const WindowOptions& options,
                            Timestamp border);

// The last window of each user (part j of a stream) and the rest, which trains.
struct StreamPart {
  WindowSet training;
  WindowSet part;
};
StreamPart SplitLastWindows(const WindowSet& windows);

// Appends the window's context to `items` and `times` (oldest first): the last L eligible events
// whose item is in the catalogue prefix. Returns how many were appended.
std::int64_t AppendContext(const PreparedData& data, const Window& window, std::int64_t length,
                           std::int64_t catalogue_size, std::vector<ItemId>& items,
                           std::vector<Timestamp>& times);

// Windows in the order (target time, user, position), the order of editing (METHOD section 4);
// `windows` is in the order of MakeWindows.
std::vector<std::int64_t> OrderByTime(const PreparedData& data, const WindowSet& windows);

}  // namespace raie
