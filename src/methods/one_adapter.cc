#include "methods/one_adapter.h"

#include <chrono>
#include <utility>

#include "methods/budget.h"

namespace raie {
namespace {

// One adapter over one part of a slice.
class OneAdapterRun final : public AdaptRun {
 public:
  OneAdapterRun(const RunContext& context, const AdaptOptions& options, const Snapshot& start,
                const SlicePart& part, std::shared_ptr<const Adapter> adapter) {
    TrainGroup group{.regions = {kNoRegion}, .start = std::move(adapter), .samples = {}};
    for (std::int64_t i = 0; i < part.windows.size(); ++i) group.samples.push_back({false, i});
    maximum_ = part.maximum_samples > 0 ? part.maximum_samples
                                        : options.epochs * std::ssize(group.samples);
    TrainPlan plan;
    plan.groups.push_back(std::move(group));
    plan.new_windows = &part.windows;
    plan.catalogue_size = part.catalogue_size;
    plan.maximum_samples = maximum_;
    trainer_ = std::make_unique<GroupTrainer>(context, options, start, std::move(plan));
  }

  std::int64_t maximum_samples() const override { return maximum_; }
  void TrainTo(std::int64_t samples) override { trainer_->TrainTo(samples); }
  std::unique_ptr<Scorer> MakeScorer() const override {
    return std::make_unique<SnapshotScorer>(std::make_shared<const Snapshot>(Current()));
  }
  TrainCounts counts() const override { return trainer_->counts(); }
  Snapshot Current() const { return trainer_->Current(); }

 private:
  std::int64_t maximum_ = 0;
  std::unique_ptr<GroupTrainer> trainer_;
};

}  // namespace

void OneAdapterMethod::Prepare(const Snapshot& setup, const WindowSet&) {
  setup_ = setup;
  snapshot_ = setup;
  snapshot_.editor = {};  // nothing is routed
  snapshot_.adapters.clear();
}

AdaptReport OneAdapterMethod::Adapt(const AdaptSlice& slice) {
  const auto begin = std::chrono::steady_clock::now();
  const Snapshot start = WithCatalogue(snapshot_, slice.catalogue_size, context_.seed);
  const Snapshot grown_setup = WithCatalogue(setup_, slice.catalogue_size, context_.seed);
  const auto make = [&](const SlicePart& part, const TuningResult*) -> std::unique_ptr<AdaptRun> {
    const auto known = start.adapters.find(kNoRegion);
    auto adapter =
        known != start.adapters.end()
            ? known->second
            : MakeFreshAdapter(*start.backbone,
                               AdapterOptions(part.windows, part.catalogue_size, grown_setup),
                               kNoRegion, context_.seed);
    return std::make_unique<OneAdapterRun>(context_, options_, start, part, std::move(adapter));
  };
  AdaptReport report;
  const auto run = RunBudget(context_, options_, slice, make, report);
  Publish(static_cast<const OneAdapterRun&>(*run).Current(), slice);
  report.bytes_kept = BytesKept(snapshot_);
  report.forward_passes = 1;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
}

}  // namespace raie
