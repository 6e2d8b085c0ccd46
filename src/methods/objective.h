// What is each sample of a training pass learnt from?
//
// Concept: by default a window teaches its target by cross-entropy. A method that asks for more
//          (replay, a teacher, rivals of the target, a penalty) says so here and leaves the
//          training loop alone.
// Source:  METHOD section 5.
// Threads: called from the thread of the trainer, between steps.
#pragma once

#include <span>

#include "methods/regional_sets.h"
#include "training/batch.h"
#include "training/step.h"

namespace raie {

class SampleObjective {
 public:
  virtual ~SampleObjective() = default;

  // Appends a sample: its row and what hangs on it.
  virtual void Append(const SampleRef& sample, const WindowRow& row, TrainingBatch& batch) const;

  // Called once the batch is whole.
  virtual void Complete(TrainingBatch&) const {}

  // What is distilled into the adapter beside the loss; the batch is to have the teacher's states.
  virtual Distillation* teacher() const { return nullptr; }

  // Adds the gradients of a penalty to those of the adapters present, as they stand in `parts`.
  virtual void Penalise(const TrainingBatch&, const TrainedParts&,
                        std::span<const SlotGradient>) const {}
};

}  // namespace raie
