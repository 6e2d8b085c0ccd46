#include "training/batch.h"

#include <string>

#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void RefuseBatch(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "training batch: " + what);
}

void CheckRows(const TrainingBatch& batch, std::int64_t num_items, std::int64_t num_slots) {
  const WindowBatch& rows = batch.rows;
  if (std::ssize(rows.items) != rows.num_tokens()) {
    RefuseBatch(std::to_string(rows.items.size()) + " items for " +
                std::to_string(rows.num_tokens()) + " tokens");
  }
  for (const ItemId item : rows.items) {
    if (item == kMaskItem) continue;  // refused by backbones that do not read it
    if (Index(item) < 0 || Index(item) >= num_items) {
      RefuseBatch("item " + std::to_string(Index(item)) +
                  " in a sequence is outside the table of " + std::to_string(num_items));
    }
  }
  if (std::ssize(rows.row_keys) != rows.num_rows()) {
    RefuseBatch(std::to_string(rows.row_keys.size()) + " row keys for " +
                std::to_string(rows.num_rows()) + " rows");
  }
  if (!batch.slots.empty() && std::ssize(batch.slots) != rows.num_rows()) {
    RefuseBatch(std::to_string(batch.slots.size()) + " slots for " +
                std::to_string(rows.num_rows()) + " rows");
  }
  for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
    if (rows.offsets[row + 1] <= rows.offsets[row])
      RefuseBatch("row " + std::to_string(row) + " is empty");
    if (batch.slot(row) < 0 || batch.slot(row) >= num_slots) {
      RefuseBatch("row " + std::to_string(row) + " is of slot " + std::to_string(batch.slot(row)) +
                  "; there are " + std::to_string(num_slots));
    }
  }
}

void CheckOutputs(const TrainingBatch& batch) {
  const WindowBatch& rows = batch.rows;
  for (std::size_t p = 0; p < batch.outputs.size(); ++p) {
    const OutputPosition& output = batch.outputs[p];
    const bool inside = output.row >= 0 && output.row < rows.num_rows() && output.position >= 0 &&
                        output.position < rows.offsets[output.row + 1] - rows.offsets[output.row];
    if (!inside) {
      RefuseBatch("output " + std::to_string(p) + " is at row " + std::to_string(output.row) +
                  ", position " + std::to_string(output.position) + ", which is not there");
    }
    if (p > 0) {
      const OutputPosition& before = batch.outputs[p - 1];
      const bool sorted = before.row < output.row ||
                          (before.row == output.row && before.position < output.position);
      if (!sorted)
        RefuseBatch("outputs are not sorted by row and position at " + std::to_string(p));
    }
  }
}

void CheckTargets(const TrainingBatch& batch, std::int64_t catalogue_size) {
  for (std::size_t t = 0; t < batch.targets.size(); ++t) {
    const Target& target = batch.targets[t];
    if (target.output < 0 || target.output >= std::ssize(batch.outputs) ||
        (t > 0 && target.output < batch.targets[t - 1].output)) {
      RefuseBatch("target " + std::to_string(t) + " hangs on output " +
                  std::to_string(target.output) + ": outputs are 0 .. " +
                  std::to_string(std::ssize(batch.outputs) - 1) + ", targets sorted by them");
    }
    if (Index(target.item) < 0 || Index(target.item) >= catalogue_size) {
      RefuseBatch("target item " + std::to_string(Index(target.item)) +
                  " is outside the catalogue of " + std::to_string(catalogue_size));
    }
    if (target.rival != kNoItem &&
        (Index(target.rival) < 0 || Index(target.rival) >= catalogue_size)) {
      RefuseBatch("rival " + std::to_string(Index(target.rival)) + " is outside the catalogue of " +
                  std::to_string(catalogue_size));
    }
    if (!(target.weight >= 0)) {
      RefuseBatch("target " + std::to_string(t) + " has weight " + std::to_string(target.weight) +
                  "; weights are not negative");
    }
  }
}

}  // namespace

void TrainingBatch::Clear() { *this = TrainingBatch(); }

void AppendRow(TrainingBatch& batch, const WindowRow& row) {
  WindowBatch& rows = batch.rows;
  const auto number = static_cast<std::int32_t>(rows.num_rows());
  rows.items.insert(rows.items.end(), row.items.begin(), row.items.end());
  rows.times.insert(rows.times.end(), row.times.begin(), row.times.end());
  rows.offsets.push_back(static_cast<std::int32_t>(rows.items.size()));
  rows.users.push_back(row.user);
  rows.row_keys.push_back(row.row_key);
  batch.slots.push_back(row.slot);
  batch.targets.push_back(
      {static_cast<std::int32_t>(batch.outputs.size()), row.target, row.weight});
  batch.outputs.push_back({number, static_cast<std::int32_t>(row.items.size()) - 1});
}

void CheckBatch(const TrainingBatch& batch, const BatchLimits& limits) {
  CheckRows(batch, limits.num_items, limits.num_slots);
  CheckOutputs(batch);
  CheckTargets(batch, limits.catalogue_size);
}

}  // namespace raie
