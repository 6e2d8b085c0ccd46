#include "methods/region_run.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "base/statistics.h"
#include "methods/gain_gate.h"
#include "methods/shared_adapter.h"
#include "regions/geometry.h"

namespace raie {
namespace {

constexpr std::uint64_t kSharedPart = 0x736864;

std::shared_ptr<const Adapter> OwnAdapter(const Snapshot& snapshot, RegionId region) {
  const auto found = snapshot.adapters.find(region);
  return found == snapshot.adapters.end() ? nullptr : found->second;
}

}  // namespace

RegionRun::RegionRun(RegionRunInput input, const SlicePart& part)
    : input_(std::move(input)),
      part_(part),
      plan_(PlanSlice(input_.context, input_.options,
                      {.before = input_.before,
                       .windows = part.windows,
                       .catalogue_size = part.catalogue_size,
                       .slice = input_.slice,
                       .known_items = input_.known_items,
                       .drift = input_.options.gate == GateKind::kOff ? DriftReporting::kOff
                                                                      : DriftReporting::kOn,
                       .rules = input_.rules,
                       .router_before = input_.router_before},
                      input_.caches)),
      start_(input_.before) {
  start_.editor = plan_.edits.state;
  sets_ = MakeRegionalSets(TrainedRegions(), plan_.new_regions, plan_.memory_regions,
                           input_.options.rho, input_.context.seed);
  std::erase_if(sets_, [](const RegionalSet& set) { return set.num_new == 0; });
  std::int64_t all = 0;
  for (const RegionalSet& set : sets_) all += std::ssize(set.samples);
  maximum_ = part.maximum_samples > 0 ? part.maximum_samples : input_.options.epochs * all;
  if (all == 0) maximum_ = 0;
  MakeStages();
}

void RegionRun::TrainTo(std::int64_t samples) {
  samples = std::min(samples, maximum_);
  if (warm_ != nullptr && main_ == nullptr) {
    warm_->TrainTo(std::min(samples, warm_samples_));
    if (samples <= warm_samples_) return;
    MakeMain(warm_->Current());
  }
  if (main_ != nullptr) main_->TrainTo(samples - warm_samples_);
}

Snapshot RegionRun::Trained() const {
  if (main_ != nullptr) return main_->Current();
  return warm_ != nullptr ? warm_->Current() : start_;
}

Snapshot RegionRun::WithOldAdapters(Snapshot snapshot, const std::set<RegionId>& regions) const {
  for (const RegionId region : regions) {
    snapshot.adapters.erase(region);
    if (auto own = OwnAdapter(start_, region)) snapshot.adapters.emplace(region, std::move(own));
  }
  return snapshot;
}

Snapshot RegionRun::Current() const { return WithOldAdapters(Trained(), input_.open.not_kept); }

std::vector<double> RegionRun::LossesOf(const Snapshot& snapshot, const WindowSet& windows,
                                        std::int64_t catalogue_size) const {
  return TargetLosses(ScorerOf(snapshot), input_.context.data, windows, catalogue_size,
                      input_.context.Pass("validation"));
}

// The keep gate: regions known before the slice whose adapter, at the best checkpoint of the tuning
// pass, did not lower the validation loss of their windows, the rows being as trained. Those that
// the gain gate has opened were asked already, rows and adapter together.
std::unique_ptr<Scorer> RegionRun::DropUnkept(const WindowSet& validation,
                                              std::int64_t catalogue_size) {
  if (input_.options.keep_gate != KeepGateKind::kValidation || group_regions_.empty() ||
      input_.rules.adapters == RegionRules::Adapters::kOneForAll) {
    return nullptr;
  }
  const Snapshot& before = input_.before;
  Snapshot old = best_;  // its regions and rows, the adapters of before
  old.adapters = before.adapters;
  const auto regions = RegionsOfWindows(validation, catalogue_size);
  const auto now = LossesOf(best_, validation, catalogue_size);
  const auto then = LossesOf(old, validation, catalogue_size);
  const PairedLosses losses{.windows = validation, .regions = regions, .now = now, .then = then};
  for (const auto& group : group_regions_) {
    const bool moved = std::ranges::any_of(group, [&](RegionId region) {
      return best_.AdapterOf(region) != before.AdapterOf(region);
    });
    if (!moved) continue;
    const std::vector<double> changes = UserChanges(losses, group);
    if (changes.empty() || Mean(changes) < 0) continue;  // nothing that speaks against it
    for (const RegionId region : group) {
      const bool known = SlotOf(before.editor.regions, region) >= 0;
      if (known && !input_.open.also.contains(region)) dropped_.insert(region);
    }
  }
  if (dropped_.empty()) return nullptr;
  best_ = WithOldAdapters(std::move(best_), dropped_);
  return std::make_unique<SnapshotScorer>(std::make_shared<const Snapshot>(best_), plan_.router);
}

SnapshotScorer RegionRun::ScorerOf(const Snapshot& snapshot) const {
  return SnapshotScorer(std::make_shared<const Snapshot>(snapshot), plan_.router);
}

std::vector<RegionId> RegionRun::RegionsOfWindows(const WindowSet& windows,
                                                  std::int64_t catalogue_size) const {
  const RunContext& context = input_.context;
  return AssignWindows(
      plan_, windows,
      ComputeStates(start_, context.data, windows, catalogue_size, context.Pass("placing windows")),
      context.pool);
}

std::unique_ptr<Scorer> RegionRun::MakeScorer() const {
  return std::make_unique<SnapshotScorer>(std::make_shared<const Snapshot>(Current()),
                                          plan_.router);
}

TrainCounts RegionRun::counts() const {
  TrainCounts counts;
  for (const GroupTrainer* trainer : {warm_.get(), main_.get()}) {
    if (trainer == nullptr) continue;
    const TrainCounts part = trainer->counts();
    counts.samples += part.samples;
    counts.steps += part.steps;
    counts.trained_parameters = part.trained_parameters;
  }
  return counts;
}

std::vector<RegionTraining> RegionRun::RegionReports() const {
  std::vector<RegionTraining> reports;
  const auto& all = plan_.edits.state.regions.regions;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Region& region = all[k];
    RegionTraining report{.region = region.id, .gate = VerdictOf(k)};
    report.kept = !input_.open.not_kept.contains(region.id);
    for (const RegionalSet& set : sets_) {
      if (set.region != region.id) continue;
      report.new_windows = set.num_new;
      report.memory_windows = set.num_memory;
    }
    for (std::size_t g = 0; main_ != nullptr && g < group_regions_.size(); ++g) {
      if (std::ranges::count(group_regions_[g], region.id) > 0) {
        report.rows_per_step = main_->RowsPerStep(g);
      }
    }
    report.trained = report.rows_per_step > 0 || WarmedUp(region.id);
    reports.push_back(report);
  }
  return reports;
}

