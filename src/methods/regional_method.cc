#include "methods/regional_method.h"

#include <utility>

#include "base/stopwatch.h"

namespace raie {
namespace {

bool AsksForGain(GateKind gate) {
  return gate == GateKind::kGain || gate == GateKind::kDriftOrGain;
}

OpenRegions::Rule RuleOf(GateKind gate) {
  if (gate == GateKind::kOff) return OpenRegions::Rule::kAll;
  return gate == GateKind::kGain ? OpenRegions::Rule::kListed : OpenRegions::Rule::kDrifting;
}

// A state with one adapter for everybody, as one with an adapter for each region.
Snapshot ByRegion(Snapshot snapshot) {
  const auto one = snapshot.adapters.find(kNoRegion);
  if (one == snapshot.adapters.end()) return snapshot;
  for (const Region& region : snapshot.editor.regions.regions) {
    snapshot.adapters.emplace(region.id, one->second);
  }
  return snapshot;
}

}  // namespace

AdaptReport RegionalMethod::Adapt(const AdaptSlice& slice) {
  const Stopwatch watch;
  SliceState state{.slice = slice,
                   .before = WithCatalogue(snapshot_, slice.catalogue_size, context_.seed),
                   .probe_before = {},
                   .caches = {}};
  state.probe_before = ByRegion(state.before);
  AdaptReport report;
  std::optional<GainProbe> probe;
  if (AsksForGain(options_.gate)) {
    probe.emplace(Probe(state));
    report.gains = probe->gains;
  }
  const OpenRegions open = OpenBy(probe);
  const auto make = [&](const SlicePart& part,
                        const TuningResult* tuned) -> std::unique_ptr<AdaptRun> {
    OpenRegions now = open;
    if (tuned != nullptr) now.not_kept = static_cast<const RegionRun&>(tuned->run).dropped();
    return MakeRun(state, state.before, rules_, part, std::move(now));
  };
  std::optional<Tuning> tuning;
  if (probe.has_value()) {
    auto& run = static_cast<RegionRun&>(*probe->tuning.run);
    run.SetOpen(open);
    if (IsTuningPass(run)) {
      report.curve = probe->report.curve;
      for (const Checkpoint& checkpoint : probe->checkpoints) context_.on_checkpoint(checkpoint);
      tuning = std::move(probe->tuning);
    }
    probe->checkpoints.clear();
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

std::unique_ptr<RegionRun> RegionalMethod::MakeRun(SliceState& state, const Snapshot& before,
                                                   const RegionRules& rules, const SlicePart& part,
                                                   OpenRegions open) const {
  return std::make_unique<RegionRun>(
      RegionRunInput{.context = context_,
                     .options = options_,
                     .rules = rules,
                     .before = before,
                     .slice = state.slice,
                     .known_items = KnownItems(context_.data, snapshot_, state.slice),
                     .caches = state.caches,
                     .router_before = router_,
                     .open = std::move(open)},
      part);
}

// With one adapter for all, too, regions are asked with adapters of their own: what is trained are
// the rows that RAIE draws.
RegionalMethod::GainProbe RegionalMethod::Probe(SliceState& state) const {
  RegionRules rules = rules_;
  rules.adapters = RegionRules::Adapters::kByRegion;
  const auto make = [&](const SlicePart& part, const TuningResult*) -> std::unique_ptr<AdaptRun> {
    return MakeRun(state, state.probe_before, rules, part, {.rule = OpenRegions::Rule::kAll});
  };
  GainProbe probe;
  RunContext quiet = context_;  // whether the checkpoints are those of a curve is known later
  if (context_.on_checkpoint && MayBeTuningPass()) {
    quiet.on_checkpoint = [&](const Checkpoint& at) { probe.checkpoints.push_back(at); };
  } else {
    quiet.on_checkpoint = nullptr;
  }
  probe.tuning = Tune(quiet, options_, state.slice, make, probe.report);
  const auto& run = static_cast<const RegionRun&>(*probe.tuning.run);
  const TuningResult tuned = probe.tuning.result();
  Snapshot old = state.probe_before;  // answers as before, in the regions of the run
  old.editor = run.best().editor;
  std::vector<RegionId> regions;
  for (const Region& region : old.editor.regions.regions) regions.push_back(region.id);
  const auto of_window = run.RegionsOfWindows(tuned.validation, tuned.catalogue_size);
  const auto now = run.LossesOf(run.best(), tuned.validation, tuned.catalogue_size);
  const auto then = run.LossesOf(old, tuned.validation, tuned.catalogue_size);
  probe.gains = MeasureGains(
      regions, {.windows = tuned.validation, .regions = of_window, .now = now, .then = then},
      options_.gain);
  return probe;
}

OpenRegions RegionalMethod::OpenBy(const std::optional<GainProbe>& probe) const {
  OpenRegions open{.rule = RuleOf(options_.gate)};
  if (!probe.has_value()) return open;
  const auto& regions = static_cast<const RegionRun&>(*probe->tuning.run).best().editor.regions;
  for (const RegionGain& gain : probe->gains) {
    if (SlotOf(snapshot_.editor.regions, gain.region) < 0) {
      open.added.push_back({regions.regions[SlotOf(regions, gain.region)].centre, gain.gains});
    } else if (gain.gains) {
      open.also.insert(gain.region);
    }
  }
  return open;
}

bool RegionalMethod::MayBeTuningPass() const {
  return options_.budget == BudgetKind::kEqual && !OneForAll();
}

bool RegionalMethod::IsTuningPass(const RegionRun& probe) const {
  return MayBeTuningPass() && probe.all_open();
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

}  // namespace raie
