#include "text/regex_translation.h"

#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include "raie/error.h"
#include "text/code_points.h"
#include "text/utf8.h"

namespace raie {
namespace {

std::string HexOf(char32_t code_point) {
  char text[16];
  std::snprintf(text, sizeof(text), "\\x{%X}", static_cast<unsigned>(code_point));
  return text;
}

// One code point is itself, more are a class.
std::string TextOf(const CodePointSet& set) {
  const auto ranges = set.ranges();
  if (ranges.empty()) return "(?!)";
  if (ranges.size() == 1 && ranges[0].first == ranges[0].second) return HexOf(ranges[0].first);
  std::string text = "[";
  for (const auto& [first, last] : ranges) {
    text += HexOf(first);
    if (last != first) text += "-" + HexOf(last);
  }
  return text + "]";
}

bool IsAsciiLetter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Returns all code points that equal an ASCII character but for case.
CodePointSet AnyCaseOf(char32_t c) {
  CodePointSet set = CodePointSet::Of(c, c);
  if (!IsAsciiLetter(c)) return set;
  const char32_t lower = c | 0x20;
  set.Add(CodePointSet::Of(lower, lower));
  set.Add(CodePointSet::Of(lower - 0x20, lower - 0x20));
  if (lower == 's') set.Add(CodePointSet::Of(0x17F, 0x17F));    // long s
  if (lower == 'k') set.Add(CodePointSet::Of(0x212A, 0x212A));  // Kelvin sign
  return set;
}

// Reads an expression from left to right and writes what it has read for PCRE2.
class Translator {
 public:
  Translator(std::string_view regex, const std::string& place) : regex_(regex), place_(place) {}

  std::string Run() {
    Alternatives();
    if (!AtEnd()) Refuse(regex_.substr(at_, 1), "without its group");
    return std::move(out_);
  }

 private:
  [[noreturn]] void Refuse(std::string_view part, const std::string& why) const {
    throw Error(ErrorCode::kCorruptData, place_ + ": regular expression \"" + std::string(regex_) +
                                             "\": \"" + std::string(part) + "\" at byte " +
                                             std::to_string(at_) + ": " + why);
  }
  static constexpr const char* kUnsupported = "not supported";

