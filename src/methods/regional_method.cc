#include "methods/regional_method.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/statistics.h"
#include "base/stopwatch.h"

namespace raie {
namespace {

// Validation losses of a state of a finished tuning run.
std::vector<double> LossesOf(const RunContext& context, const RegionRun& run,
                             const Snapshot& snapshot, const TuningResult& tuned) {
  return TargetLosses(run.ScorerOf(snapshot), context.data, tuned.validation, tuned.catalogue_size,
                      context.Pass("validation"));
}

bool AsksForGain(GateKind gate) {
  return gate == GateKind::kGain || gate == GateKind::kDriftOrGain;
}

OpenRegions::Rule RuleOf(GateKind gate) {
  if (gate == GateKind::kOff) return OpenRegions::Rule::kAll;
  return gate == GateKind::kGain ? OpenRegions::Rule::kListed : OpenRegions::Rule::kDrifting;
}

}  // namespace

AdaptReport RegionalMethod::Adapt(const AdaptSlice& slice) {
  const Stopwatch watch;
  SliceState state{.slice = slice,
                   .before = WithCatalogue(snapshot_, slice.catalogue_size, context_.seed),
                   .caches = {}};
  AdaptReport report;
  std::optional<GainProbe> probe;
  if (AsksForGain(options_.gate)) {
    probe.emplace(Probe(state));
    report.gains = probe->gains;
  }
  OpenRegions open{.rule = RuleOf(options_.gate), .also = {}, .never = {}};
  for (const RegionGain& gain : report.gains) {
    if (gain.gains) open.also.insert(gain.region);
  }
  const auto make = [&](const SlicePart& part,
                        const TuningResult* tuned) -> std::unique_ptr<AdaptRun> {
    OpenRegions now = open;
    if (tuned != nullptr && options_.keep_gate == KeepGateKind::kValidation && !OneForAll()) {
      now.never = RejectedRegions(*tuned, state.before);
      // These were asked already, rows and adapter together.
      for (const RegionId region : open.also) now.never.erase(region);
    }
    return MakeRun(state, part, std::move(now));
  };
  std::optional<Tuning> tuning;
  if (probe.has_value()) {
    auto& run = static_cast<RegionRun&>(*probe->tuning.run);
    run.SetOpen(open);
    if (IsTuningPass(run)) {
      report.curve = probe->report.curve;
      tuning = std::move(probe->tuning);
    }
  }
  const auto run = RunBudget(context_, options_, slice, make, report, std::move(tuning));
  if (probe.has_value()) {
    report.tuning.samples += probe->report.tuning.samples;
    report.tuning.steps += probe->report.tuning.steps;
  }
  const auto& regional = static_cast<const RegionRun&>(*run);
  Publish(regional.Current(), slice);
  router_ = regional.plan().router;
  FillReport(regional, slice, report);
  report.comparison =
      CompareWithBefore(context_, state.before, slice, regional.plan(), state.caches);
  report.seconds = watch.seconds();
  return report;
}

std::unique_ptr<RegionRun> RegionalMethod::MakeRun(SliceState& state, const SlicePart& part,
                                                   OpenRegions open) const {
  return std::make_unique<RegionRun>(RegionRunInput{.context = context_,
                                                    .options = options_,
                                                    .rules = rules_,
                                                    .before = state.before,
                                                    .slice = state.slice,
                                                    .known_items = snapshot_.catalogue_size,
                                                    .caches = state.caches,
                                                    .router_before = router_,
                                                    .open = std::move(open)},
                                     part);
}

RegionalMethod::GainProbe RegionalMethod::Probe(SliceState& state) const {
  const auto make = [&](const SlicePart& part, const TuningResult*) -> std::unique_ptr<AdaptRun> {
    return MakeRun(state, part, {.rule = OpenRegions::Rule::kAll, .also = {}, .never = {}});
  };
  RunContext quiet = context_;
  quiet.on_checkpoint = nullptr;  // curves are those of the regions that stay open
  GainProbe probe;
  probe.tuning = Tune(quiet, options_, state.slice, make, probe.report);
  const auto& run = static_cast<const RegionRun&>(*probe.tuning.run);
  const TuningResult tuned = probe.tuning.result();
  Snapshot old = state.before;  // answers as before, in the regions of the run
  old.editor = run.best().editor;
  std::vector<RegionId> regions;
  for (const Region& region : old.editor.regions.regions) regions.push_back(region.id);
  const auto of_window = run.RegionsOfWindows(tuned.validation, tuned.catalogue_size);
  const auto now = LossesOf(context_, run, run.best(), tuned);
  const auto then = LossesOf(context_, run, old, tuned);
  probe.gains = MeasureGains(
      regions, {.windows = tuned.validation, .regions = of_window, .now = now, .then = then},
      options_.gain);
  return probe;
}

// Curves have to be shown as they come, and the probe shows none.
bool RegionalMethod::IsTuningPass(const RegionRun& probe) const {
  return options_.budget == BudgetKind::kEqual && !context_.on_checkpoint && probe.all_open();
}

void RegionalMethod::FillReport(const RegionRun& run, const AdaptSlice& slice,
                                AdaptReport& report) const {
  report.edits = run.plan().edits.summary;
  report.journal = run.plan().edits.journal;
  if (run.plan().drift.has_value()) report.drift = *run.plan().drift;
  report.regions = run.RegionReports();
  report.bytes_kept = BytesKept(snapshot_);
  if (options_.rho > 0 && slice.memory != nullptr) report.bytes_kept += MemoryBytes(*slice.memory);
  report.forward_passes = OneForAll() || router_ != nullptr ? 1 : 2;
}

std::unique_ptr<Scorer> RegionalMethod::MakeScorer() const {
  auto snapshot = std::make_shared<Snapshot>(snapshot_);
  if (OneForAll()) snapshot->editor = {};  // every region has the same answer: no routing
  return std::make_unique<SnapshotScorer>(std::move(snapshot), router_);
}

// The keep gate: regions known before the slice whose adapter, at the best checkpoint of the tuning
// pass, did not lower the validation loss of their windows.
std::set<RegionId> RegionalMethod::RejectedRegions(const TuningResult& tuned,
                                                   const Snapshot& before) const {
  const auto& run = static_cast<const RegionRun&>(tuned.run);
  std::set<RegionId> rejected;
  if (run.groups().empty()) return rejected;
  Snapshot old = run.best();  // its regions and rows, the adapters of before
  old.adapters = before.adapters;
  const auto regions = run.RegionsOfWindows(tuned.validation, tuned.catalogue_size);
  const auto now = LossesOf(context_, run, run.best(), tuned);
  const auto then = LossesOf(context_, run, old, tuned);
  const PairedLosses losses{
      .windows = tuned.validation, .regions = regions, .now = now, .then = then};
  for (const auto& group : run.groups()) {
    const bool moved = std::ranges::any_of(group, [&](RegionId region) {
      return run.best().AdapterOf(region) != before.AdapterOf(region);
    });
    const bool has_windows = std::ranges::any_of(
        group, [&](RegionId region) { return std::ranges::count(regions, region) > 0; });
    if (!moved || !has_windows) continue;
    const std::vector<double> changes = UserChanges(losses, group);
    if (!changes.empty() && Mean(changes) < 0) continue;
    for (const RegionId region : group) {
      if (SlotOf(before.editor.regions, region) >= 0) rejected.insert(region);
    }
  }
  return rejected;
}

}  // namespace raie
