// Method `lora_big`: one global adapter with RAIE's parameter count, rank K r, alpha / r kept.
//
// K is the number of regions after the edits of the slice; in an endless stream (more than the
// three slices S, F, T) the starting K, since the rank cannot follow later edits (METHOD sections
// 2, 5).
#include "data/prepare.h"
#include "methods/one_adapter.h"
#include "methods/registry.h"
#include "methods/shared_adapter.h"
#include "methods/slice_plan.h"

namespace raie {
namespace {

class LoraBig final : public OneAdapterMethod {
 public:
  using OneAdapterMethod::OneAdapterMethod;
  std::string_view name() const override { return "lora_big"; }

 private:
  std::shared_ptr<const Adapter> FirstAdapter(const Pass& pass) const override {
    const LoraOptions lora = WithRank(options_.lora, NumRegions(pass) * options_.lora.rank);
    return MakeFreshAdapter(*pass.start.backbone, lora, kNoRegion, context_.seed);
  }

  std::int64_t NumRegions(const Pass& pass) const {
    if (OptionsOf(context_.data).protocol == Protocol::kStream)
      return pass.grown_setup.editor.regions.starting_count;
    const WindowSet& windows = pass.part.windows;
    const WindowStates states =
        ComputeStates(pass.grown_setup, context_.data, windows, pass.part.catalogue_size,
                      context_.Pass("placing windows"));
    return EditWithWindows(context_, pass.grown_setup, windows, states, options_.editor)
        .state.regions.size();
  }
};

}  // namespace

std::unique_ptr<Method> MakeLoraBig(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<LoraBig>(context, options);
}

}  // namespace raie
