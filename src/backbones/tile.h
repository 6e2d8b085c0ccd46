// What do the kernels need to know of a tile besides its items?
//
// Concept: checks a ForwardInput once and derives the index arrays that layers share: token keys
// for
//          dropout, position rows, and where the requested outputs are.
// Errors:  kInvalidArgument for a row that is empty or too long, an item outside the table, outputs
//          that are not sorted, twice there or outside their row.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "backbones/transformer.h"

namespace raie {

class TileIndex {
 public:
  TileIndex(const ForwardInput& input, std::int64_t max_length, std::int64_t dim);

  // Returns the tile as the blocks see it, dropout inactive; valid as long as this and `input`.
  TransformerCall Call(const ForwardInput& input) const;
  std::span<const std::int32_t> item_ids() const { return item_ids_T_; }
  // Position p of a row of n items reads row max_length - n + p.
  std::span<const std::int32_t> position_rows() const { return position_rows_T_; }

 private:
  void AddRow(const WindowBatch& batch, std::int64_t row, std::int64_t max_length);
  void AddOutputs(const ForwardInput& input);

  std::vector<std::int32_t> item_ids_T_;
  std::vector<std::int32_t> position_rows_T_;
  std::vector<kernels::TokenKey> tokens_T_;
  bool all_outputs_ = true;
  std::vector<std::int32_t> output_tokens_P_;
  std::vector<std::int32_t> query_offsets_S1_;
  std::vector<std::int32_t> query_positions_P_;
  std::vector<kernels::TokenKey> tokens_P_;
};

}  // namespace raie
