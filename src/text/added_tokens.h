// Which tokens does a text spell out as a whole ("<|im_end|>")?
//
// Concept: `added_tokens` of a tokenizer.json. They are looked for before anything else, first
//          those that match the text as it is, then, in what is left and normalised, those that
//          match normalised text; the leftmost first, of those the longest. A token may ask to
//          stand alone (single_word) or to swallow the white space beside it (lstrip, rstrip).
// Source:  huggingface/tokenizers, tokenizer/added_vocabulary.
// Errors:  kCorruptData, naming the token, for one that is empty, listed twice, or of another id
//          than the library would give it.
// Threads: const methods may run concurrently.
// Cost:    O(n) where few characters begin a token.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/bpe.h"
#include "text/json_part.h"
#include "text/normalizer.h"
#include "text/tokenizer.h"

namespace raie {

struct AddedToken {
  TokenId id{};
  std::string content;
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  bool normalized = false;
  bool special = false;
};

// The leftmost longest of some texts.
class TextMatcher {
 public:
  struct Match {
    std::size_t begin = 0;
    std::size_t end = 0;
    int pattern = 0;
  };

  TextMatcher();

  // Adds a text (not empty) as pattern number `pattern`; the first of equal texts counts.
  void Add(std::string_view text, int pattern);
  std::optional<Match> Find(std::string_view text, std::size_t from) const;
  bool empty() const { return nodes_.size() == 1; }

 private:
  struct Node {
    int pattern = -1;  // that ends here
    std::vector<std::pair<char, int>> children;
  };
  int Child(int node, char byte) const;  // -1: none

  std::vector<Node> nodes_;
  std::array<bool, 256> begins_{};
};

class AddedTokens {
 public:
  AddedTokens(const JsonPart& part, const BpeModel& model, const Normalizer* normalizer);

  // A part of a text: a token, or text that is none.
  struct Part {
    std::string_view text;
    const AddedToken* token = nullptr;
  };
  enum class Against { kText, kNormalizedText };

  // Returns the parts of a text, in order.
  std::vector<Part> Split(std::string_view text, Against against) const;

  // Returns null: no such token.
  const AddedToken* Find(TokenId id) const;
  const AddedToken* Find(std::string_view content) const;
  // Returns one more than the greatest id; 0: there are none.
  std::int64_t end_id() const;

 private:
  std::vector<AddedToken> tokens_;
  std::unordered_map<std::int32_t, int> by_id_;
  std::unordered_map<std::string, int> by_content_;
  TextMatcher as_written_;
  TextMatcher as_normalized_;
};

}  // namespace raie
