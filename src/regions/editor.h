// How does a slice of new windows change the regions?
//
// Concept: windows are folded in time order. Each is exactly one of Update (confident and clear:
//          radius, then centre), Expand (confident but between regions: the radius grows, then the
//          centre) or Add (far from all: into a buffer, which when full may become new regions).
//          Every decision leaves a record: the edit journal.
// Source:  METHOD section 4, Eq. 4-6 (reconstructed: R) and "Add" (ours: O).
// Shapes:  z_MD [M, D] unit rows.
// Errors:  kInvalidArgument: lengths that differ, rows that are not unit vectors, options out of
//          range, thresholds that ValidateThresholds refuses.
// Threads: pure; one window after the other by nature. Folding a slice in two halves gives the same
//          bytes as folding it at once.
// Cost:    O(M K D).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "regions/editor_options.h"
#include "regions/region_set.h"

namespace raie {

// Distinct contexts of a slice in the order (target time, user, position): windows of one user with
// the same context are one row.
struct EditPoints {
  std::span<const float> z_MD;
  std::span<const std::int64_t> users;
  std::span<const std::int64_t> windows;  // caller's window numbers, for the journal
  std::int64_t num_slice_windows = 0;     // all windows of the slice, for N_min
};

enum class EditKind {
  kUpdate,
  kExpand,
  kAdd,               // into the buffer
  kAddRefused,        // the set is at its cap; the window edits nothing
  kRegionAdded,       // a candidate became `region`; `count` members left the buffer
  kCandidateRefused,  // `refusal` says why; its `count` members stay
  kMemberAccepted,    // one buffered window became a member of `region`
  kDropped,           // one buffered window left with the oldest half: no candidate passed
};
std::string_view NameOf(EditKind kind);

enum class Refusal { kNone, kFewUsers, kSpread, kRegionCap };
std::string_view NameOf(Refusal refusal);

// One line of the journal. For window records confidence, margin, cosine and angle are those at the
// moment of the decision, against the nearest region.
struct EditRecord {
  EditKind kind = EditKind::kUpdate;
  Refusal refusal = Refusal::kNone;
  RegionId region = kNoRegion;
  std::int64_t window =
      -1;                  // the window decided on; for candidates, the one that filled the buffer
  std::int64_t count = 1;  // windows concerned
  double confidence = 0;   // c(1)
  double margin = 0;       // infinite if K = 1
  double cosine = 0;
  double angle_rad = 0;
  double radius_before_rad = 0;
  double radius_after_rad = 0;
};

struct RegionEdits {
  RegionId region = kNoRegion;
  std::int64_t updated = 0;
  std::int64_t expanded = 0;
  std::int64_t added_near = 0;  // Adds whose nearest region this was
  std::int64_t accepted = 0;    // members it was made of, if it is new
};

struct EditSummary {
  std::int64_t updated = 0;
  std::int64_t expanded = 0;
  std::int64_t added = 0;        // Add decisions: into the buffer or refused
  std::int64_t add_refused = 0;  // of them, refused at the cap
  std::int64_t regions_added = 0;
  std::int64_t candidates_refused = 0;
  std::int64_t dropped = 0;
  std::int64_t left_in_buffer = 0;
  std::vector<RegionEdits> regions;  // by slot of the new state
};

struct EditResult {
  EditorState state;
  std::vector<EditRecord> journal;
  EditSummary summary;
};

// Returns max(add_min_windows, ceil(add_min_share * num_slice_windows)).
std::int64_t AddBufferSize(const EditorOptions& options, std::int64_t num_slice_windows);

// Returns the state after all points. A new slice starts with an empty buffer: clear it first.
EditResult EditRegions(const EditorState& state, const EditPoints& points,
                       const EditorOptions& options);

}  // namespace raie
