#include "methods/budget.h"

#include <cmath>
#include <string>
#include <utility>

#include "methods/rank_windows.h"
#include "raie/error.h"
#include "training/metrics.h"

namespace raie {
namespace {

// 0: all epochs over what the run trains on.
std::int64_t MaximumSamples(const AdaptOptions& options, const WindowSet& windows) {
  if (options.budget == BudgetKind::kOwn) return 0;
  return std::llround(static_cast<double>(options.epochs * windows.size()) / (1 - kBudgetRho));
}

void ShowCheckpoint(const RunContext& context, Checkpoint::Pass pass, double share,
                    const AdaptRun& run, std::int64_t catalogue_size) {
  if (!context.on_checkpoint) return;
  context.on_checkpoint({.pass = pass,
                         .share = share,
                         .samples = run.counts().samples,
                         .scorer = run.MakeScorer(),
                         .catalogue_size = catalogue_size});
}

// The shares of its maximum at which a tuning pass is scored.
std::vector<double> SharesToScore(const AdaptOptions& options) {
  if (options.budget == BudgetKind::kOwn) return {1};
  std::vector<double> shares;
  for (std::int64_t c = 0; c < options.checkpoints; ++c) {
    shares.push_back(static_cast<double>(c) / static_cast<double>(options.checkpoints - 1));
  }
  return shares;
}

// Runs the tuning pass to its end and remembers its best state.
void ChooseShare(const RunContext& context, const AdaptOptions& options, const AdaptSlice& slice,
                 Tuning& tuning, AdaptReport& report) {
  AdaptRun& run = *tuning.run;
  double best_ndcg = -1;
  for (const double share : SharesToScore(options)) {
    run.TrainTo(std::llround(share * static_cast<double>(run.maximum_samples())));
    auto scorer = run.MakeScorer();
    const double ndcg = ValidationNdcg(context, slice, *tuning.split, *scorer);
    report.curve.push_back(
        {.share = share, .samples = run.counts().samples, .validation_ndcg10 = ndcg});
    if (options.budget == BudgetKind::kEqual) {
      ShowCheckpoint(context, Checkpoint::Pass::kTuning, share, run, tuning.split->early_catalogue);
    }
    if (ndcg <= best_ndcg) continue;
    best_ndcg = ndcg;
    tuning.share = share;
    tuning.scorer = std::move(scorer);
    run.RememberBest();
  }
  report.tuning = run.counts();
}

// Epoch by epoch, so that curves see each; what is trained does not depend on the stops.
void TrainByEpochs(const RunContext& context, const AdaptOptions& options, AdaptRun& run,
                   std::int64_t catalogue_size) {
  const std::int64_t first = context.on_checkpoint ? 0 : options.epochs;
  for (std::int64_t epoch = first; epoch <= options.epochs; ++epoch) {
    const double share = static_cast<double>(epoch) / static_cast<double>(options.epochs);
    run.TrainTo(std::llround(share * static_cast<double>(run.maximum_samples())));
    ShowCheckpoint(context, Checkpoint::Pass::kWhole, share, run, catalogue_size);
  }
}

}  // namespace

TimeSplit SplitForTuning(const RunContext& context, const AdaptOptions& options,
                         const AdaptSlice& slice) {
  TimeSplit split =
      SplitInTime(context.data, slice.slice, *slice.windows, options.validation_share);
  if (split.early.size() > 0 && split.validation.size() > 0) return split;
  const auto percent = std::lround(100 * options.validation_share);
  throw Error(ErrorCode::kInvalidArgument,
              "adapt: slice " + std::to_string(slice.slice) + " has " +
                  std::to_string(slice.windows->size()) + " windows and none " +
                  (split.early.size() == 0 ? "before" : "in") + " its last " +
                  std::to_string(percent) +
                  " % in time, on which choices are made; set another edit.validation_share, or "
                  "choose nothing: edit.budget = own, a gate that asks for no gain (drift or off), "
                  "no popularity prior, and --tune 1 of raie compare");
}

double ValidationNdcg(const RunContext& context, const AdaptSlice& slice, const TimeSplit& split,
                      const Scorer& scorer) {
  const RankedSet ranked = RankWindows(scorer, context.data, split.validation,
                                       {.context = slice.context,
                                        .catalogue_size = split.early_catalogue,
                                        .seen = slice.seen,
                                        .popularity_slice = -1},
                                       context.Pass("validation"));
  return Summarise(ranked.ranks, ranked.users).window_mean.ndcg[1];
}

void ShowTuned(const RunContext& context, const AdaptSlice& slice, const TimeSplit& split,
               const Scorer& scorer) {
  if (context.on_tuned) context.on_tuned({.slice = slice, .split = split, .scorer = scorer});
}

Tuning Tune(const RunContext& context, const AdaptOptions& options, const AdaptSlice& slice,
            const MakeRun& make, AdaptReport& report) {
  Tuning tuning{.split = std::make_unique<TimeSplit>(SplitForTuning(context, options, slice)),
                .run = nullptr,
                .scorer = nullptr};
  const WindowSet& early = tuning.split->early;
  tuning.run =
      make({early, tuning.split->early_catalogue, MaximumSamples(options, early)}, nullptr);
  ChooseShare(context, options, slice, tuning, report);
  return tuning;
}

std::unique_ptr<AdaptRun> RunBudget(const RunContext& context, const AdaptOptions& options,
                                    const AdaptSlice& slice, const MakeRun& make,
                                    AdaptReport& report, std::optional<Tuning> tuning) {
  if (slice.windows->size() == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "adapt: slice " + std::to_string(slice.slice) +
                    " has no windows to learn from; lower min_context or the context, or choose a "
                    "slice with more events");
  }
  const bool equal = options.budget == BudgetKind::kEqual;
  const bool tuning_only = slice.passes == AdaptPasses::kTuningOnly;
  if (!tuning.has_value() && (equal || tuning_only || context.on_tuned)) {
    tuning = Tune(context, options, slice, make, report);
  }
  if (tuning.has_value()) {
    auto kept =
        equal ? tuning->run->DropUnkept(tuning->split->validation, tuning->split->early_catalogue)
              : nullptr;
    if (kept != nullptr) {
      tuning->scorer = std::move(kept);
      report.kept_validation_ndcg10 =
          ValidationNdcg(context, slice, *tuning->split, *tuning->scorer);
    }
    ShowTuned(context, slice, *tuning->split, *tuning->scorer);
  }
  report.chosen_share = equal ? tuning->share : 1;
  if (tuning_only) return std::move(tuning->run);

  std::optional<TuningResult> tuned;
  if (equal) tuned.emplace(tuning->result());
  auto run = make({*slice.windows, slice.loss_items(), MaximumSamples(options, *slice.windows)},
                  tuned.has_value() ? &*tuned : nullptr);
  report.maximum_samples = run->maximum_samples();
  if (equal) {
    run->TrainTo(std::llround(report.chosen_share * static_cast<double>(run->maximum_samples())));
  } else {
    TrainByEpochs(context, options, *run, slice.catalogue_size);
  }
  report.training = run->counts();
  return run;
}

}  // namespace raie
