// How are code points read from and written to UTF-8?
//
// Source:  The Unicode Standard, table 3-7 (well-formed byte sequences) and section 3.9 (what one
//          U+FFFD stands for: the longest part that could have begun a character).
// Errors:  RequireUtf8 throws kInvalidArgument with the byte's offset.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace raie {

struct CodePoint {
  char32_t value = 0;
  int bytes = 0;
};

// Returns the code point that begins at `at`. The text must be valid there.
inline CodePoint CodePointAt(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[at + i]));
  };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) {
    return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  }
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F),
          4};
}

// Returns the code point that ends at `end`. The text must be valid before `end`, which is not 0.
CodePoint CodePointBefore(std::string_view text, std::size_t end);

void AppendUtf8(char32_t code_point, std::string& text);

// Returns the offset of the first byte that does not belong to a well-formed character.
std::optional<std::size_t> FindInvalidUtf8(std::string_view text);

// Throws unless the text is UTF-8; `what` names it in the message.
void RequireUtf8(std::string_view text, std::string_view what);

// Returns the text with U+FFFD for every part that is not UTF-8.
std::string ReplaceInvalidUtf8(std::string_view text);

}  // namespace raie
