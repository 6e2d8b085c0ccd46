// How does a method with regions learn from slice after slice?
//
// Concept: RAIE and its ablations. They differ in the rules of their runs only; budget, gates,
//          journal and report are the same.
// Source:  METHOD section 4.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "methods/region_run.h"
#include "methods/snapshot_method.h"

namespace raie {

class RegionalMethod : public SnapshotMethod {
 public:
  RegionalMethod(const RunContext& context, const AdaptOptions& options, RegionRules rules)
      : SnapshotMethod(context, options), rules_(rules) {}

  AdaptReport Adapt(const AdaptSlice& slice) override;
  std::unique_ptr<Scorer> MakeScorer() const override;

  // Null where a hash of the user routes: such a state is no snapshot.
  const Snapshot* snapshot() const override {
    return router_ == nullptr ? SnapshotMethod::snapshot() : nullptr;
  }

 private:
  // What all passes over one slice share.
  struct SliceState {
    const AdaptSlice& slice;
    Snapshot before;        // with rows for the slice
    Snapshot probe_before;  // the same with an adapter for each region, if any
    PlanCaches caches;
  };

  bool OneForAll() const { return rules_.adapters == RegionRules::Adapters::kOneForAll; }
  std::unique_ptr<RegionRun> MakeRun(SliceState& state, const Snapshot& before,
                                     const RegionRules& rules, const SlicePart& part,
                                     OpenRegions open) const;
  // A tuning pass of all regions, which of them gain, and what it adds to the report.
  struct GainProbe {
    Tuning tuning;
    std::vector<RegionGain> gains;
    std::vector<Checkpoint> checkpoints;  // to show if it turns out to be the tuning pass
    AdaptReport report;
  };
  GainProbe Probe(SliceState& state) const;
  OpenRegions OpenBy(const std::optional<GainProbe>& probe) const;
  bool MayBeTuningPass() const;
  // Whether the probe, told which regions are open, trained just what the tuning pass would.
  bool IsTuningPass(const RegionRun& probe) const;
  void FillReport(const RegionRun& run, const AdaptSlice& slice, AdaptReport& report) const;

  RegionRules rules_;
  std::shared_ptr<const UserHashRouter> router_;
};

}  // namespace raie
