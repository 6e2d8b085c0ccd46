#include "methods/slice_plan.h"

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "data/prepare.h"
#include "methods/group_trainer.h"
#include "methods/snapshot_scorer.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::uint64_t kEditPart = 0x656474;
constexpr std::uint64_t kHashPart = 0x686173;

}  // namespace

EditResult EditWithWindows(const RunContext& context, const Snapshot& before,
                           const WindowSet& windows, const WindowStates& states,
                           const EditorOptions& options) {
  std::vector<bool> taken(states.window_of_row.size());
  std::vector<float> z_MD;
  std::vector<std::int64_t> users;
  std::vector<std::int64_t> numbers;
  for (const std::int64_t window : OrderByTime(context.data, windows)) {
    const std::int64_t row = states.row_of_window[window];
    if (row < 0 || taken[row]) continue;  // the same context is one edit
    taken[row] = true;
    const auto z_D = states.row(row);
    z_MD.insert(z_MD.end(), z_D.begin(), z_D.end());
    users.push_back(Index(windows.windows[window].user));
    numbers.push_back(window);
  }
  EditorState state = before.editor;
  state.buffer = {};
  EditorOptions editor = options;
  editor.seed = DeriveSeed(context.seed, kEditPart);
  return EditRegions(
      state,
      {.z_MD = z_MD, .users = users, .windows = numbers, .num_slice_windows = windows.size()},
      editor);
}

std::vector<RegionId> AssignWindows(const SlicePlan& plan, const WindowSet& windows,
                                    const WindowStates& states, TaskPool& pool) {
  std::vector<RegionId> regions = RegionsOf(states, plan.edits.state.regions, pool);
  if (plan.router == nullptr) return regions;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    // A context of which nothing is known belongs nowhere.
    if (regions[i] != kNoRegion) regions[i] = plan.router->RouteOf(windows.windows[i].user).region;
  }
  return regions;
}

const WindowStates& StateCache::Get(const RunContext& context, const Snapshot& snapshot,
                                    const WindowSet& windows, std::int64_t catalogue_size) {
  if (!states_.has_value()) {
    states_ = ComputeStates(snapshot, context.data, windows, catalogue_size,
                            context.Pass("placing earlier windows"));
  }
  return *states_;
}

namespace {

void MeasureDrifts(const RunContext& context, const AdaptOptions& options, const PlanInput& input,
                   PlanCaches& caches, SlicePlan& plan) {
  const WindowSet none;
  const WindowSet& reference = input.slice.reference != nullptr ? *input.slice.reference : none;
  const WindowStates& states =
      caches.reference.Get(context, input.before, reference, input.known_items);
  const auto reference_regions = AssignWindows(plan, reference, states, context.pool);
  const SnapshotScorer before(std::make_shared<const Snapshot>(input.before), input.router_before);
  const auto losses = [&](const WindowSet& windows) {
    return TargetLosses(before, context.data, windows, input.known_items,
                        context.Pass("measuring drift"));
  };
  const auto recent_nll = losses(input.windows);
  const auto reference_nll = losses(reference);
  plan.drift = ReportDrift(
      context.data, plan.edits.state.regions,
      {.windows = input.windows.windows, .regions = plan.new_regions, .nll = recent_nll},
      {.windows = reference.windows, .regions = reference_regions, .nll = reference_nll},
      options.drift);
}

}  // namespace

SlicePlan PlanSlice(const RunContext& context, const AdaptOptions& options, const PlanInput& input,
                    PlanCaches& caches) {
  if (input.before.editor.regions.size() == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "raie: the model has no regions to edit; fit it with regions first");
  }
  TaskPool& pool = context.pool;
  const WindowStates states = ComputeStates(input.before, context.data, input.windows,
                                            input.catalogue_size, context.Pass("placing windows"));
  SlicePlan plan;
  if (input.rules.editing == RegionRules::Editing::kOn) {
    plan.edits = EditWithWindows(context, input.before, input.windows, states, options.editor);
  } else {
    plan.edits.state = input.before.editor;
  }
  const RegionSet& regions = plan.edits.state.regions;
  plan.new_regions = RegionsOf(states, regions, pool);
  plan.radii_after = MeasureRadii(regions, states.z_MD, pool);
  if (input.rules.assignment == RegionRules::Assignment::kByUserHash) {
    plan.router = std::make_shared<const UserHashRouter>(regions, input.windows, plan.new_regions,
                                                         DeriveSeed(context.seed, kHashPart));
    plan.new_regions = AssignWindows(plan, input.windows, states, pool);
  }
  if (options.rho > 0 && input.slice.memory != nullptr && input.slice.memory->size() > 0) {
    const WindowStates& memory =
        caches.memory.Get(context, input.before, *input.slice.memory, input.catalogue_size);
    plan.memory_regions = AssignWindows(plan, *input.slice.memory, memory, pool);
  }
  if (input.drift == DriftReporting::kOn) MeasureDrifts(context, options, input, caches, plan);
  return plan;
}

RegionComparison CompareWithBefore(const RunContext& context, const Snapshot& before,
                                   const AdaptSlice& slice, const SlicePlan& plan,
                                   PlanCaches& caches) {
  if (slice.memory == nullptr || slice.memory->size() == 0) return {};
  const RegionSet& old = before.editor.regions;
  const RegionSet& edited = plan.edits.state.regions;
  const WindowStates& memory =
      caches.memory.Get(context, before, *slice.memory, slice.catalogue_size);
  const MeasuredRadii radii = MeasureRadii(old, memory.z_MD, context.pool);
  return {.regions = CompareRegions(old, edited, radii, plan.radii_after),
          .separability_before = Separability(old, radii),
          .separability_after = Separability(edited, plan.radii_after)};
}

std::int64_t KnownItems(const PreparedData& data, const Snapshot& before, const AdaptSlice& slice) {
  if (OptionsOf(data).protocol != Protocol::kPaper) return before.catalogue_size;
  return std::min(before.catalogue_size, LossCatalogue(data, slice.slice - 1));
}

SlicePlan MeasureSliceDrift(const RunContext& context, const AdaptOptions& options,
                            const Snapshot& snapshot, const AdaptSlice& slice) {
  options.Validate();
  const Snapshot before = WithCatalogue(snapshot, slice.catalogue_size, context.seed);
  PlanCaches caches;
  return PlanSlice(context, options,
                   {.before = before,
                    .windows = *slice.windows,
                    .catalogue_size = slice.loss_items(),
                    .slice = slice,
                    .known_items = KnownItems(context.data, snapshot, slice),
                    .drift = DriftReporting::kOn},
                   caches);
}

}  // namespace raie
