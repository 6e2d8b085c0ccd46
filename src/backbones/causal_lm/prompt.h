// How does a history of items become the tokens of a prompt?
//
// Concept: a template, already tokenised: pieces of text, the place of the user's id and that of
// the
//          history. The history is one added token an item, whose row is the item's own, or the
//          tokens of its title. What is too long loses its oldest items, never the instruction.
// Source:  METHOD section 7.
// Shapes:  T tokens of a ragged tile of prompts.
// Errors:  kInvalidArgument for a template that cannot be, a prompt without room for one item, and
//          what backbone.h refuses of a tile.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backbones/backbone.h"
#include "backbones/tile.h"
#include "backbones/transformer.h"

namespace raie {

using TokenIds = std::vector<std::int32_t>;

// Lists of tokens, one behind the other: of user ids, of titles.
struct TokenLists {
  std::vector<std::int64_t> offsets = {0};
  TokenIds ids;

  std::int64_t size() const { return std::ssize(offsets) - 1; }
  void Add(std::span<const std::int32_t> list);
  std::span<const std::int32_t> operator[](std::int64_t i) const {
    return std::span(ids).subspan(offsets[i], offsets[i + 1] - offsets[i]);
  }
};

enum class PromptPartKind { kText, kUser, kHistory };

struct PromptPart {
  PromptPartKind kind = PromptPartKind::kText;
  TokenIds text = {};  // kText only
};

struct PromptSpec {
  std::vector<PromptPart>
      parts;                    // one kHistory; kText for what begins a text, if the model wants it
  TokenLists users;             // of each UserId; read only if a part is kUser
  TokenIds unknown_user;        // of users beyond the list; empty: they are refused
  TokenLists titles;            // of each ItemId; empty: items are added tokens
  TokenIds separator;           // between two titles
  std::int64_t max_items = 50;  // of a history that is given: Backbone::max_length()
  std::int64_t max_tokens = 512;  // of a prompt
  bool keeps_prefix = true;  // keys and values of what all prompts begin with are computed once

  bool reads_users() const;
  // Returns the tokens that every prompt begins with.
  TokenIds prefix() const;
  bool writes_titles() const { return titles.size() > 0; }
};

// Throws unless prompts of this template can be made of tokens 0 .. vocabulary - 1.
void CheckPrompt(const PromptSpec& spec, std::int64_t vocabulary, std::int64_t longest_prompt);

// The prompts of a tile. Where an output stands: at the row's last position the end of its prompt,
// before that the last token of its item.
class PromptTile {
 public:
  // Without the first `skipped` tokens of each prompt, which the template's first texts are, if
  // they are not 0.
  PromptTile(const ForwardInput& input, const PromptSpec& spec, std::int64_t row_width,
             std::int64_t skipped = 0);

  // The tile as layers see it, dropout inactive; valid as long as this and `input`.
  TransformerCall Call(const ForwardInput& input) const;

  std::span<const std::int32_t> offsets() const { return offsets_S1_; }  // of rows
  // Token id of the vocabulary, -1 for an item token.
  std::span<const std::int32_t> text_ids() const { return text_ids_T_; }
  // The batch's token that an item token stands for, -1 for text.
  std::span<const std::int32_t> batch_tokens() const { return batch_tokens_T_; }

 private:
  void AddRow(const ForwardInput& input, std::int64_t row);
  std::span<const std::int32_t> UserIdsOf(const ForwardInput& input, std::int64_t row) const;
  std::int64_t ItemTokens(ItemId item) const;
  // The first item of the row that has room; the last one if its title must be cut.
  std::int64_t FirstItem(std::span<const ItemId> items, std::int64_t fixed, std::int64_t row) const;
  void AddText(std::span<const std::int32_t> ids);
  void AddHistory(const WindowBatch& batch, std::int64_t row, std::int64_t first,
                  std::int64_t room);
  std::int32_t TokenOf(const WindowBatch& batch, const OutputPosition& output) const;

  const PromptSpec& spec_;
  std::int64_t num_items_;
  std::int64_t skipped_;
  std::vector<std::int32_t> key_offsets_S1_;  // if some are skipped
  std::vector<std::int32_t> offsets_S1_ = {0};
  std::vector<std::int32_t> text_ids_T_, batch_tokens_T_, positions_T_;
  std::vector<std::int32_t> last_of_item_;  // of the batch's tokens; -1: dropped
  std::vector<kernels::TokenKey> tokens_T_;
  TileOutputs outputs_;
};

}  // namespace raie
