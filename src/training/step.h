// What happens in one training step?
//
// Concept: forward over tiles, loss, backward over tiles, one micro-batch after the other
// (tiles.h),
//          so that a large batch takes no more memory than a small one; then one optimiser step for
//          each group. The same engine fits a backbone (its parameters and all item rows) and
//          trains many adapters in one pass: rows of a mixed batch name their slot, each slot has
//          an adapter with an optimiser group of its own, and the loss of a slot is the mean over
//          its targets. So one pass over mixed batches equals separate training on the same
//          batches. A slot without rows takes no step, decay included.
// Source:  METHOD section 4 ("Regional training", "Item rows").
// Errors:  kInvalidArgument for a batch that does not fit the slots or the catalogue; kInternal if
//          a loss or a gradient is not finite (nothing has moved then, except groups of smaller
//          slot number).
// Threads: one step at a time; same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "base/task_pool.h"
#include "training/batch.h"
#include "training/item_table.h"
#include "training/loss.h"
#include "training/loss_distillation.h"
#include "training/optimiser.h"
#include "training/tiles.h"

namespace raie {

// Item rows in training: all rows of the catalogue, or a list, with a pull to where they began.
struct TrainedRows {
  std::vector<std::int32_t> items;  // sorted; empty with `all`
  enum class Which { kAll, kListed } which = Which::kListed;
  double anchor = 0;                 // gradient 2 anchor (e - e0), once a step
  double rate = 1;                   // share of the learning rate they move with
  std::vector<float> start_rows_nD;  // e0; may be empty if anchor = 0
  AdamState state;
};

// Makes the training state of rows of the base table (region = kNoRegion) or of a region's own.
TrainedRows TrainAllRows(const ItemTable& table, std::int64_t catalogue_size);
TrainedRows TrainListedRows(const ItemTable& table, std::vector<std::int32_t> items, double anchor);
// Gives the region own rows for these items if it has none yet, and trains them.
TrainedRows TrainOwnRows(ItemTable& table, RegionId region, std::vector<std::int32_t> items,
                         double anchor);

// One adapter in training (or none: adapter = null), and the rows its region reads.
struct TrainedSlot {
  Adapter* adapter = nullptr;
  AdamState* state = nullptr;       // null: the adapter is read but does not move
  RegionId region = kNoRegion;      // whose item rows are read
  TrainedRows* own_rows = nullptr;  // the region's own rows, if they are trained
};

// Everything a step may move. Slots are used for adapters; a fit of the backbone has one slot
// without adapter.
struct TrainedParts {
  ItemTable* items = nullptr;
  std::int64_t catalogue_size = 0;     // of the loss
  AdamState* backbone = nullptr;       // null: the backbone is frozen
  TrainedRows* shared_rows = nullptr;  // rows of the base table; null: frozen
  Distillation* teacher = nullptr;     // added to the loss; the batch has the teacher's states, and
                                       // no slot has rows of its own
  std::vector<TrainedSlot> slots;
};

struct SlotGradient {
  std::int32_t slot;
  std::span<float> gradient;  // of the adapter's values, before clipping
};

struct StepOptions {
  AdamOptions adam;
  LossOptions loss;
  TileOptions tiles;
  std::uint64_t seed = 0;  // of dropout and negatives
};

struct StepReport {
  double loss = 0;                  // weighted mean over all targets
  std::vector<double> slot_loss;    // weighted mean over each slot's; 0 for a slot without
  std::vector<double> slot_weight;  // sum of weights
};

class StepEngine {
 public:
  // The backbone and the pool must outlive the engine.
  StepEngine(Backbone& backbone, const StepOptions& options, TaskPool& pool);
  ~StepEngine();

  // Called with the adapter gradients of the slots present, in slot order: a place to add the
  // gradient of a penalty.
  using Penalty = std::function<void(std::span<const SlotGradient>)>;
  void SetPenalty(Penalty penalty);

  // Takes step number `step` (it keys dropout and negatives; any increasing numbers will do).
  StepReport Step(const TrainingBatch& batch, std::uint64_t step, const TrainedParts& parts);

 private:
  class Run;
  struct Scratch;
  Backbone& backbone_;
  StepOptions options_;
  TaskPool& pool_;
  Penalty penalty_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace raie
