#include "text/utf8.h"

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "raie/error.h"

namespace raie {
namespace {

// A well-formed character, or the longest part of one that the bytes allow.
struct ByteSequence {
  std::size_t bytes = 1;
  bool complete = false;
};

ByteSequence SequenceAt(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {1, true};
  if (first < 0xC2 || first > 0xF4) return {1, false};
  const std::size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  // The second byte rules out overlong forms, surrogates and what is above U+10FFFF.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i == text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

// Returns the end of the ASCII text that begins at `at`.
std::size_t SkipAscii(std::string_view text, std::size_t at) {
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, text.data() + at, 8);
    if ((bytes & 0x8080808080808080U) != 0) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

}  // namespace

CodePoint CodePointBefore(std::string_view text, std::size_t end) {
  std::size_t begin = end - 1;
  while ((static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return CodePointAt(text, begin);
}

void AppendUtf8(char32_t code_point, std::string& text) {
  const auto add = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    add(code_point);
  } else if (code_point < 0x800) {
    add(0xC0 | code_point >> 6);
    add(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    add(0xE0 | code_point >> 12);
    add(0x80 | (code_point >> 6 & 0x3F));
    add(0x80 | (code_point & 0x3F));
  } else {
    add(0xF0 | code_point >> 18);
    add(0x80 | (code_point >> 12 & 0x3F));
    add(0x80 | (code_point >> 6 & 0x3F));
    add(0x80 | (code_point & 0x3F));
  }
}

std::optional<std::size_t> FindInvalidUtf8(std::string_view text) {
  for (std::size_t at = SkipAscii(text, 0); at < text.size();) {
    const ByteSequence sequence = SequenceAt(text, at);
    if (!sequence.complete) return at;
    at += sequence.bytes;
    if (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) at = SkipAscii(text, at);
  }
  return std::nullopt;
}

void RequireUtf8(std::string_view text, std::string_view what) {
  const std::optional<std::size_t> bad = FindInvalidUtf8(text);
  if (!bad) return;
  char byte[8];
  std::snprintf(byte, sizeof(byte), "0x%02X", static_cast<unsigned char>(text[*bad]));
  throw Error(ErrorCode::kInvalidArgument, std::string(what) + " is not UTF-8: byte " +
                                               std::to_string(*bad) + " (" + byte +
                                               ") belongs to no character; convert it to UTF-8");
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const ByteSequence sequence = SequenceAt(text, at);
    if (sequence.complete) {
      valid.append(text, at, sequence.bytes);
    } else {
      AppendUtf8(0xFFFD, valid);
    }
    at += sequence.bytes;
  }
  return valid;
}

}  // namespace raie
