// Where does a pattern of a tokenizer.json, a text or a regular expression, match?
//
// Concept: the expressions are Oniguruma's; PCRE2 runs them after a translation that keeps their
//          meaning: every class (\p{L}, \s, [^\r\n]) becomes the code points it has in
//          text/code_points.h, since PCRE2 has Unicode tables of its own and another \s. What is
//          not known to mean the same in both is an error naming it.
// Source:  Oniguruma, doc/RE (Ruby syntax); matches follow each other as in huggingface/tokenizers.
// Errors:  kCorruptData for an expression that is broken or has a part that is not supported;
//          kInternal if matching fails (memory).
// Threads: const methods may run concurrently.
// Cost:    that of PCRE2's machine code; classes above ASCII are slow (text/word_scanner.h is not).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/piece_sink.h"

namespace raie {

class Pattern {
 public:
  // `place` names the pattern in messages.
  static Pattern FromRegex(std::string_view regex, const std::string& place);
  static Pattern FromText(std::string_view text, const std::string& place);
  ~Pattern();
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;

  // Gives the parts of a text in order: matches, and what is between them; no part is empty.
  void Split(std::string_view text, PieceSink matches, PieceSink gaps) const;

 private:
  struct Code;
  Pattern();

  std::unique_ptr<Code> code_;  // null: a text
  std::string text_;
};

}  // namespace raie
