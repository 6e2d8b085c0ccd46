// What did learning from a slice do, see and cost?
//
// Source:  METHOD section 2 ("Budget": always reported).
// Units:   seconds of wall time; bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "methods/drift.h"
#include "methods/gain_gate.h"
#include "regions/editor.h"
#include "regions/geometry.h"

namespace raie {

struct TrainCounts {
  std::int64_t samples = 0;  // targets with a loss
  std::int64_t steps = 0;    // batches
  std::int64_t trained_parameters = 0;
};

struct CheckpointScore {
  double share = 0;  // of the method's maximum
  std::int64_t samples = 0;
  double validation_ndcg10 = 0;
};

struct PriorCandidate {
  double weight = 0;  // 0: no prior
  double half_life_seconds = 0;
  double validation_ndcg10 = 0;
};

// Which popularity prior validation chose; the first candidate is none.
struct PriorChoice {
  std::vector<PriorCandidate> candidates;
  PriorCandidate chosen = {};
  double seconds = 0;  // of choosing and counting
};

// Why a region was open to training, or that it was not.
enum class GateVerdict { kShut, kNoGate, kDrifts, kGains, kDriftsAndGains };
inline std::span<const char* const> EnumNames(GateVerdict) {
  static constexpr const char* kNames[] = {"shut", "no gate", "drifts", "gains",
                                           "drifts and gains"};
  return kNames;
}

struct RegionTraining {
  RegionId region = kNoRegion;
  GateVerdict gate = GateVerdict::kShut;
  bool trained = false;          // the pass that is kept saw rows of it
  bool kept = true;              // false: turned down by the keep gate, so not trained in that pass
  std::int64_t new_windows = 0;  // of D_k
  std::int64_t memory_windows = 0;
  double rows_per_step = 0;  // of a mixed batch that holds it
};

struct AdaptReport {
  EditSummary edits;  // methods with regions
  std::vector<EditRecord> journal;
  RegionComparison comparison;  // regions before the slice and after its edits
  DriftReport drift;
  std::vector<RegionGain> gains;  // of the gain gate, if it is on
  std::vector<RegionTraining> regions;
  std::vector<CheckpointScore> curve;  // of the tuning pass; empty if there was none
  double chosen_share = 1;             // of the maximum, used in the final pass
  // Of the best state without the adapters that the keep gate drops; none if it drops none.
  std::optional<double> kept_validation_ndcg10;
  std::int64_t maximum_samples = 0;  // of the final pass
  TrainCounts tuning;                // passes on the first 90 %
  TrainCounts training;              // the pass whose result is kept
  std::int64_t bytes_kept = 0;       // adapters, own rows, memory windows, counts of the prior
  int forward_passes = 1;            // a request
  std::int64_t unused_windows = 0;   // ebpr: windows without a negative
  std::int64_t popularity_days = 0;  // recent_popularity: how many were counted
  std::optional<PriorChoice> prior;  // popularity_prior.use = on
  double seconds = 0;
};

}  // namespace raie
