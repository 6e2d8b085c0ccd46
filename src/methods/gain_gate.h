// Which regions have something to learn from a slice, whether or not they drift?
//
// Concept: drift of the loss is not the only reason to train: F's windows may be easier than the
//          held-out ones and still teach something. All regions are trained on the early part of
//          the slice; a region gains if its validation windows lose less than under the model
//          before: paired over users (mean of each user's windows), one-sided t-test, Holm over the
//          regions. Nothing after the slice is looked at.
// Source:  ours (O); METHOD section 4 "Drift gate and sharing" has the drift gate beside it.
// Units:   nats per window.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/options.h"
#include "data/windows.h"

namespace raie {

struct GainGateOptions {
  double level = 0.05;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.level, Field{.name = "level",
                            .help = "level of the one-sided test over users, after Holm",
                            .minimum = 0,
                            .maximum = 1,
                            .paper = "no gate"});
  }
};

struct RegionGain {
  RegionId region = kNoRegion;
  std::int64_t users = 0;  // with validation windows in the region
  double change = 0;       // mean over users of new - old NLL; below 0: a gain
  double p_value = 1;      // H0: the loss does not fall; 1 with fewer than two users
  double p_adjusted = 1;   // Holm
  bool gains = false;
};

// Losses of one window set under two models; NaN entries are left out.
struct PairedLosses {
  const WindowSet& windows;
  std::span<const RegionId> regions;  // of each window
  std::span<const double> now;
  std::span<const double> then;
};

// Returns each user's mean of (now - then) over his windows in `regions`, by user.
std::vector<double> UserChanges(const PairedLosses& losses, std::span<const RegionId> regions);

// Returns the verdict for every region, in the order given.
std::vector<RegionGain> MeasureGains(std::span<const RegionId> regions, const PairedLosses& losses,
                                     const GainGateOptions& options);

}  // namespace raie
