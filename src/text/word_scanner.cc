#include "text/word_scanner.h"

#include "text/code_points.h"
#include "text/utf8.h"

namespace raie {
namespace {

// What a text holds from a place on.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  struct Seen {
    CodePointFlags flags = 0;
    std::size_t end = 0;  // where the next character begins

    bool Is(CodePointFlags flag) const { return (flags & flag) != 0; }
    bool IsOther() const { return !Is(kLetter | kNumber | kSpace); }
  };

  bool AtEnd(std::size_t at) const { return at == text_.size(); }
  char Byte(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }

  Seen Look(std::size_t at) const {
    const auto byte = static_cast<unsigned char>(text_[at]);
    if (byte < 0x80) return {flags_[byte], at + 1};
    const CodePoint read = CodePointAt(text_, at);
    return {flags_[read.value], at + read.bytes};
  }
  // Returns the end of the characters that have one of these flags; at most `limit` of them.
  std::size_t Skip(std::size_t at, CodePointFlags flags,
                   std::size_t limit = ~std::size_t{0}) const {
    for (; limit > 0 && !AtEnd(at); --limit) {
      const Seen seen = Look(at);
      if (!seen.Is(flags)) break;
      at = seen.end;
    }
    return at;
  }
  // Returns the end of the characters that are neither letter, number nor white space.
  std::size_t SkipOther(std::size_t at) const {
    while (!AtEnd(at)) {
      const Seen seen = Look(at);
      if (!seen.IsOther()) break;
      at = seen.end;
    }
    return at;
  }
  // Returns the end of 's 't 're 've 'm 'll 'd; `at` where none of them is.
  template <bool kAnyCase>
  std::size_t SkipContraction(std::size_t at) const {
    const char first = Lower<kAnyCase>(Byte(at + 1));
    const char second = Lower<kAnyCase>(Byte(at + 2));
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
        (first == 'l' && second == 'l')) {
      return at + 3;
    }
    // In any case, the long s is an s.
    if (kAnyCase && text_.substr(at + 1).starts_with("\u017F")) return at + 3;
    return at;
  }
  // White space that no word takes: all of it at the end of the text, else all but its last
  // character, which goes with what follows; a single one is a word.
  std::size_t SkipSpace(std::size_t at) const {
    std::size_t last = at;  // where the last of them begins
    std::size_t end = at;
    while (!AtEnd(end)) {
      const Seen seen = Look(end);
      if (!seen.Is(kSpace)) return last == at ? end : last;
      last = end;
      end = seen.end;
    }
    return end;
  }
  // Returns the end of the last line end of the white space here; `at` where it has none.
  std::size_t SkipToLastLineEnd(std::size_t at) const {
    std::size_t found = at;
    while (!AtEnd(at)) {
      const Seen seen = Look(at);
      if (!seen.Is(kSpace)) break;
      at = seen.end;
      if (seen.Is(kLineEnd)) found = at;
    }
    return found;
  }

 private:
  template <bool kAnyCase>
  static char Lower(char byte) {
    return kAnyCase && byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
  }

  std::string_view text_;
  const CodePointFlags* flags_ = AllCodePointFlags();
};

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t EndOfGpt2Word(const Scanner& text, std::size_t at) {
  const char byte = text.Byte(at);
  if (byte == '\'') {
    if (const std::size_t end = text.SkipContraction<false>(at); end != at) return end;
  }
  const bool blank = byte == ' ' && !text.AtEnd(at + 1);
  const std::size_t begin = blank ? at + 1 : at;
  const Scanner::Seen seen = text.Look(begin);
  if (seen.Is(kLetter)) return text.Skip(seen.end, kLetter);
  if (seen.Is(kNumber)) return text.Skip(seen.end, kNumber);
  if (seen.IsOther()) return text.SkipOther(seen.end);
  return text.SkipSpace(at);
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,kDigits}|
//  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
template <std::size_t kDigits>
std::size_t EndOfLlama3Word(const Scanner& text, std::size_t at) {
  const char byte = text.Byte(at);
  if (byte == '\'') {
    if (const std::size_t end = text.SkipContraction<true>(at); end != at) return end;
  }
  const Scanner::Seen first = text.Look(at);
  if (first.Is(kLetter)) return text.Skip(first.end, kLetter);
  if (first.Is(kNumber)) return text.Skip(first.end, kNumber, kDigits - 1);
  Scanner::Seen second;  // nothing at the end
  const bool has_second = !text.AtEnd(first.end);
  if (has_second) second = text.Look(first.end);
  if (second.Is(kLetter) && !first.Is(kLineEnd)) return text.Skip(second.end, kLetter);
  if (first.IsOther()) return text.Skip(text.SkipOther(first.end), kLineEnd);
  if (byte == ' ' && has_second && second.IsOther()) {
    return text.Skip(text.SkipOther(second.end), kLineEnd);
  }
  if (const std::size_t end = text.SkipToLastLineEnd(at); end != at) return end;
  return text.SkipSpace(at);
}

template <class EndOfWord>
void ScanBy(const EndOfWord& end_of_word, std::string_view text, PieceSink words) {
  const Scanner scanner(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_word(scanner, at);
    words(text.substr(at, end - at));
    at = end;
  }
}

}  // namespace

std::string_view WordPattern(WordRule rule) {
  switch (rule) {
    case WordRule::kGpt2:
      return R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
    case WordRule::kLlama3:
      return R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
             R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
    case WordRule::kQwen2:
      return R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
             R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  }
  return {};
}

void ScanWords(WordRule rule, std::string_view text, PieceSink words) {
  switch (rule) {
    case WordRule::kGpt2:
      return ScanBy(EndOfGpt2Word, text, words);
    case WordRule::kLlama3:
      return ScanBy(EndOfLlama3Word<3>, text, words);
    case WordRule::kQwen2:
      return ScanBy(EndOfLlama3Word<1>, text, words);
  }
}

}  // namespace raie
