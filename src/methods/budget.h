// How long does a method train, and how is that chosen without looking at T?
//
// Concept: budget `own` is `epochs` passes over what the method trains on. Budget `equal` gives
//          every method the same maximum, epochs n_F / (1 - .7) samples. In a tuning pass the slice
//          ends where its last 10 % begins; the method runs its whole maximum there, is scored on
//          that last part at 10 checkpoints (untrained included), and the best share of the maximum
//          is what it then trains on the whole slice. With AdaptPasses::kTuningOnly the tuning pass
//          (with budget `own`: all its epochs on the first 90 %) is all there is: its run is
//          returned and the curve says how good it was. Whoever watches the tuned state
//          (RunContext::on_tuned) makes budget `own` run that pass, too, before the one it keeps.
// Source:  METHOD section 2 ("Tuning", "Budget").
// Errors:  kInvalidArgument if the slice has no windows, or none before or none in its validation
//          part.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "methods/adapt_options.h"
#include "methods/adapt_report.h"
#include "methods/method.h"
#include "methods/scorer.h"
#include "methods/time_split.h"

namespace raie {

// The whole slice, or what the tuning pass may see of it.
struct SlicePart {
  const WindowSet& windows;
  std::int64_t catalogue_size;
  std::int64_t maximum_samples;  // 0: epochs passes over what the run trains on
};

// One run of a method over one part.
class AdaptRun {
 public:
  virtual ~AdaptRun() = default;
  virtual std::int64_t maximum_samples() const = 0;
  // Trains until that many samples are seen in all.
  virtual void TrainTo(std::int64_t samples) = 0;
  virtual std::unique_ptr<Scorer> MakeScorer() const = 0;
  virtual TrainCounts counts() const = 0;
  // Called when the state is the best so far by validation.
  virtual void RememberBest() {}
  // Called once, when a tuning pass of budget `equal` is over: drops what of its best state is not
  // to be kept and returns how it answers then. Null: all is kept.
  virtual std::unique_ptr<Scorer> DropUnkept(const WindowSet& /*validation*/,
                                             std::int64_t /*catalogue_size*/) {
    return nullptr;
  }
};

// Makes a run; `tuned` is the finished tuning run (best state remembered), null for that run
// itself and with budget = own.
struct TuningResult {
  AdaptRun& run;
  const WindowSet& validation;
  std::int64_t catalogue_size;
};
using MakeRun = std::function<std::unique_ptr<AdaptRun>(const SlicePart&, const TuningResult*)>;

// A tuning pass that has run to its end.
struct Tuning {
  std::unique_ptr<const TimeSplit> split;  // the run reads it
  std::unique_ptr<AdaptRun> run;           // its best state remembered
  double share = 0;                        // of the maximum, where that was
  std::unique_ptr<Scorer> scorer;          // as it answered there

  TuningResult result() const { return {*run, split->validation, split->early_catalogue}; }
};

// Cuts the slice where its validation part begins; both sides have windows.
TimeSplit SplitForTuning(const RunContext& context, const AdaptOptions& options,
                         const AdaptSlice& slice);

// Returns NDCG@10 on the validation part of a slice, over the catalogue of the part before it.
double ValidationNdcg(const RunContext& context, const AdaptSlice& slice, const TimeSplit& split,
                      const Scorer& scorer);

// Shows the state that a method's choices were made at to whoever asked for it.
void ShowTuned(const RunContext& context, const AdaptSlice& slice, const TimeSplit& split,
               const Scorer& scorer);

// Runs a tuning pass over the slice without its validation part (budget `own`: all epochs, scored
// at their end); fills the report's curve and tuning counts.
Tuning Tune(const RunContext& context, const AdaptOptions& options, const AdaptSlice& slice,
            const MakeRun& make, AdaptReport& report);

// Trains as the budget says and returns the run whose state is kept; fills the report's curve,
// share and counts. A `tuning` pass that is given is not run again (its curve and counts are in the
// report already).
std::unique_ptr<AdaptRun> RunBudget(const RunContext& context, const AdaptOptions& options,
                                    const AdaptSlice& slice, const MakeRun& make,
                                    AdaptReport& report, std::optional<Tuning> tuning = {});

}  // namespace raie
