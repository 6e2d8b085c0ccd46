#include "backbones/causal_lm/prompt.h"

#include <algorithm>
#include <string>

#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void RefusePrompt(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "prompt: " + what);
}

void CheckIds(const char* what, std::span<const std::int32_t> ids, std::int64_t vocabulary) {
  for (const std::int32_t id : ids) {
    if (id < 0 || id >= vocabulary) {
      RefusePrompt(std::string(what) + ": token " + std::to_string(id) + " of a vocabulary of " +
                   std::to_string(vocabulary) + "; is the tokenizer another model's?");
    }
  }
}

std::int64_t FixedTokens(const PromptSpec& spec, std::int64_t user_tokens) {
  std::int64_t fixed = 0;
  for (const PromptPart& part : spec.parts) {
    if (part.kind == PromptPartKind::kText) fixed += std::ssize(part.text);
    if (part.kind == PromptPartKind::kUser) fixed += user_tokens;
  }
  return fixed;
}

}  // namespace

void TokenLists::Add(std::span<const std::int32_t> list) {
  ids.insert(ids.end(), list.begin(), list.end());
  offsets.push_back(std::ssize(ids));
}

TokenIds PromptSpec::prefix() const {
  TokenIds ids;
  for (const PromptPart& part : parts) {
    if (part.kind != PromptPartKind::kText) break;
    ids.insert(ids.end(), part.text.begin(), part.text.end());
  }
  return ids;
}

bool PromptSpec::reads_users() const {
  return std::any_of(parts.begin(), parts.end(),
                     [](const PromptPart& part) { return part.kind == PromptPartKind::kUser; });
}

void CheckPrompt(const PromptSpec& spec, std::int64_t vocabulary, std::int64_t longest_prompt) {
  const auto histories = std::count_if(spec.parts.begin(), spec.parts.end(), [](const auto& part) {
    return part.kind == PromptPartKind::kHistory;
  });
  if (histories != 1) {
    RefusePrompt("the template has the history " + std::to_string(histories) +
                 " times; it is needed once");
  }
  if (spec.max_items < 1) RefusePrompt("max_items = " + std::to_string(spec.max_items));
  if (spec.max_tokens < 1 || spec.max_tokens > longest_prompt) {
    RefusePrompt("max_tokens = " + std::to_string(spec.max_tokens) +
                 "; the model reads prompts of 1 to " + std::to_string(longest_prompt) +
                 " tokens (its positions, or less than its sliding window)");
  }
  if (FixedTokens(spec, std::ssize(spec.unknown_user)) >= spec.max_tokens) {
    RefusePrompt("the template alone has " +
                 std::to_string(FixedTokens(spec, std::ssize(spec.unknown_user))) +
                 " tokens; max_tokens = " + std::to_string(spec.max_tokens) +
                 " leaves no room for an item");
  }
  for (const PromptPart& part : spec.parts) CheckIds("the template", part.text, vocabulary);
  CheckIds("a user's id", spec.users.ids, vocabulary);
  CheckIds("an unknown user", spec.unknown_user, vocabulary);
  CheckIds("a title", spec.titles.ids, vocabulary);
  CheckIds("the separator", spec.separator, vocabulary);
  for (std::int64_t item = 0; item < spec.titles.size(); ++item) {
    if (spec.titles[item].empty()) {
      RefusePrompt("item " + std::to_string(item) + " has an empty title");
    }
  }
}

PromptTile::PromptTile(const ForwardInput& input, const PromptSpec& spec, std::int64_t row_width,
                       std::int64_t skipped)
    : spec_(spec),
      num_items_(static_cast<std::int64_t>(input.items.base_ND.size()) / row_width),
      skipped_(skipped),
      last_of_item_(input.batch.items.size(), -1) {
  const WindowBatch& batch = input.batch;
  CheckShape(batch, "prompt");
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) AddRow(input, row);
  outputs_.Find(input, "prompt", {.keys_T = tokens_T_},
                [&](const OutputPosition& output) { return TokenOf(batch, output); });
  if (skipped_ == 0) return;
  for (std::size_t s = 0; s < offsets_S1_.size(); ++s) {
    key_offsets_S1_.push_back(offsets_S1_[s] + static_cast<std::int32_t>(s * skipped_));
  }
}

std::span<const std::int32_t> PromptTile::UserIdsOf(const ForwardInput& input,
                                                    std::int64_t row) const {
  if (!spec_.reads_users()) return {};
  if (!input.user_tokens.empty()) return input.user_tokens;
  if (std::ssize(input.batch.users) != input.batch.num_rows()) {
    RefusePrompt("the template has the user's id, but the rows have no users");
  }
  const std::int32_t user = Index(input.batch.users[row]);
  if (user >= 0 && user < spec_.users.size()) return spec_.users[user];
  if (spec_.unknown_user.empty()) {
    RefusePrompt("user " + std::to_string(user) + " has no tokens and unknown_user is empty");
  }
  return spec_.unknown_user;
}

