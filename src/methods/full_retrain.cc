// Method `full_retrain`: S and F from scratch, the upper bound and what it costs.
//
// Source: METHOD section 5. The number of epochs is chosen on F validation (early stopping on S and
// the early part of F, patience as in the fit of S); then a fresh model is fitted on all of S and F
// for so many. Outside the equal budget (METHOD section 2). In a stream: all slices so far.
#include <algorithm>
#include <utility>

#include "base/random.h"
#include "base/stopwatch.h"
#include "data/prepare.h"
#include "methods/budget.h"
#include "methods/popularity.h"
#include "methods/registry.h"
#include "methods/setup.h"
#include "methods/snapshot_method.h"
#include "methods/time_split.h"
#include "raie/error.h"
#include "training/fit_start.h"

namespace raie {
namespace {

constexpr std::uint64_t kBackbonePart = 0x626b62;
constexpr std::uint64_t kRowsPart = 0x726f77;
constexpr std::uint64_t kFitPart = 0x666974;

// What one fit learns from, and until when.
struct FitPart {
  std::int64_t catalogue_size;
  std::int64_t end;             // time
  const WindowSet* validation;  // null: none, `epochs` epochs
  std::int64_t epochs;
};

class FullRetrain final : public SnapshotMethod {
 public:
  using SnapshotMethod::SnapshotMethod;
  std::string_view name() const override { return "full_retrain"; }

  void Prepare(const Snapshot& setup, const WindowSet&) override {
    if (context_.refit == nullptr) {
      throw Error(ErrorCode::kInvalidArgument,
                  "full_retrain: it has to know how the model of S was fitted; give the run the "
                  "options of the backbone and of the fit");
    }
    snapshot_ = setup;
    snapshot_.editor = {};  // nothing is routed
    snapshot_.adapters.clear();
  }

  AdaptReport Adapt(const AdaptSlice& slice) override {
    const Stopwatch watch;
    const TimeSplit split =
        SplitInTime(context_.data, slice.slice, *slice.windows, options_.validation_share);
    AdaptReport report;
    const FittedBackbone tuned = Fit(slice, {.catalogue_size = split.early_catalogue,
                                             .end = Seconds(split.border),
                                             .validation = &split.validation,
                                             .epochs = 0});
    report.tuning = CountsOf(tuned);
    for (const FitEpoch& epoch : tuned.report.epochs) {
      report.curve.push_back({.share = 1, .validation_ndcg10 = epoch.validation_ndcg10});
    }
    if (context_.on_tuned) {
      ShowTuned(context_, slice, split,
                SnapshotScorer(
                    std::make_shared<const Snapshot>(SnapshotOf(tuned, split.early_catalogue))));
    }
    if (slice.passes == AdaptPasses::kTuningOnly) return report;
    const FittedBackbone fitted =
        Fit(slice, {.catalogue_size = slice.loss_items(),
                    .end = EndOfSlice(context_.data, slice.slice),
                    .validation = nullptr,
                    .epochs = std::max<std::int64_t>(1, tuned.report.best_epoch)});
    Snapshot next =
        WithCatalogue(SnapshotOf(fitted, slice.loss_items()), slice.catalogue_size, context_.seed);
    next.old_catalogue_size = snapshot_.old_catalogue_size;
    Publish(std::move(next), slice);
    report.training = CountsOf(fitted);
    report.maximum_samples = report.training.samples;
    report.bytes_kept =
        report.training.trained_parameters * static_cast<std::int64_t>(sizeof(float));
    if (slice.memory != nullptr) report.bytes_kept += MemoryBytes(*slice.memory);
    report.seconds = watch.seconds();
    return report;
  }

 private:
  static Snapshot SnapshotOf(const FittedBackbone& fitted, std::int64_t catalogue_size) {
    return MakeFittedSnapshot(
        {.backbone = fitted.backbone, .items = fitted.items, .catalogue_size = catalogue_size});
  }

  static TrainCounts CountsOf(const FittedBackbone& fitted) {
    return {.samples = fitted.report.samples,
            .steps = fitted.report.steps,
            .trained_parameters = fitted.trained_parameters};
  }

  FittedBackbone Fit(const AdaptSlice& slice, const FitPart& part) const {
    const RefitOptions& refit = *context_.refit;
    FitOptions options = refit.fit;
    if (part.validation == nullptr) {
      options.max_epochs = part.epochs;
      options.patience_epochs = options.patience_steps = 0;  // keeps the last
    }
    FitRequest request{.data = context_.data, .windows = WindowOptionsOf(context_.data)};
    for (int later = 1; later <= slice.slice; ++later) {
      request.more_slices.push_back({later, RemovedRows(slice, later, part.end)});
    }
    request.validation = part.validation;
    request.catalogue_size = part.catalogue_size;
    request.seen = slice.seen;
    request.seed = DeriveSeed(context_.seed, kFitPart);
    request.observer = context_.observer;
    request.cancel = context_.cancel;
    return FitFromStart({.backbone = refit.backbone,
                         .backbone_seed = DeriveSeed(context_.seed, kBackbonePart),
                         .rows_seed = DeriveSeed(context_.seed, kRowsPart),
                         .border = refit.border},
                        options, request, context_.pool);
  }

  // Rows of a later slice that are held out or not yet there.
  std::vector<std::int64_t> RemovedRows(const AdaptSlice& slice, int later,
                                        std::int64_t end) const {
    const WindowSet none;
    const WindowSet& memory = slice.memory != nullptr ? *slice.memory : none;
    const PreparedData& data = context_.data;
    std::vector<std::int64_t> rows =
        HeldOutEvents(data, later, later == slice.slice ? *slice.windows : memory);
    for (std::int32_t user = 0; user < data.num_users(); ++user) {
      const EventRange events = data.SliceEvents(UserId{user}, later);
      for (std::int64_t row = events.begin; row < events.end; ++row) {
        if (Seconds(data.times()[row]) >= end) rows.push_back(row);
      }
    }
    std::ranges::sort(rows);
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    return rows;
  }
};

}  // namespace

std::unique_ptr<Method> MakeFullRetrain(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<FullRetrain>(context, options);
}

}  // namespace raie
