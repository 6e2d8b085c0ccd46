// Which regions drift, and how sure is that?
//
// Concept: the drift d of a region is the mean NLL of the model before the edit on its F windows
//          minus that on its S held-out windows. It drifts if d > d_min and Welch's one-sided test
//          over users (each user's mean NLL) that the rise is above d_min stays below the level
//          after Holm over the regions. Some gap is there without any drift (earlier windows of the
//          held-out users were trained on), so a test against no rise at all would open for that
//          gap alone: on simulated shops without drift it did so for 6 of 24 regions, the test
//          against d_min for none.
//          Only drifting regions are trained.
// Source:  ours (O), METHOD section 4 "Drift gate and sharing". Targets in C_S only; in a stream
//          the previous slice takes the place of S.
// Units:   nats per window.
// Errors:  kInvalidArgument: no held-out windows at all, non-finite losses, a user twice.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/options.h"
#include "raie/types.h"

namespace raie {

struct DriftGateOptions {
  double d_min = 0.25;
  double level = 0.05;
  double interval = 0.95;
  std::int64_t min_held_out = 30;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.d_min, Field{.name = "d_min",
                            .help = "a region drifts only if its NLL rose by more than this; some "
                                    "gap is there without drift",
                            .unit = "nats",
                            .minimum = 0,
                            .maximum = 100,
                            .paper = "no gate"});
    visit(self.level, Field{.name = "level",
                            .help = "level of the one-sided test over users, after Holm",
                            .minimum = 0,
                            .maximum = 1});
    visit(self.interval, Field{.name = "interval",
                               .help = "coverage of the interval of the drift",
                               .minimum = 0.5,
                               .maximum = 0.9999});
    visit(self.min_held_out, Field{.name = "min_held_out",
                                   .help = "with fewer held-out windows a region is compared with "
                                           "those of all regions",
                                   .unit = "windows",
                                   .minimum = 1,
                                   .maximum = 1e9});
  }
};

// The losses of one user's windows in one region.
struct UserLoss {
  UserId user{-1};
  double mean_nll = 0;
  std::int64_t num_windows = 0;  // >= 1
};

struct RegionLosses {
  RegionId region = kNoRegion;
  std::vector<UserLoss> recent;    // F windows; at most one entry a user
  std::vector<UserLoss> held_out;  // S held-out windows
};

struct RegionDrift {
  RegionId region = kNoRegion;
  std::int64_t recent_windows = 0;
  std::int64_t held_out_windows = 0;  // of the region itself
  std::int64_t recent_users = 0;
  std::int64_t held_out_users = 0;  // in the comparison (of all regions if `pooled`)
  bool pooled = false;              // compared with the held-out windows of all regions
  bool tested = false;              // false: fewer than two users on a side; p is 1
  double drift = 0;                 // d_k; NaN without F windows
  double low = 0;                   // interval of d_k, users as clusters; infinite if not tested
  double high = 0;
  double p_value = 1;     // one-sided: H0 users' mean NLL rose by at most d_min
  double p_adjusted = 1;  // Holm
  bool drifts = false;
};

// Returns the verdict for every region, in the order given.
std::vector<RegionDrift> MeasureDrift(std::span<const RegionLosses> regions,
                                      const DriftGateOptions& options);

// Returns the losses of one region, given window by window, grouped by user (ascending).
std::vector<UserLoss> GroupByUser(std::span<const UserId> users, std::span<const double> nll);

}  // namespace raie
