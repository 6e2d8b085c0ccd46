#include "backbones/tile.h"

#include <algorithm>
#include <string>

#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void RefuseTile(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "tile: " + what);
}

}  // namespace

std::string NameOf(const OutputPosition& output) {
  return "output (row " + std::to_string(output.row) + ", position " +
         std::to_string(output.position) + ")";
}

void CheckShape(const WindowBatch& batch, const std::string& what) {
  if (std::ssize(batch.items) == batch.num_tokens() &&
      std::ssize(batch.row_keys) == batch.num_rows()) {
    return;
  }
  throw Error(ErrorCode::kInvalidArgument, what + ": offsets end at " +
                                               std::to_string(batch.num_tokens()) + " for " +
                                               std::to_string(batch.items.size()) + " items, " +
                                               std::to_string(batch.num_rows()) + " rows have " +
                                               std::to_string(batch.row_keys.size()) + " row keys");
}

void TileOutputs::Find(const ForwardInput& input, const std::string& what, const Tokens& tokens,
                       const TokenOf& token_of) {
  const WindowBatch& batch = input.batch;
  const auto refuse = [&](const OutputPosition& output, const char* why) {
    throw Error(ErrorCode::kInvalidArgument, what + ": " + NameOf(output) + why);
  };
  all_outputs_ = tokens.all_outputs;
  query_offsets_S1_.assign(batch.num_rows() + 1, 0);
  std::int32_t last = -1;
  for (const OutputPosition& output : input.outputs) {
    if (output.row < 0 || output.row >= batch.num_rows() || output.position < 0 ||
        output.position >= batch.offsets[output.row + 1] - batch.offsets[output.row]) {
      refuse(output, " is outside its row");
    }
    const std::int32_t token = token_of(output);
    if (token <= last) refuse(output, " is not sorted or there twice");
    last = token;
    ++query_offsets_S1_[output.row + 1];
    if (all_outputs_) continue;
    output_tokens_P_.push_back(token);
    query_positions_P_.push_back(tokens.positions_T.empty()
                                     ? static_cast<std::int32_t>(tokens.keys_T[token].position)
                                     : tokens.positions_T[token]);
    tokens_P_.push_back(tokens.keys_T[token]);
  }
  for (std::size_t s = 1; s < query_offsets_S1_.size(); ++s) {
    query_offsets_S1_[s] += query_offsets_S1_[s - 1];
  }
}

void TileOutputs::Fill(const ForwardInput& input, TransformerCall& call) const {
  call.row_keys_S = input.batch.row_keys;
  call.all_outputs = all_outputs_;
  call.output_tokens_P = output_tokens_P_;
  call.query_offsets_S1 = query_offsets_S1_;
  call.query_positions_P = query_positions_P_;
  call.tokens_P = tokens_P_;
  call.keep_tape = input.training;
  call.dropout.seed = call.lora_dropout.seed = input.seed;
  call.dropout.step = call.lora_dropout.step = input.step;
}

TileIndex::TileIndex(const ForwardInput& input, const TileRules& rules) : rules_(rules) {
  const WindowBatch& batch = input.batch;
  const std::int64_t tokens = batch.num_tokens();
  CheckShape(batch, "tile");
  const std::int64_t room = tokens + (rules.masks ? batch.num_rows() : 0);
  item_ids_T_.reserve(room);
  position_rows_T_.reserve(room);
  tokens_T_.reserve(room);
  if (rules.padding == Padding::kAttended) key_offsets_S1_ = {0};
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) AddRow(input, row);
  outputs_.Find(input, "tile",
                {.keys_T = tokens_T_,
                 .positions_T = key_positions_T_,
                 .all_outputs = input.outputs.size() == item_ids_T_.size()},
                [&](const OutputPosition& output) { return TokenOf(batch, output); });
}

void TileIndex::AddRow(const ForwardInput& input, std::int64_t row) {
  const WindowBatch& batch = input.batch;
  const std::int64_t begin = batch.offsets[row], length = batch.offsets[row + 1] - begin;
  const auto items = std::span(batch.items).subspan(begin, length);
  const bool appends =
      rules_.masks && std::find(items.begin(), items.end(), kMaskItem) == items.end();
  const std::int64_t tokens = length + (appends ? 1 : 0);
  if (length < 1 || tokens > rules_.max_tokens()) {
    RefuseTile("row " + std::to_string(row) + " has " + std::to_string(length) +
               " items, expected 1 to " + std::to_string(rules_.max_tokens() - (appends ? 1 : 0)));
  }
  const auto num_items = static_cast<std::int64_t>(input.items.base_ND.size()) / rules_.row_width;
  for (const ItemId item : items) {
    if (rules_.masks) {
      tokens_of_batch_.push_back(item == kMaskItem ? -1
                                                   : static_cast<std::int32_t>(item_ids_T_.size()));
    }
    AddToken(item, num_items);
  }
  if (appends) AddToken(kMaskItem, num_items);
  offsets_S1_.push_back(static_cast<std::int32_t>(item_ids_T_.size()));
  const std::int64_t before = rules_.max_tokens() - tokens;
  const std::int64_t first = rules_.order == PositionOrder::kFromEnd ? before : 0;
  for (std::int64_t p = 0; p < tokens; ++p) {
    position_rows_T_.push_back(static_cast<std::int32_t>(first + p));
    tokens_T_.push_back({batch.row_keys[row], static_cast<std::uint32_t>(p)});
  }
  if (rules_.padding == Padding::kUnseen) return;
  key_offsets_S1_.push_back(static_cast<std::int32_t>((row + 1) * rules_.max_tokens()));
  for (std::int64_t p = 0; p < tokens; ++p) {
    key_positions_T_.push_back(static_cast<std::int32_t>(before + p));
  }
}

void TileIndex::AddToken(ItemId item, std::int64_t num_items) {
  if (rules_.masks && item == kMaskItem) {
    mask_tokens_.push_back(static_cast<std::int32_t>(item_ids_T_.size()));
    item_ids_T_.push_back(0);
    return;
  }
  if (Index(item) < 0 || Index(item) >= num_items) {
    RefuseTile("item " + std::to_string(Index(item)) + " of a table of " +
               std::to_string(num_items));
  }
  item_ids_T_.push_back(Index(item));
}

// The last position of a row that got a [MASK] is that [MASK].
std::int32_t TileIndex::TokenOf(const WindowBatch& batch, const OutputPosition& output) const {
  const std::int32_t length = batch.offsets[output.row + 1] - batch.offsets[output.row];
  const std::int32_t begin = offsets_S1_[output.row];
  if (output.position + 1 == length) return offsets_S1_[output.row + 1] - 1;
  return begin + output.position;
}

TransformerCall TileIndex::Call(const ForwardInput& input) const {
  TransformerCall call{.offsets_S1 = offsets_S1_, .tokens_T = tokens_T_};
  outputs_.Fill(input, call);
  call.key_offsets_S1 = key_offsets_S1_;
  call.key_positions_T = key_positions_T_;
  return call;
}

}  // namespace raie