bool RegionRun::Gains(const Region& region) const {
  if (SlotOf(input_.before.editor.regions, region.id) >= 0) {
    return input_.open.also.contains(region.id);
  }
  const auto nearest = std::ranges::max_element(input_.open.added, {}, [&](const AddedGain& added) {
    return std::inner_product(region.centre.begin(), region.centre.end(), added.centre.begin(),
                              0.0);
  });
  return nearest != input_.open.added.end() && nearest->gains;
}

// What the gate says of the region of a slot, whatever the keep gate said of it.
GateVerdict RegionRun::VerdictOf(std::size_t slot) const {
  using Rule = OpenRegions::Rule;
  if (input_.open.rule == Rule::kAll) return GateVerdict::kNoGate;
  const bool drifts =
      input_.open.rule == Rule::kDrifting && plan_.drift->regions[slot].drift.drifts;
  const bool gains = Gains(plan_.edits.state.regions.regions[slot]);
  if (drifts) return gains ? GateVerdict::kDriftsAndGains : GateVerdict::kDrifts;
  return gains ? GateVerdict::kGains : GateVerdict::kShut;
}

std::vector<RegionId> RegionRun::TrainedRegions() const {
  std::vector<RegionId> regions;
  const auto& all = plan_.edits.state.regions.regions;
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (VerdictOf(k) != GateVerdict::kShut) regions.push_back(all[k].id);
  }
  return regions;
}

bool RegionRun::all_open() const {
  return TrainedRegions().size() == plan_.edits.state.regions.regions.size();
}

// Whether the common stage has trained on rows of the region.
bool RegionRun::WarmedUp(RegionId region) const {
  return warm_ != nullptr && warm_->counts().samples > 0 && OwnAdapter(start_, region) == nullptr &&
         std::ranges::any_of(sets_, [&](const RegionalSet& set) { return set.region == region; });
}

std::shared_ptr<const Adapter> RegionRun::StartOf(const Snapshot& snapshot, RegionId region) const {
  auto own = OwnAdapter(snapshot, region);
  return own != nullptr ? own
                        : MakeFreshAdapter(*snapshot.backbone, input_.options.lora, region,
                                           input_.context.seed);
}