std::int64_t PromptTile::ItemTokens(ItemId item) const {
  if (Index(item) < 0 || Index(item) >= num_items_) {
    RefusePrompt("item " + std::to_string(Index(item)) + " of a table of " +
                 std::to_string(num_items_));
  }
  if (!spec_.writes_titles()) return 1;
  if (Index(item) >= spec_.titles.size()) {
    RefusePrompt("item " + std::to_string(Index(item)) + " has no title; there are " +
                 std::to_string(spec_.titles.size()));
  }
  return std::ssize(spec_.titles[Index(item)]);
}

std::int64_t PromptTile::FirstItem(std::span<const ItemId> items, std::int64_t fixed,
                                   std::int64_t row) const {
  std::int64_t first = std::ssize(items);
  for (std::int64_t tokens = fixed; first > 0; --first) {
    tokens += ItemTokens(items[first - 1]);
    if (spec_.writes_titles() && first < std::ssize(items)) tokens += std::ssize(spec_.separator);
    if (tokens > spec_.max_tokens) break;
  }
  if (first == std::ssize(items) && spec_.writes_titles() && fixed < spec_.max_tokens) --first;
  if (first == std::ssize(items)) {
    RefusePrompt("row " + std::to_string(row) + ": the instruction, the user's id included, has " +
                 std::to_string(fixed) + " tokens and max_tokens = " +
                 std::to_string(spec_.max_tokens) + " leaves no room for its last item");
  }
  for (std::int64_t i = 0; i < first; ++i) ItemTokens(items[i]);  // they must exist all the same
  return first;
}

void PromptTile::AddRow(const ForwardInput& input, std::int64_t row) {
  const WindowBatch& batch = input.batch;
  const std::int64_t begin = batch.offsets[row], length = batch.offsets[row + 1] - begin;
  if (length < 1 || length > spec_.max_items) {
    RefusePrompt("row " + std::to_string(row) + " has " + std::to_string(length) +
                 " items, expected 1 to " + std::to_string(spec_.max_items));
  }
  const auto user = UserIdsOf(input, row);
  const std::int64_t fixed = FixedTokens(spec_, std::ssize(user));
  const std::int64_t first = FirstItem(std::span(batch.items).subspan(begin, length), fixed, row);
  const std::int64_t room = spec_.max_tokens - fixed;
  std::int64_t unskipped = skipped_;
  for (const PromptPart& part : spec_.parts) {
    if (unskipped > 0) {
      unskipped -= std::ssize(part.text);
      continue;
    }
    if (part.kind == PromptPartKind::kText) AddText(part.text);
    if (part.kind == PromptPartKind::kUser) AddText(user);
    if (part.kind == PromptPartKind::kHistory) AddHistory(batch, row, first, room);
  }
  const auto end = static_cast<std::int32_t>(text_ids_T_.size());
  for (std::int32_t t = offsets_S1_.back(); t < end; ++t) {
    const auto position = static_cast<std::int32_t>(t - offsets_S1_.back() + skipped_);
    positions_T_.push_back(position);
    tokens_T_.push_back({batch.row_keys[row], static_cast<std::uint32_t>(position)});
  }
  offsets_S1_.push_back(end);
}

void PromptTile::AddText(std::span<const std::int32_t> ids) {
  text_ids_T_.insert(text_ids_T_.end(), ids.begin(), ids.end());
  batch_tokens_T_.resize(text_ids_T_.size(), -1);
}

void PromptTile::AddHistory(const WindowBatch& batch, std::int64_t row, std::int64_t first,
                            std::int64_t room) {
  const std::int32_t begin = batch.offsets[row];
  for (std::int32_t b = begin + static_cast<std::int32_t>(first); b < batch.offsets[row + 1]; ++b) {
    if (spec_.writes_titles()) {
      if (b > begin + first) AddText(spec_.separator);
      const auto title = spec_.titles[Index(batch.items[b])];
      AddText(title.first(std::min<std::size_t>(title.size(), room)));
    } else {
      text_ids_T_.push_back(-1);
      batch_tokens_T_.push_back(b);
    }
    last_of_item_[b] = static_cast<std::int32_t>(text_ids_T_.size()) - 1;
  }
}

std::int32_t PromptTile::TokenOf(const WindowBatch& batch, const OutputPosition& output) const {
  const std::int32_t of_batch = batch.offsets[output.row] + output.position;
  if (of_batch + 1 == batch.offsets[output.row + 1]) return offsets_S1_[output.row + 1] - 1;
  if (last_of_item_[of_batch] < 0) {
    RefusePrompt(NameOf(output) + " is an item that the prompt has no room for");
  }
  return last_of_item_[of_batch];
}

TransformerCall PromptTile::Call(const ForwardInput& input) const {
  TransformerCall call{.offsets_S1 = offsets_S1_, .tokens_T = tokens_T_};
  outputs_.Fill(input, call);
  if (skipped_ > 0) {
    call.key_offsets_S1 = key_offsets_S1_;
    call.key_positions_T = positions_T_;
  }
  return call;
}

}  // namespace raie
