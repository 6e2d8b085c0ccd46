// Which (context, target) pairs does a slice give, and which of them are held out?
//
// Concept: a window is a target event and the eligible events before it in the same slice of the
//          same user. It is stored as two row numbers; its context (the last L eligible items known
//          to a catalogue) is read from the data when needed.
// Source:  METHOD section 2 ("Windows", "Held-out part of S").
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

struct WindowOptions {
  std::int64_t context = 10;      // L
  std::int64_t stride = 1;        // s
  std::int64_t min_context = -1;  // -1: L
  SameTime same_time = SameTime::kStrict;
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

// The three disjoint parts of slice S. Rows `held_out_events` and `validation_events` are the
// removed target events (also of users whose window was too short), sorted.
struct SetupWindows {
  WindowSet training;
  WindowSet validation;
  WindowSet held_out;
  std::vector<std::int64_t> removed_events;  // sorted rows: never an input or a target of training
};

WindowSet MakeWindows(const PreparedData& data, int slice, const WindowOptions& options);
SetupWindows MakeSetupWindows(const PreparedData& data, int slice, const WindowOptions& options);

// Appends the window's context to `items` and `times` (oldest first): the last L eligible events
// whose item is in the catalogue prefix. Returns how many were appended.
std::int64_t AppendContext(const PreparedData& data, const Window& window, std::int64_t length,
                           std::int64_t catalogue_size, std::vector<ItemId>& items,
                           std::vector<Timestamp>& times);

// Windows in the order (target time, user, position), the order of editing (METHOD section 4).
std::vector<std::int64_t> OrderByTime(const PreparedData& data, const WindowSet& windows);

}  // namespace raie
