// What are the preference regions at one moment?
//
// Concept: K unit centres on the sphere of hidden states, each with a radius and the bookkeeping
//          the edit rules need. A value: an edit makes a new set.
// Source:  METHOD section 4 (Eq. 1, 5, 6).
// Shapes:  centre [D], unit norm.
// Units:   angles in radians.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "raie/types.h"

namespace raie {

struct Region {
  RegionId id = kNoRegion;
  std::vector<float> centre;
  double resultant_length = 0;    // l_k: |sum of z| over what the centre is the mean of
  double radius_rad = 0;          // r_k
  double initial_radius_rad = 0;  // r_k(0)
  std::int64_t num_members = 0;   // n_k: windows the centre was fitted on or edited with
  std::int64_t num_updates = 0;
  std::int64_t num_expands = 0;
};

struct RegionSet {
  std::int64_t dim = 0;
  std::int64_t starting_count = 0;  // K at discovery: the cap on Add is twice this
  std::int32_t next_id = 0;         // ids are never reused
  double quantile = 0.9;            // q of the radii; the edit rules keep to it
  std::vector<Region> regions;

  std::int64_t size() const { return static_cast<std::int64_t>(regions.size()); }
};

// Returns the slot of region `id`, or -1 if the set does not hold it.
std::int32_t SlotOf(const RegionSet& regions, RegionId id);

// Throws kInternal unless every centre has `dim` finite values of unit norm, every radius is
// within [0, pi] and ids are unique and below next_id.
void CheckRegions(const RegionSet& regions);

// tau and delta of Eq. 4, calibrated on S held-out windows and not changed in F.
struct Calibration {
  double tau = 0;
  double delta = 0;
  double first_cos_quantile = 0;  // 1 % quantile of s(1), for accepting candidates of Add
  // What they were calibrated with; an edit with anything else is refused.
  std::string confidence = "cosine";
  double temperature = 0;  // of a softmax; 0 for cosine
  double tau_quantile = 0.01;
  double delta_quantile = 0.1;
};

// Windows waiting for an Add, in order of arrival.
struct AddBuffer {
  std::vector<float> z_MD;
  std::vector<std::int64_t> users;    // for "at least 10 users"
  std::vector<std::int64_t> windows;  // caller's window numbers, for the journal

  std::int64_t size() const { return static_cast<std::int64_t>(windows.size()); }
};

struct EditorState {
  RegionSet regions;
  Calibration calibration;
  AddBuffer buffer;
};

}  // namespace raie