  bool AtEnd() const { return at_ == regex_.size(); }
  char Peek() const { return AtEnd() ? '\0' : regex_[at_]; }
  bool Take(std::string_view text) {
    if (!regex_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  char32_t TakeCodePoint() {
    const CodePoint read = CodePointAt(regex_, at_);
    at_ += read.bytes;
    return read.value;
  }

  void Alternatives() {
    Sequence();
    while (Take("|")) {
      out_ += "|";
      Sequence();
    }
  }

  void Sequence() {
    char32_t previous = 0;  // a letter without case
    while (!AtEnd() && Peek() != '|' && Peek() != ')') {
      const std::size_t begin = out_.size();
      const std::optional<char32_t> letter = Item();
      if (any_case_ && letter) CheckFold(previous, *letter);
      previous = letter.value_or(0);
      Quantifier(begin);
    }
  }

  // Without case, Oniguruma takes one character for some pairs ("ß" for "ss").
  void CheckFold(char32_t first, char32_t second) const {
    static constexpr std::array<const char*, 5> kFolds = {"ss", "ff", "fi", "fl", "st"};
    for (const char* fold : kFolds) {
      if ((first | 0x20) == static_cast<unsigned char>(fold[0]) &&
          (second | 0x20) == static_cast<unsigned char>(fold[1])) {
        Refuse(fold, "a pair that one character equals without case is not supported");
      }
    }
  }

  // Reads one item; returns the character where it is one.
  std::optional<char32_t> Item() {
    const char c = Peek();
    if (c == '(') {
      Group();
    } else if (c == '[') {
      if (any_case_) Refuse("[", "a class without case is not supported");
      out_ += TextOf(Class());
    } else if (c == '.') {
      ++at_;
      out_ += TextOf(CodePointSet::Of('\n', '\n').Complement());
    } else if (c == '^' || c == '$') {
      Refuse(regex_.substr(at_, 1), kUnsupported);
    } else if (c == '*' || c == '+' || c == '?' || IsInterval()) {
      Refuse(regex_.substr(at_, 1), "nothing to repeat");
    } else if (c == '\\') {
      if (const std::optional<CodePointSet> set = TryEscapedClass()) {
        if (any_case_) Refuse("\\", "a class without case is not supported");
        out_ += TextOf(*set);
      } else {
        return Character(EscapedCharacter());
      }
    } else {
      return Character(TakeCodePoint());
    }
    return std::nullopt;
  }

  char32_t Character(char32_t c) {
    if (any_case_ && c >= 0x80) Refuse("(?i:", "supported for ASCII characters only");
    out_ += any_case_ ? TextOf(AnyCaseOf(c)) : HexOf(c);
    return c;
  }

  void Group() {
    static constexpr std::array<std::pair<const char*, const char*>, 7> kOpenings = {
        {{"(?:", "(?:"},
         {"(?=", "(?="},
         {"(?!", "(?!"},
         {"(?<=", "(?<="},
         {"(?<!", "(?<!"},
         {"(?>", "(?>"},
         {"(?i:", "(?:"}}};
    const bool any_case = any_case_;
    bool known = false;
    for (const auto& [from, to] : kOpenings) {
      if (!Take(from)) continue;
      known = true;
      any_case_ = any_case_ || std::string_view(from) == "(?i:";
      out_ += to;
      break;
    }
    if (!known) {
      if (regex_.substr(at_).starts_with("(?")) Refuse(regex_.substr(at_, 4), kUnsupported);
      Take("(");
      out_ += "(?:";
    }
    Alternatives();
    if (!Take(")")) Refuse(regex_.substr(at_), "a group is not closed");
    out_ += ")";
    any_case_ = any_case;
  }

  // Is "{2}", "{2,}", "{,3}" or "{2,3}" next? Another "{" is a character.
  bool IsInterval() const {
    if (Peek() != '{') return false;
    const std::size_t end = regex_.find('}', at_);
    if (end == std::string_view::npos) return false;
    const std::string_view inside = regex_.substr(at_ + 1, end - at_ - 1);
    return inside.find_first_not_of("0123456789,") == std::string_view::npos &&
           inside.find_first_of("0123456789") != std::string_view::npos &&
           inside.find(',') == inside.rfind(',');
  }

  void Quantifier(std::size_t begin) {
    const char c = Peek();
    if (c == '*' || c == '+' || c == '?') {
      out_ += c;
      ++at_;
      if (Peek() == '?' || Peek() == '+') {
        out_ += Peek();
        ++at_;
      }
    } else if (IsInterval()) {
      Interval(begin);
    } else {
      return;
    }
    if (Peek() == '*' || Peek() == '+' || Peek() == '?' || IsInterval()) {
      Refuse(regex_.substr(at_, 1), "repeats what is repeated already: not supported");
    }
  }

  void Interval(std::size_t begin) {
    const std::size_t end = regex_.find('}', at_);
    std::string inside(regex_.substr(at_ + 1, end - at_ - 1));
    if (inside.starts_with(",")) inside.insert(0, "0");
    at_ = end + 1;
    out_ += "{" + inside + "}";
    if (Peek() == '?') {
      // Oniguruma's a{3}? is (a{3})?.
      if (inside.find(',') == std::string::npos) Refuse("}?", kUnsupported);
      out_ += '?';
      ++at_;
    } else if (Peek() == '+') {
      // Not possessive: the interval as a whole repeats.
      out_.insert(begin, "(?:");
      out_ += ")+";
      ++at_;
    }
  }

  // Reads \s, \d, \p{...} or an opposite, where one is next.
  std::optional<CodePointSet> TryEscapedClass() {
    const char c = at_ + 1 < regex_.size() ? regex_[at_ + 1] : '\0';
    std::optional<CodePointSet> set;
    if (c == 's' || c == 'S') set = CodePointSet::WithFlags(kSpace);
    if (c == 'd' || c == 'D') set = CodePointSet::OfCategory("Nd");
    if (set) {
      at_ += 2;
      return c == 'S' || c == 'D' ? set->Complement() : *set;
    }
    if (c != 'p' && c != 'P') return std::nullopt;
    const std::size_t end = regex_.find('}', at_);
    if (end == std::string_view::npos || regex_.substr(at_ + 2, 1) != "{") {
      Refuse(regex_.substr(at_), "expected \\p{...}");
    }
    std::string_view name = regex_.substr(at_ + 3, end - at_ - 3);
    bool negated = c == 'P';
    if (name.starts_with("^")) {
      negated = !negated;
      name.remove_prefix(1);
    }
    set = CodePointSet::OfCategory(name);
    if (!set) {
      Refuse(regex_.substr(at_, end + 1 - at_),
             "no general category; other properties are not supported");
    }
    at_ = end + 1;
    return negated ? set->Complement() : *set;
  }

  char32_t EscapedCharacter() {
    const std::size_t begin = at_;
    ++at_;
    if (AtEnd()) Refuse("\\", "escapes nothing");
    const char c = regex_[at_];
    static constexpr std::array<std::pair<char, char>, 6> kControls = {
        {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'f', '\f'}, {'v', '\v'}, {'a', '\a'}}};
    for (const auto& [name, control] : kControls) {
      if (c != name) continue;
      ++at_;
      return static_cast<unsigned char>(control);
    }
    const bool ascii = static_cast<unsigned char>(c) < 0x80;
    if (!ascii || IsAsciiLetter(c) || (c >= '0' && c <= '9')) {
      at_ = begin;
      Refuse(regex_.substr(begin, 2), kUnsupported);
    }
    ++at_;
    return static_cast<unsigned char>(c);
  }

  CodePointSet Class() {
    Take("[");
    const bool negated = Take("^");
    CodePointSet all;
    if (Peek() == ']') Refuse("]", "an empty class is not supported");
    while (!Take("]")) {
      if (AtEnd()) Refuse("[", "a class is not closed");
      if (Peek() == '[' || regex_.substr(at_).starts_with("&&")) {
        Refuse(regex_.substr(at_, 2), "a class in a class is not supported");
      }
      if (const std::optional<CodePointSet> set =
              Peek() == '\\' ? TryEscapedClass() : std::nullopt) {
        all.Add(*set);
        continue;
      }
      const char32_t first = ClassCharacter();
      char32_t last = first;
      if (Peek() == '-' && regex_.substr(at_, 2) != "-]") {
        Take("-");
        last = ClassCharacter();
        if (last < first) Refuse("-", "a range that ends before it begins");
      }
      all.Add(CodePointSet::Of(first, last));
    }
    return negated ? all.Complement() : all;
  }

  char32_t ClassCharacter() {
    if (AtEnd() || Peek() == '[') Refuse("[", "a class is not closed");
    return Peek() == '\\' ? EscapedCharacter() : TakeCodePoint();
  }

  std::string_view regex_;
  const std::string& place_;
  std::size_t at_ = 0;
  std::string out_;
  bool any_case_ = false;
};

}  // namespace

std::string TranslateRegex(std::string_view regex, const std::string& place) {
  return Translator(regex, place).Run();
}

}  // namespace raie
