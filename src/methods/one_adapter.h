// How does a method with one adapter for everybody learn from a slice?
//
// Concept: one LoRA on the whole slice, no routing. `lora` and `lora_big` differ in its rank only.
// Source:  METHOD section 5; Hu et al. 2022.
#pragma once

#include <string_view>

#include "methods/group_trainer.h"
#include "methods/snapshot_method.h"

namespace raie {

class OneAdapterMethod : public SnapshotMethod {
 public:
  using SnapshotMethod::SnapshotMethod;

  void Prepare(const Snapshot& setup, const WindowSet& setup_windows) override;
  AdaptReport Adapt(const AdaptSlice& slice) override;

 protected:
  // The adapter's options for a first training on these windows. `setup_` has the S regions.
  virtual LoraOptions AdapterOptions(const WindowSet& windows, std::int64_t catalogue_size,
                                     const Snapshot& grown_setup) const = 0;
  Snapshot setup_;
};

}  // namespace raie
