// Which method gives most on T for what it keeps of S?
//
// Concept: a method with a stability knob is a curve of points (S held-out, T), one a value of the
//          knob. What counts is not a point but what can be had: at every level s of S the best T
//          among the points that keep at least s. Its gain over the frozen model, averaged over the
//          levels between the lowest and the highest S of all curves, is the area under the curve
//          (a hypervolume over the lowest S and the frozen model's T). Users and seeds are drawn
//          once for all points, so that differences of areas have intervals.
// Limits:  the best of several noisy points is a little better than any: curves of more points are
//          favoured. Compare curves of as many points.
// Source:  METHOD section 8 ("Compare frontiers"); the area is ours
//          (O). Hypervolume: Zitzler and Thiele 1999.
// Shapes:  every point is of the same seeds, windows of S and windows of T.
// Errors:  kInvalidArgument for no curve, or points of other seeds than the rest.
// Threads: same result for any number of threads.
// Cost:    O(replicates x points x users x seeds).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/task_pool.h"
#include "evaluation/significance.h"

namespace raie {

struct TradeOff {
  double held_out = 0;  // S
  double test = 0;      // T
};

struct LevelRange {
  double low = 0;
  double high = 0;
};

// Semantics: 1 / (high - low) integral over s in [low, high] of
//            max(0, max over points with held_out >= s of (test - base)); 0 if high <= low.
double GainOverLevels(std::span<const TradeOff> curve, double base, const LevelRange& levels);

// One point of a curve, by user and seed.
struct TradeOffValues {
  CrossedValues held_out;
  CrossedValues test;
};

struct FrontierRequest {
  const TradeOffValues& frozen;
  std::span<const std::vector<TradeOffValues>> curves;
  std::size_t reference = 0;  // of the curves
  BootstrapOptions bootstrap = {};
};

struct FrontierArea {
  double gain = 0;
  Interval interval;
  double difference = 0;  // to the reference; 0 for itself
  Interval difference_interval;
  double p_value = 1;  // of the difference, two-sided, by the bootstrap
};

// Returns the area of every curve.
std::vector<FrontierArea> MeasureFrontiers(const FrontierRequest& request, TaskPool& pool);

}  // namespace raie
