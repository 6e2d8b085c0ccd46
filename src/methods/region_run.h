// How does one pass of a method with regions train over a part of a slice?
//
// Concept: plan (edits, drift), draw D_k of the regions that are trained, train the groups that the
//          sharing rule makes, keep everything else as it was.
// Source:  METHOD section 4; what ablations leave out: region_rules.h.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "methods/budget.h"
#include "methods/group_trainer.h"
#include "methods/region_rules.h"
#include "methods/slice_plan.h"
#include "methods/snapshot_scorer.h"

namespace raie {

// A region that one run has added, and whether it gains. Another run of the same slice numbers what
// it adds anew: its regions are known by their centres.
struct AddedGain {
  std::vector<float> centre;
  bool gains = false;
};

// Which regions are trained: all, those that drift or are listed, or those that are listed.
struct OpenRegions {
  enum class Rule { kAll, kDrifting, kListed } rule = Rule::kDrifting;
  std::set<RegionId> also = {};       // known before the slice
  std::vector<AddedGain> added = {};  // an added region is listed if the nearest of these gains
  std::set<RegionId> not_kept = {};  // by the keep gate: trained, but the adapter stays the old one
};

// The references must outlive the run.
struct RegionRunInput {
  const RunContext& context;
  const AdaptOptions& options;
  RegionRules rules;
  const Snapshot& before;  // with rows for the slice
  const AdaptSlice& slice;
  std::int64_t known_items;  // catalogue before the slice
  PlanCaches& caches;
  std::shared_ptr<const UserHashRouter> router_before;
  OpenRegions open;
};

class RegionRun final : public AdaptRun {
 public:
  RegionRun(RegionRunInput input, const SlicePart& part);

  std::int64_t maximum_samples() const override { return maximum_; }
  void TrainTo(std::int64_t samples) override;
  std::unique_ptr<Scorer> MakeScorer() const override;
  TrainCounts counts() const override;
  void RememberBest() override { best_ = Current(); }
  std::unique_ptr<Scorer> DropUnkept(const WindowSet& validation,
                                     std::int64_t catalogue_size) override;

  // For a run of all regions that was made before anybody knew which are open.
  void SetOpen(OpenRegions open) { input_.open = std::move(open); }
  bool all_open() const;

  Snapshot Current() const;
  const SlicePlan& plan() const { return plan_; }
  const Snapshot& best() const { return best_; }
  // Regions whose adapters the keep gate has dropped from the best state.
  const std::set<RegionId>& dropped() const { return dropped_; }
  // Answers as a state of this run does.
  SnapshotScorer ScorerOf(const Snapshot& snapshot) const;
  // The region of each window by the final centres (or hashes); kNoRegion: nothing is known of it.
  std::vector<RegionId> RegionsOfWindows(const WindowSet& windows,
                                         std::int64_t catalogue_size) const;
  // Of the windows' targets under a state of this run; NaN: the target is not known.
  std::vector<double> LossesOf(const Snapshot& snapshot, const WindowSet& windows,
                               std::int64_t catalogue_size) const;
  std::vector<RegionTraining> RegionReports() const;

 private:
  Snapshot Trained() const;
  Snapshot WithOldAdapters(Snapshot snapshot, const std::set<RegionId>& regions) const;
  bool Gains(const Region& region) const;
  GateVerdict VerdictOf(std::size_t slot) const;
  std::vector<RegionId> TrainedRegions() const;
  bool WarmedUp(RegionId region) const;
  std::shared_ptr<const Adapter> StartOf(const Snapshot& snapshot, RegionId region) const;
  TrainPlan EmptyPlan(std::int64_t maximum) const;
  void MakeStages();
  bool MakeWarm();
  void MakeMain(const Snapshot& start);
  TrainGroup Union(const std::vector<const RegionalSet*>& sets) const;
  TrainGroup OneForAll(const Snapshot& start) const;
  TrainGroup SharedGroup(const Snapshot& start) const;
  std::vector<double> Overlaps() const;

  RegionRunInput input_;
  SlicePart part_;
  SlicePlan plan_;
  Snapshot start_;  // before, with the edited regions
  Snapshot best_;
  std::set<RegionId> dropped_;
  std::vector<RegionalSet> sets_;
  std::vector<std::vector<RegionId>> group_regions_;  // by adapter
  std::int64_t maximum_ = 0;
  std::int64_t warm_samples_ = 0;
  std::unique_ptr<GroupTrainer> warm_;
  std::unique_ptr<GroupTrainer> main_;
};

}  // namespace raie
