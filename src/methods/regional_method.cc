#include "methods/regional_method.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <utility>

namespace raie {
namespace {

// Mean over users of (new - old) losses of the windows in `regions`; 0 without windows.
double PairedChange(const WindowSet& windows, const std::vector<RegionId>& of_window,
                    const std::vector<RegionId>& regions, const std::vector<double>& now,
                    const std::vector<double>& old) {
  std::map<UserId, std::pair<double, std::int64_t>> users;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (std::isnan(now[i]) || std::isnan(old[i])) continue;
    if (std::ranges::count(regions, of_window[i]) == 0) continue;
    auto& [sum, count] = users[windows.windows[i].user];
    sum += now[i] - old[i];
    ++count;
  }
  double total = 0;
  for (const auto& [user, change] : users) {
    total += change.first / static_cast<double>(change.second);
  }
  return users.empty() ? 0 : total / static_cast<double>(users.size());
}

}  // namespace

AdaptReport RegionalMethod::Adapt(const AdaptSlice& slice) {
  const auto begin = std::chrono::steady_clock::now();
  const Snapshot before = WithCatalogue(snapshot_, slice.catalogue_size, context_.seed);
  PlanCaches caches;
  const auto make = [&](const SlicePart& part,
                        const TuningResult* tuned) -> std::unique_ptr<AdaptRun> {
    RegionRunInput input{.context = context_,
                         .options = options_,
                         .rules = rules_,
                         .before = before,
                         .slice = slice,
                         .known_items = snapshot_.catalogue_size,
                         .caches = caches,
                         .router_before = router_,
                         .rejected = {}};
    if (tuned != nullptr && options_.keep_gate == KeepGateKind::kValidation && !OneForAll()) {
      input.rejected = RejectedRegions(*tuned, before);
    }
    return std::make_unique<RegionRun>(std::move(input), part);
  };
  AdaptReport report;
  const auto run = RunBudget(context_, options_, slice, make, report);
  const auto& regional = static_cast<const RegionRun&>(*run);
  Publish(regional.Current(), slice);
  router_ = regional.plan().router;
  FillReport(regional, slice, report);
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return report;
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
  const auto losses = [&](const Snapshot& snapshot) {
    return TargetLosses(run.ScorerOf(snapshot), context_.data, tuned.validation,
                        tuned.catalogue_size, context_.pool);
  };
  const auto regions = run.RegionsOfWindows(tuned.validation, tuned.catalogue_size);
  const auto now = losses(run.best());
  const auto then = losses(old);
  for (const auto& group : run.groups()) {
    const bool moved = std::ranges::any_of(group, [&](RegionId region) {
      return run.best().AdapterOf(region) != before.AdapterOf(region);
    });
    const bool has_windows = std::ranges::any_of(
        group, [&](RegionId region) { return std::ranges::count(regions, region) > 0; });
    if (!moved || !has_windows) continue;
    if (PairedChange(tuned.validation, regions, group, now, then) < 0) continue;
    for (const RegionId region : group) {
      if (SlotOf(before.editor.regions, region) >= 0) rejected.insert(region);
    }
  }
  return rejected;
}

}  // namespace raie
