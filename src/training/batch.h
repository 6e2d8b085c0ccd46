// What does one training step learn from?
//
// Concept: rows (sequences), the positions whose hidden state is wanted, and the targets that hang
//          on them. Several targets may hang on one output (events of one time stamp read the same
//          last earlier position). A row belongs to a slot: the adapter that reads and learns it.
// Source:  METHOD section 3 ("What S trains on"), section 4 ("Regional training").
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "raie/types.h"

namespace raie {

// `weight` is relative: a slot's loss is the weighted mean over its targets, the loss that moves
// shared item rows the weighted mean over all targets of the batch.
struct Target {
  std::int32_t output;  // index into TrainingBatch::outputs
  ItemId item;
  float weight = 1;
  ItemId rival = kNoItem;  // what the item is to score above, if the loss is pairwise
};

struct TrainingBatch {
  WindowBatch rows;
  std::vector<OutputPosition> outputs;  // sorted by (row, position), none twice
  std::vector<Target> targets;          // sorted by output
  std::vector<std::int32_t> slots;      // [B] slot of each row; empty: all slot 0
  std::vector<float> teacher_PD;        // a teacher's hidden states of the outputs; empty: none

  std::int32_t slot(std::int64_t row) const { return slots.empty() ? 0 : slots[row]; }
  void Clear();
};

// A context and its target, read at the last position.
struct WindowRow {
  std::span<const ItemId> items;     // oldest first, at least one
  std::span<const Timestamp> times;  // as many, or none
  UserId user{-1};
  ItemId target = kNoItem;
  float weight = 1;
  std::int32_t slot = 0;
  std::uint32_t row_key = 0;  // names the row in its batch: keys the dropout bits
};

void AppendRow(TrainingBatch& batch, const WindowRow& row);

struct BatchLimits {
  std::int64_t num_items;       // rows of the table: what sequences may hold
  std::int64_t catalogue_size;  // what targets may be
  std::int64_t num_slots;
};

// Throws kInvalidArgument if anything above does not hold.
void CheckBatch(const TrainingBatch& batch, const BatchLimits& limits);

}  // namespace raie
