// Method `raie`: edit the regions with F, train one adapter for each region that drifts, route.
//
// Source: METHOD section 4. A run over one part of the slice plans (edits, drift), draws D_k,
// trains the groups that the sharing rule makes, and keeps everything else as it was.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/random.h"
#include "methods/budget.h"
#include "methods/group_trainer.h"
#include "methods/registry.h"
#include "methods/shared_adapter.h"
#include "methods/slice_plan.h"
#include "methods/snapshot_method.h"
#include "regions/geometry.h"

namespace raie {
namespace {

constexpr std::uint64_t kSharedPart = 0x736864;

struct RaieInput {
  const RunContext& context;
  const AdaptOptions& options;
  const Snapshot& before;  // with rows for the slice
  const AdaptSlice& slice;
  std::int64_t known_items;  // catalogue before the slice
  PlanCaches& caches;
  std::set<RegionId> rejected;  // by the keep gate: not trained
};

// Everything of one pass over a part of the slice.
class RaieRun final : public AdaptRun {
 public:
  RaieRun(RaieInput input, const SlicePart& part)
      : input_(std::move(input)),
        part_(part),
        plan_(PlanSlice(input_.context, input_.options,
                        {.before = input_.before,
                         .windows = part.windows,
                         .catalogue_size = part.catalogue_size,
                         .slice = input_.slice,
                         .known_items = input_.known_items,
                         .drift = input_.options.gate == GateKind::kDrift ? DriftReporting::kOn
                                                                          : DriftReporting::kOff},
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

  std::int64_t maximum_samples() const override { return maximum_; }

  void TrainTo(std::int64_t samples) override {
    samples = std::min(samples, maximum_);
    if (warm_ != nullptr && main_ == nullptr) {
      warm_->TrainTo(std::min(samples, warm_samples_));
      if (samples <= warm_samples_) return;
      MakeMain(warm_->Current());
    }
    if (main_ != nullptr) main_->TrainTo(samples - warm_samples_);
  }

  Snapshot Current() const {
    if (main_ != nullptr) return main_->Current();
    return warm_ != nullptr ? warm_->Current() : start_;
  }

  std::unique_ptr<Scorer> MakeScorer() const override {
    return std::make_unique<SnapshotScorer>(std::make_shared<const Snapshot>(Current()));
  }

  TrainCounts counts() const override {
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

  void RememberBest() override { best_ = Current(); }

  const SlicePlan& plan() const { return plan_; }
  const Snapshot& best() const { return best_; }
  // Regions whose answers this run may have moved, by adapter.
  const std::vector<std::vector<RegionId>>& groups() const { return group_regions_; }

  std::vector<RegionTraining> RegionReports() const {
    std::vector<RegionTraining> reports;
    for (const Region& region : plan_.edits.state.regions.regions) {
      RegionTraining report{.region = region.id};
      report.kept = !input_.rejected.contains(region.id);
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

 private:
  std::vector<RegionId> TrainedRegions() const {
    std::vector<RegionId> regions;
    const auto& all = plan_.edits.state.regions.regions;
    for (std::size_t k = 0; k < all.size(); ++k) {
      const bool open =
          input_.options.gate == GateKind::kOff || plan_.drift->regions[k].drift.drifts;
      if (open && !input_.rejected.contains(all[k].id)) regions.push_back(all[k].id);
    }
    return regions;
  }

  // Whether the common stage has trained on rows of the region.
  bool WarmedUp(RegionId region) const {
    return warm_ != nullptr && warm_->counts().samples > 0 &&
           OwnAdapter(start_, region) == nullptr &&
           std::ranges::any_of(sets_, [&](const RegionalSet& set) { return set.region == region; });
  }

  std::shared_ptr<const Adapter> OwnAdapter(const Snapshot& snapshot, RegionId region) const {
    const auto found = snapshot.adapters.find(region);
    return found == snapshot.adapters.end() ? nullptr : found->second;
  }

  std::shared_ptr<const Adapter> StartOf(const Snapshot& snapshot, RegionId region) const {
    auto own = OwnAdapter(snapshot, region);
    return own != nullptr ? own
                          : MakeFreshAdapter(*snapshot.backbone, input_.options.lora, region,
                                             input_.context.seed);
  }

  TrainPlan EmptyPlan(std::int64_t maximum) const {
    TrainPlan plan;
    plan.new_windows = &part_.windows;
    plan.memory = input_.slice.memory;
    plan.catalogue_size = part_.catalogue_size;
    plan.maximum_samples = maximum;
    return plan;
  }

  // One group of the listed regions with all their samples.
  TrainGroup Union(const std::vector<const RegionalSet*>& sets) const {
    TrainGroup group;
    for (const RegionalSet* set : sets) {
      group.regions.push_back(set->region);
      group.samples.insert(group.samples.end(), set->samples.begin(), set->samples.end());
    }
    return group;
  }

  void MakeStages() {
    if (sets_.empty()) return;
    if (input_.options.sharing == Sharing::kWarm && MakeWarm()) return;
    MakeMain(start_);
  }

  // The common adapter of the regions that have none yet; false if there is no such region.
  bool MakeWarm() {
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

  void MakeMain(const Snapshot& start) {
    TrainPlan plan = EmptyPlan(maximum_ - warm_samples_);
    if (input_.options.sharing == Sharing::kShared) {
      plan.groups.push_back(SharedGroup(start));
    } else {
      for (const RegionalSet& set : sets_) {
        plan.groups.push_back(
            {.regions = {set.region}, .start = StartOf(start, set.region), .samples = set.samples});
      }
      plan.overlap_GG = Overlaps();
    }
    group_regions_.clear();
    for (const TrainGroup& group : plan.groups) group_regions_.push_back(group.regions);
    main_ = std::make_unique<GroupTrainer>(input_.context, input_.options, start, std::move(plan));
  }

  TrainGroup SharedGroup(const Snapshot& start) const {
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
  std::vector<double> Overlaps() const {
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

  RaieInput input_;
  SlicePart part_;
  SlicePlan plan_;
  Snapshot start_;  // before, with the edited regions
  Snapshot best_;
  std::vector<RegionalSet> sets_;
  std::vector<std::vector<RegionId>> group_regions_;
  std::int64_t maximum_ = 0;
  std::int64_t warm_samples_ = 0;
  std::unique_ptr<GroupTrainer> warm_;
  std::unique_ptr<GroupTrainer> main_;
};

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

class Raie final : public SnapshotMethod {
 public:
  using SnapshotMethod::SnapshotMethod;
  std::string_view name() const override { return "raie"; }

  AdaptReport Adapt(const AdaptSlice& slice) override {
    const auto begin = std::chrono::steady_clock::now();
    const Snapshot before = WithCatalogue(snapshot_, slice.catalogue_size, context_.seed);
    PlanCaches caches;
    const auto make = [&](const SlicePart& part,
                          const TuningResult* tuned) -> std::unique_ptr<AdaptRun> {
      RaieInput input{.context = context_,
                      .options = options_,
                      .before = before,
                      .slice = slice,
                      .known_items = snapshot_.catalogue_size,
                      .caches = caches,
                      .rejected = {}};
      if (tuned != nullptr && options_.keep_gate == KeepGateKind::kValidation) {
        input.rejected = RejectedRegions(*tuned, before);
      }
      return std::make_unique<RaieRun>(std::move(input), part);
    };
    AdaptReport report;
    const auto run = RunBudget(context_, options_, slice, make, report);
    const auto& raie = static_cast<const RaieRun&>(*run);
    report.edits = raie.plan().edits.summary;
    report.journal = raie.plan().edits.journal;
    if (raie.plan().drift.has_value()) report.drift = *raie.plan().drift;
    report.regions = raie.RegionReports();
    Publish(raie.Current(), slice);
    report.bytes_kept = BytesKept(snapshot_);
    if (options_.rho > 0 && slice.memory != nullptr)
      report.bytes_kept += MemoryBytes(*slice.memory);
    report.forward_passes = 2;
    report.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return report;
  }

 private:
  // The keep gate: regions known before the slice whose adapter, at the best checkpoint of the
  // tuning pass, did not lower the validation loss of their windows.
  std::set<RegionId> RejectedRegions(const TuningResult& tuned, const Snapshot& before) const {
    const auto& run = static_cast<const RaieRun&>(tuned.run);
    std::set<RegionId> rejected;
    if (run.groups().empty()) return rejected;
    Snapshot old = run.best();  // its regions and rows, the adapters of before
    old.adapters = before.adapters;
    const SnapshotScorer scorer(std::make_shared<const Snapshot>(run.best()));
    const WindowStates states = ComputeStates(run.best(), context_.data, tuned.validation,
                                              tuned.catalogue_size, context_.pool);
    const auto regions = RegionsOf(states, run.best().editor.regions, context_.pool);
    const auto now = TargetLosses(run.best(), context_.data, tuned.validation, tuned.catalogue_size,
                                  context_.pool);
    const auto then =
        TargetLosses(old, context_.data, tuned.validation, tuned.catalogue_size, context_.pool);
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
};

}  // namespace

std::unique_ptr<Method> MakeRaie(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<Raie>(context, options);
}

}  // namespace raie
