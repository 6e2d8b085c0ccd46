// How does a method with one adapter for everybody learn from a slice?
//
// Concept: one group with the whole slice, no routing. Methods differ in the adapter they start
//          from and in what they add to the plan (replay, a teacher, rivals).
// Source:  METHOD section 5; Hu et al. 2022.
#pragma once

#include <memory>
#include <string_view>

#include "methods/budget.h"
#include "methods/group_trainer.h"
#include "methods/snapshot_method.h"

namespace raie {

class OneAdapterMethod : public SnapshotMethod {
 public:
  using SnapshotMethod::SnapshotMethod;

  void Prepare(const Snapshot& setup, const WindowSet& setup_windows) override;
  AdaptReport Adapt(const AdaptSlice& slice) override;

  // What it answers from, whether or not that can be published.
  const Snapshot& state() const { return snapshot_; }

 protected:
  // One pass over a part of a slice, before it is trained.
  struct Pass {
    const SlicePart& part;
    const AdaptSlice& slice;
    const Snapshot& start;        // the model before the slice, with rows for it
    const Snapshot& grown_setup;  // the fitted model with its regions, with rows for it
  };

  // The adapter a first slice starts from; null: none, only item rows move.
  virtual std::shared_ptr<const Adapter> FirstAdapter(const Pass& pass) const;
  // Adds the method's rule to a plan that has every window of the part in one group.
  virtual void CompletePlan(const Pass&, TrainPlan&) {}
  // Adds what only this method has to report.
  virtual void CompleteReport(const AdaptSlice&, AdaptReport&) const {}

 private:
  std::unique_ptr<AdaptRun> MakeRun(const Pass& pass);

  Snapshot setup_;
};

}  // namespace raie
