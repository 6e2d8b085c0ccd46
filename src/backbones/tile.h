// What do the kernels need to know of a tile besides its items?
//
// Concept: checks a ForwardInput once and derives the index arrays that layers share: token keys
//          for dropout, position rows, and where the requested outputs are (TileOutputs, which
//          prompts have, too). Where rows may hold
//          [MASK], a row without one gets one appended (backbone.h, kMaskItem): the tile then has
//          more tokens than the batch.
// Errors:  kInvalidArgument for a row that is empty or too long, an item outside the table, outputs
//          that are not sorted, twice there or outside their row.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "backbones/backbone.h"
#include "backbones/transformer.h"

namespace raie {

// Which position row does token p of a row of n tokens read, of a table of R?
enum class PositionOrder {
  kFromEnd,    // R - n + p: sequences are right-aligned
  kFromStart,  // p
};
inline std::span<const char* const> EnumNames(PositionOrder) {
  static constexpr const char* kNames[] = {"from_end", "from_start"};
  return kNames;
}

// What do queries see of the places before a short sequence?
enum class Padding {
  kUnseen,    // nothing
  kAttended,  // keys and values of a zero row, one for each place
};
inline std::span<const char* const> EnumNames(Padding) {
  static constexpr const char* kNames[] = {"unseen", "attended"};
  return kNames;
}

struct TileRules {
  std::int64_t max_length = 0;  // items of a row
  std::int64_t row_width = 0;   // of an item row
  bool masks = false;           // rows have [MASK], one at least
  PositionOrder order = PositionOrder::kFromEnd;
  Padding padding = Padding::kUnseen;

  std::int64_t max_tokens() const { return max_length + (masks ? 1 : 0); }
};

// Throws unless the parts of a batch fit each other; `what` begins the message.
void CheckShape(const WindowBatch& batch, const std::string& what);

// The requested outputs as tokens of a tile.
class TileOutputs {
 public:
  struct Tokens {
    std::span<const kernels::TokenKey> keys_T;
    std::span<const std::int32_t> positions_T = {};  // among the keys of its row; empty: in its row
    bool all_outputs = false;                        // every token: no lists are needed
  };
  // Returns the token of an output, which is inside its row; may throw.
  using TokenOf = std::function<std::int32_t(const OutputPosition&)>;

  void Find(const ForwardInput& input, const std::string& what, const Tokens& tokens,
            const TokenOf& token_of);
  // Sets what a call has of outputs, seeds and steps; dropout inactive.
  void Fill(const ForwardInput& input, TransformerCall& call) const;

 private:
  bool all_outputs_ = true;
  std::vector<std::int32_t> output_tokens_P_;
  std::vector<std::int32_t> query_offsets_S1_;
  std::vector<std::int32_t> query_positions_P_;
  std::vector<kernels::TokenKey> tokens_P_;
};

// Begins the message on an output.
std::string NameOf(const OutputPosition& output);

class TileIndex {
 public:
  TileIndex(const ForwardInput& input, const TileRules& rules);

  // Returns the tile as the blocks see it, dropout inactive; valid as long as this and `input`.
  TransformerCall Call(const ForwardInput& input) const;
  std::span<const std::int32_t> item_ids() const { return item_ids_T_; }  // 0 for [MASK]
  std::span<const std::int32_t> mask_tokens() const { return mask_tokens_; }
  // The tile's token of every token of the batch, -1 for [MASK]; empty: one for one.
  std::span<const std::int32_t> tokens_of_batch() const { return tokens_of_batch_; }
  // By the rules' order.
  std::span<const std::int32_t> position_rows() const { return position_rows_T_; }

 private:
  void AddRow(const ForwardInput& input, std::int64_t row);
  void AddToken(ItemId item, std::int64_t num_items);
  std::int32_t TokenOf(const WindowBatch& batch, const OutputPosition& output) const;

  TileRules rules_;
  std::vector<std::int32_t> offsets_S1_ = {0};
  std::vector<std::int32_t> item_ids_T_;
  std::vector<std::int32_t> mask_tokens_;
  std::vector<std::int32_t> tokens_of_batch_;
  std::vector<std::int32_t> position_rows_T_;
  std::vector<std::int32_t> key_offsets_S1_;  // padding attended only
  std::vector<std::int32_t> key_positions_T_;
  std::vector<kernels::TokenKey> tokens_T_;
  TileOutputs outputs_;
};

}  // namespace raie
