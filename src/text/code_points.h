// What kind of character is a code point, to the libraries whose tokens are to be the same?
//
// Concept: regular expressions, digits and normal forms all ask the Unicode character database, and
//          each library brings a version of its own. The table here says what
//          huggingface/tokenizers sees, which was asked code point by code point.
// Source:  text/code_point_table.cc, made by tests/golden/make_code_points.py.
// Threads: everything may run concurrently.
// Cost:    flags: one load; 1.1 MB, of which only the pages in use are touched.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace raie {

inline constexpr char32_t kMaxCodePoint = 0x10FFFF;

using CodePointFlags = std::uint8_t;
inline constexpr CodePointFlags kLetter = 1;     // \p{L}
inline constexpr CodePointFlags kNumber = 2;     // \p{N}
inline constexpr CodePointFlags kSpace = 4;      // \s
inline constexpr CodePointFlags kLineEnd = 8;    // \r and \n, which are kSpace, too
inline constexpr CodePointFlags kDigit = 16;     // what the pre-tokenizer Digits cuts out
inline constexpr CodePointFlags kWord = 32;      // what `single_word` looks for beside a token
inline constexpr CodePointFlags kComposes = 64;  // NFC may change it, or move it
inline constexpr CodePointFlags kTooNew = 128;   // kComposes, but unknown to tokenizers' NFC

// Returns the flags of all code points, 0 to kMaxCodePoint.
const CodePointFlags* AllCodePointFlags();

// Returns the flags of a code point.
inline CodePointFlags FlagsOf(char32_t code_point) { return AllCodePointFlags()[code_point]; }

// A set of code points as ranges, first and last, in order, with gaps between.
class CodePointSet {
 public:
  using Range = std::pair<char32_t, char32_t>;

  CodePointSet() = default;
  static CodePointSet Of(char32_t first, char32_t last);
  // Returns the code points of a general category ("L", "Lu", ...); nothing for another name.
  static std::optional<CodePointSet> OfCategory(std::string_view name);
  // Returns the code points that have one of these flags.
  static CodePointSet WithFlags(CodePointFlags flags);

  void Add(const CodePointSet& other);
  CodePointSet Complement() const;
  std::span<const Range> ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

}  // namespace raie
