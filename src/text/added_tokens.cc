#include "text/added_tokens.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "raie/error.h"
#include "text/code_points.h"
#include "text/utf8.h"

namespace raie {
namespace {

// Returns the id that the library gives a token that is added after `tokens`.
std::int32_t IdOfNext(const std::string& content, const std::vector<AddedToken>& tokens,
                      const BpeModel& model) {
  if (const std::optional<TokenId> known = model.Find(content)) return Index(*known);
  const auto size = static_cast<std::int32_t>(model.num_pieces());
  std::int32_t next = size;
  for (const AddedToken& token : tokens) next = std::max(next, Index(token.id) + 1);
  return next;
}

AddedToken ReadAddedToken(const JsonPart& part) {
  part.RequireFields({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
  AddedToken token;
  token.content = part.At("content").Text();
  if (token.content.empty()) part.Fail("an empty token matches nothing");
  token.single_word = part.At("single_word").Flag();
  token.lstrip = part.At("lstrip").Flag();
  token.rstrip = part.At("rstrip").Flag();
  token.normalized = part.At("normalized").Flag();
  token.special = part.At("special").Flag();
  return token;
}

bool IsAt(std::string_view text, std::size_t at, CodePointFlags flag) {
  return (FlagsOf(CodePointAt(text, at).value) & flag) != 0;
}

bool IsBefore(std::string_view text, std::size_t end, CodePointFlags flag) {
  return (FlagsOf(CodePointBefore(text, end).value) & flag) != 0;
}

bool StandsAlone(std::string_view text, const TextMatcher::Match& match) {
  return (match.begin == 0 || !IsBefore(text, match.begin, kWord)) &&
         (match.end == text.size() || !IsAt(text, match.end, kWord));
}

}  // namespace

TextMatcher::TextMatcher() : nodes_(1) {}

int TextMatcher::Child(int node, char byte) const {
  for (const auto& [edge, child] : nodes_[node].children) {
    if (edge == byte) return child;
  }
  return -1;
}

void TextMatcher::Add(std::string_view text, int pattern) {
  begins_[static_cast<unsigned char>(text[0])] = true;
  int node = 0;
  for (const char byte : text) {
    int next = Child(node, byte);
    if (next < 0) {
      next = static_cast<int>(nodes_.size());
      nodes_[node].children.emplace_back(byte, next);
      nodes_.emplace_back();
    }
    node = next;
  }
  if (nodes_[node].pattern < 0) nodes_[node].pattern = pattern;
}

std::optional<TextMatcher::Match> TextMatcher::Find(std::string_view text, std::size_t from) const {
  if (empty()) return std::nullopt;
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!begins_[static_cast<unsigned char>(text[begin])]) continue;
    std::optional<Match> longest;
    int node = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
      node = Child(node, text[at]);
      if (node < 0) break;
      if (nodes_[node].pattern >= 0) longest = Match{begin, at + 1, nodes_[node].pattern};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(const JsonPart& part, const BpeModel& model,
                         const Normalizer* normalizer) {
  for (const JsonPart& item : part.Items()) {
    AddedToken token = ReadAddedToken(item);
    if (Find(token.content) != nullptr) item.Fail("\"" + token.content + "\" is listed twice");
    token.id = TokenId{IdOfNext(token.content, tokens_, model)};
    if (item.At("id").Number() != Index(token.id)) {
      item.Fail("\"" + token.content + "\" has id " + std::to_string(item.At("id").Number()) +
                "; behind this vocabulary and the tokens before it is id " +
                std::to_string(Index(token.id)));
    }
    by_id_.emplace(Index(token.id), static_cast<int>(tokens_.size()));
    by_content_.emplace(token.content, static_cast<int>(tokens_.size()));
    tokens_.push_back(std::move(token));
  }
  // Of equal texts, which only normalising can make, special tokens come first.
  for (const bool special : {true, false}) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const AddedToken& token = tokens_[i];
      if (token.special != special) continue;
      std::string text = token.content;
      std::string changed;
      if (token.normalized && normalizer != nullptr && normalizer->Apply(text, changed)) {
        text = changed;
      }
      if (text.empty()) part.Fail("\"" + token.content + "\" is empty when normalised");
      (token.normalized ? as_normalized_ : as_written_).Add(text, static_cast<int>(i));
    }
  }
}

std::vector<AddedTokens::Part> AddedTokens::Split(std::string_view text, Against against) const {
  const TextMatcher& matcher = against == Against::kText ? as_written_ : as_normalized_;
  std::vector<Part> parts;
  std::size_t done = 0;
  for (auto match = matcher.Find(text, 0); match; match = matcher.Find(text, match->end)) {
    const AddedToken& token = tokens_[match->pattern];
    if (token.single_word && !StandsAlone(text, *match)) continue;
    std::size_t begin = match->begin;
    std::size_t end = match->end;
    if (token.lstrip) {
      while (begin > 0 && IsBefore(text, begin, kSpace)) {
        begin -= CodePointBefore(text, begin).bytes;
      }
      begin = std::max(begin, done);  // what the token before has taken
    }
    if (token.rstrip) {
      while (end < text.size() && IsAt(text, end, kSpace)) end += CodePointAt(text, end).bytes;
    }
    if (begin > done) parts.push_back({text.substr(done, begin - done), nullptr});
    parts.push_back({text.substr(begin, end - begin), &token});
    done = end;
  }
  if (done < text.size()) parts.push_back({text.substr(done), nullptr});
  return parts;
}

const AddedToken* AddedTokens::Find(TokenId id) const {
  const auto found = by_id_.find(Index(id));
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::Find(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

std::int64_t AddedTokens::end_id() const {
  std::int64_t end = 0;
  for (const AddedToken& token : tokens_) end = std::max<std::int64_t>(end, Index(token.id) + 1);
  return end;
}

}  // namespace raie
