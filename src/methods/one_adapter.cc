#include "methods/one_adapter.h"

#include <utility>

#include "base/stopwatch.h"

namespace raie {
namespace {

// One adapter over one part of a slice.
class OneAdapterRun final : public AdaptRun {
 public:
  OneAdapterRun(const RunContext& context, const AdaptOptions& options, const Snapshot& start,
                TrainPlan plan)
      : maximum_(plan.maximum_samples), trainer_(context, options, start, std::move(plan)) {}

  std::int64_t maximum_samples() const override { return maximum_; }
  void TrainTo(std::int64_t samples) override { trainer_.TrainTo(samples); }
  std::unique_ptr<Scorer> MakeScorer() const override {
    return std::make_unique<SnapshotScorer>(std::make_shared<const Snapshot>(Current()));
  }
  TrainCounts counts() const override { return trainer_.counts(); }
  Snapshot Current() const { return trainer_.Current(); }

 private:
  std::int64_t maximum_;
  GroupTrainer trainer_;
};

// Samples of one pass over what the plan trains on.
std::int64_t EpochSamples(const TrainPlan& plan) {
  const auto own = std::ssize(plan.groups[0].samples);
  return plan.replay.empty() ? own : 2 * own;
}

}  // namespace

void OneAdapterMethod::Prepare(const Snapshot& setup, const WindowSet&) {
  setup_ = setup;
  snapshot_ = setup;
  snapshot_.editor = {};  // nothing is routed
  snapshot_.adapters.clear();
}

std::shared_ptr<const Adapter> OneAdapterMethod::FirstAdapter(const Pass& pass) const {
  return MakeFreshAdapter(*pass.start.backbone, options_.lora, kNoRegion, context_.seed);
}

std::unique_ptr<AdaptRun> OneAdapterMethod::MakeRun(const Pass& pass) {
  const auto known = pass.start.adapters.find(kNoRegion);
  TrainGroup group{.regions = {kNoRegion},
                   .start = known != pass.start.adapters.end() ? known->second : FirstAdapter(pass),
                   .samples = {}};
  for (std::int64_t i = 0; i < pass.part.windows.size(); ++i) group.samples.push_back({false, i});
  const bool moves = group.start != nullptr || options_.item_rows != ItemRowsKind::kFrozen;
  TrainPlan plan;
  plan.groups.push_back(std::move(group));
  plan.new_windows = &pass.part.windows;
  plan.memory = pass.slice.memory;
  plan.catalogue_size = pass.part.catalogue_size;
  CompletePlan(pass, plan);
  plan.maximum_samples = pass.part.maximum_samples > 0 ? pass.part.maximum_samples
                                                       : options_.epochs * EpochSamples(plan);
  if (!moves) plan.maximum_samples = 0;
  return std::make_unique<OneAdapterRun>(context_, options_, pass.start, std::move(plan));
}

AdaptReport OneAdapterMethod::Adapt(const AdaptSlice& slice) {
  const Stopwatch watch;
  const Snapshot start = WithCatalogue(snapshot_, slice.catalogue_size, context_.seed);
  const Snapshot grown_setup = WithCatalogue(setup_, slice.catalogue_size, context_.seed);
  const auto make = [&](const SlicePart& part, const TuningResult*) {
    return MakeRun({.part = part, .slice = slice, .start = start, .grown_setup = grown_setup});
  };
  AdaptReport report;
  const auto run = RunBudget(context_, options_, slice, make, report);
  Publish(static_cast<const OneAdapterRun&>(*run).Current(), slice);
  report.bytes_kept = BytesKept(snapshot_);
  report.forward_passes = 1;
  CompleteReport(slice, report);
  report.seconds = watch.seconds();
  return report;
}

}  // namespace raie