TrainPlan RegionRun::EmptyPlan(std::int64_t maximum) const {
  TrainPlan plan;
  plan.new_windows = &part_.windows;
  plan.memory = input_.slice.memory;
  plan.catalogue_size = part_.catalogue_size;
  plan.maximum_samples = maximum;
  return plan;
}

// One group of the listed regions with all their samples.
TrainGroup RegionRun::Union(const std::vector<const RegionalSet*>& sets) const {
  TrainGroup group;
  for (const RegionalSet* set : sets) {
    group.regions.push_back(set->region);
    group.samples.insert(group.samples.end(), set->samples.begin(), set->samples.end());
  }
  return group;
}

void RegionRun::MakeStages() {
  if (sets_.empty()) return;
  if (input_.options.sharing == Sharing::kWarm &&
      input_.rules.adapters == RegionRules::Adapters::kByRegion && MakeWarm()) {
    return;
  }
  MakeMain(start_);
}

// The common adapter of the regions that have none yet; false if there is no such region.
bool RegionRun::MakeWarm() {
  std::vector<const RegionalSet*> fresh;
  for (const RegionalSet& set : sets_) {
    if (OwnAdapter(start_, set.region) == nullptr) fresh.push_back(&set);
  }
  if (fresh.empty()) return false;
  warm_samples_ = std::llround(input_.options.warm_share * static_cast<double>(maximum_));
  TrainPlan plan = EmptyPlan(warm_samples_);
  TrainGroup group = Union(fresh);
  group.start =
      MakeFreshAdapter(*start_.backbone, input_.options.lora, kNoRegion, input_.context.seed);
  plan.groups.push_back(std::move(group));
  warm_ = std::make_unique<GroupTrainer>(input_.context, input_.options, start_, std::move(plan));
  for (const RegionalSet& set : sets_) group_regions_.push_back({set.region});
  return true;
}

void RegionRun::MakeMain(const Snapshot& start) {
  TrainPlan plan = EmptyPlan(maximum_ - warm_samples_);
  group_regions_.clear();
  if (input_.rules.adapters == RegionRules::Adapters::kOneForAll) {
    plan.groups.push_back(OneForAll(start));
    group_regions_.emplace_back();
    for (const RegionalSet& set : sets_) group_regions_[0].push_back(set.region);
  } else if (input_.options.sharing == Sharing::kShared) {
    plan.groups.push_back(SharedGroup(start));
    group_regions_.push_back(plan.groups[0].regions);
  } else {
    for (const RegionalSet& set : sets_) {
      plan.groups.push_back(
          {.regions = {set.region}, .start = StartOf(start, set.region), .samples = set.samples});
      group_regions_.push_back({set.region});
    }
    plan.overlap_GG = Overlaps();
  }
  main_ = std::make_unique<GroupTrainer>(input_.context, input_.options, start, std::move(plan));
}

// The samples of all trained regions, for one adapter that answers for everybody.
TrainGroup RegionRun::OneForAll(const Snapshot& start) const {
  std::vector<const RegionalSet*> all;
  for (const RegionalSet& set : sets_) all.push_back(&set);
  TrainGroup group = Union(all);
  group.regions = {kNoRegion};
  group.start = StartOf(start, kNoRegion);
  return group;
}

TrainGroup RegionRun::SharedGroup(const Snapshot& start) const {
  std::vector<const RegionalSet*> all;
  std::vector<std::shared_ptr<const Adapter>> adapters;
  for (const RegionalSet& set : sets_) {
    all.push_back(&set);
    adapters.push_back(OwnAdapter(start, set.region));
  }
  TrainGroup group = Union(all);
  group.start = MakeSharedAdapter(*start.backbone, input_.options.lora, adapters,
                                  DeriveSeed(input_.context.seed, kSharedPart));
  return group;
}

// o_kj of the trained regions.
std::vector<double> RegionRun::Overlaps() const {
  if (input_.options.overlap_penalty == 0) return {};
  const RegionSet& regions = plan_.edits.state.regions;
  const std::vector<double> all_KK = OverlapWeights(regions);
  std::vector<double> overlaps;
  for (const RegionalSet& a : sets_) {
    for (const RegionalSet& b : sets_) {
      overlaps.push_back(
          all_KK[SlotOf(regions, a.region) * regions.size() + SlotOf(regions, b.region)]);
    }
  }
  return overlaps;
}

}  // namespace raie
