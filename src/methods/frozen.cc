// Method `frozen`: the S backbone as it is ("Base"). New items are ranked by their initial rows.
#include "methods/budget.h"
#include "methods/group_trainer.h"
#include "methods/registry.h"
#include "methods/snapshot_method.h"

namespace raie {
namespace {

class Frozen final : public SnapshotMethod {
 public:
  using SnapshotMethod::SnapshotMethod;
  std::string_view name() const override { return "frozen"; }

  void Prepare(const Snapshot& setup, const WindowSet&) override {
    snapshot_ = setup;
    snapshot_.editor = {};  // nothing is routed
    snapshot_.adapters.clear();
  }

  AdaptReport Adapt(const AdaptSlice& slice) override {
    if (context_.on_tuned) {
      const TimeSplit split =
          SplitInTime(context_.data, slice.slice, *slice.windows, options_.validation_share);
      const SnapshotScorer then(std::make_shared<const Snapshot>(
          WithCatalogue(snapshot_, split.early_catalogue, context_.seed)));
      ShowTuned(context_, slice, split, then);
    }
    Publish(WithCatalogue(snapshot_, slice.catalogue_size, context_.seed), slice);
    return {};
  }
};

}  // namespace

std::unique_ptr<Method> MakeFrozen(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<Frozen>(context, options);
}

}  // namespace raie
