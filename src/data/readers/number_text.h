// How are the digits of a hundred million numbers turned into values in a few nanoseconds each?
//
// Concept: eight characters are looked at as one 64-bit word: a mask finds the first that is no
//          digit, three multiplications give the value (SWAR). Only plain forms take this path;
//          everything else (signs, exponents, spaces) goes through std::from_chars.
#pragma once

#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace raie {

static_assert(std::endian::native == std::endian::little);

// The number that begins at a place, and how many digits it has (8: perhaps more follow).
struct DigitRun {
  std::uint32_t value;
  std::uint32_t digits;
};

// Reads up to 8 digits at `text`; all 8 bytes must be readable.
inline DigitRun ReadDigits(const char* text) {
  std::uint64_t word;
  std::memcpy(&word, text, 8);
  word ^= 0x3030303030303030ULL;  // digits become 0..9
  // The carry of a byte that is no digit spoils only the bytes after it.
  const std::uint64_t other = (word | (word + 0x7676767676767676ULL)) & 0x8080808080808080ULL;
  const auto digits = other == 0 ? 8U : static_cast<std::uint32_t>(std::countr_zero(other)) >> 3;
  if (digits == 0) return {0, 0};
  word <<= 64 - 8 * digits;  // leading zeros come in front
  word = word * 10 + (word >> 8);
  word = ((word & 0x000000FF000000FFULL) * 0x000F424000000064ULL +
          ((word >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >>
         32;
  return {static_cast<std::uint32_t>(word), digits};
}

// Returns the value of an id written as std::to_string would write it: only then do the number
// and the text say the same.
inline std::optional<std::uint64_t> CanonicalNumber(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  if (text[0] == '0' && text.size() > 1) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<unsigned>(static_cast<unsigned char>(c)) - '0';
    if (digit > 9) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

inline std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Returns the decimal number (nan and inf included) that the whole text is.
inline std::optional<double> ParseDecimal(std::string_view text) {
  text = TrimBlanks(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace raie
