#include "backbones/tile.h"

#include <algorithm>
#include <string>

#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void Refuse(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "tile: " + what);
}

std::string At(const OutputPosition& output) {
  return "output (row " + std::to_string(output.row) + ", position " +
         std::to_string(output.position) + ")";
}

}  // namespace

TileIndex::TileIndex(const ForwardInput& input, std::int64_t max_length, std::int64_t dim) {
  const WindowBatch& batch = input.batch;
  const std::int64_t tokens = batch.num_tokens();
  if (static_cast<std::int64_t>(batch.items.size()) != tokens ||
      static_cast<std::int64_t>(batch.row_keys.size()) != batch.num_rows()) {
    Refuse("offsets end at " + std::to_string(tokens) + " for " +
           std::to_string(batch.items.size()) + " items, " + std::to_string(batch.num_rows()) +
           " rows have " + std::to_string(batch.row_keys.size()) + " row keys");
  }
  const auto num_items = static_cast<std::int64_t>(input.items.base_ND.size()) / dim;
  item_ids_T_.reserve(tokens);
  for (const ItemId item : batch.items) {
    if (Index(item) < 0 || Index(item) >= num_items) {
      Refuse("item " + std::to_string(Index(item)) + " of a table of " + std::to_string(num_items));
    }
    item_ids_T_.push_back(Index(item));
  }
  position_rows_T_.reserve(tokens);
  tokens_T_.reserve(tokens);
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) AddRow(batch, row, max_length);
  AddOutputs(input);
}

void TileIndex::AddRow(const WindowBatch& batch, std::int64_t row, std::int64_t max_length) {
  const std::int64_t length = batch.offsets[row + 1] - batch.offsets[row];
  if (length < 1 || length > max_length) {
    Refuse("row " + std::to_string(row) + " has " + std::to_string(length) +
           " items, expected 1 to " + std::to_string(max_length));
  }
  for (std::int64_t p = 0; p < length; ++p) {
    position_rows_T_.push_back(static_cast<std::int32_t>(max_length - length + p));
    tokens_T_.push_back({batch.row_keys[row], static_cast<std::uint32_t>(p)});
  }
}

void TileIndex::AddOutputs(const ForwardInput& input) {
  const WindowBatch& batch = input.batch;
  all_outputs_ = static_cast<std::int64_t>(input.outputs.size()) == batch.num_tokens();
  query_offsets_S1_.assign(batch.num_rows() + 1, 0);
  std::int32_t last = -1;
  for (const OutputPosition& output : input.outputs) {
    if (output.row < 0 || output.row >= batch.num_rows() || output.position < 0 ||
        output.position >= batch.offsets[output.row + 1] - batch.offsets[output.row]) {
      Refuse(At(output) + " is outside its row");
    }
    const std::int32_t token = batch.offsets[output.row] + output.position;
    if (token <= last) Refuse(At(output) + " is not sorted or there twice");
    last = token;
    ++query_offsets_S1_[output.row + 1];
    if (all_outputs_) continue;
    output_tokens_P_.push_back(token);
    query_positions_P_.push_back(output.position);
    tokens_P_.push_back(tokens_T_[token]);
  }
  for (std::size_t s = 1; s < query_offsets_S1_.size(); ++s) {
    query_offsets_S1_[s] += query_offsets_S1_[s - 1];
  }
}

TransformerCall TileIndex::Call(const ForwardInput& input) const {
  TransformerCall call{.offsets_S1 = input.batch.offsets,
                       .row_keys_S = input.batch.row_keys,
                       .tokens_T = tokens_T_,
                       .all_outputs = all_outputs_,
                       .output_tokens_P = output_tokens_P_,
                       .query_offsets_S1 = query_offsets_S1_,
                       .query_positions_P = query_positions_P_,
                       .tokens_P = tokens_P_,
                       .dropout = {},
                       .lora_dropout = {},
                       .keep_tape = input.training};
  call.dropout.seed = call.lora_dropout.seed = input.seed;
  call.dropout.step = call.lora_dropout.step = input.step;
  return call;
}

}  // namespace raie
