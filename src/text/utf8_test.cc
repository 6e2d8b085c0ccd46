#include "text/utf8.h"

#include <gtest/gtest.h>

#include "text/byte_alphabet.h"
#include "text/text_fixture.h"

namespace raie {
namespace {

using testing::ExpectTextError;

TEST(Utf8, EveryCodePointIsReadAsWritten) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text = "x";
    AppendUtf8(c, text);
    ASSERT_EQ(CodePointAt(text, 1).value, c);
    ASSERT_EQ(CodePointAt(text, 1).bytes, static_cast<int>(text.size()) - 1);
    ASSERT_EQ(CodePointBefore(text, text.size()).value, c);
    ASSERT_FALSE(FindInvalidUtf8(text));
  }
}

TEST(Utf8, WhatIsNoCharacterIsFoundWithItsByte) {
  const std::vector<std::string> bad = {
      "\x80",         "\xC0\xAF",         "\xC1\xBF",     "\xE0\x80\x80",
      "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF5\x80\x80", "\xF4\x90\x80\x80",
      "\xE2\x82",     "\xF0\x9F\x98",     "\xFF"};
  for (const std::string& part : bad) {
    for (const std::string& before : {std::string(), std::string("0123456789é")}) {
      EXPECT_EQ(FindInvalidUtf8(before + part), before.size()) << part;
      EXPECT_EQ(FindInvalidUtf8(before + part + "after"), before.size()) << part;
    }
  }
  ExpectTextError(ErrorCode::kInvalidArgument, "the title is not UTF-8: byte 3 (0xE2)",
                  [] { RequireUtf8("abc\xE2\x82", "the title"); });
}

// The examples of The Unicode Standard, section 3.9.
TEST(Utf8, OneReplacementStandsForTheLongestBeginOfACharacter) {
  const std::string r = "\uFFFD";
  EXPECT_EQ(ReplaceInvalidUtf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82"
                               "A"),
            r + r + r + r + r + r + r + r + "A");
  EXPECT_EQ(ReplaceInvalidUtf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
                               "A"),
            r + r + r + r + "A");
  EXPECT_EQ(ReplaceInvalidUtf8("é✓"), "é✓");
}

TEST(ByteAlphabet, BytesAndPiecesAreOneToOne) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  const std::string piece = PieceOfBytes(all);
  EXPECT_FALSE(FindInvalidUtf8(piece));
  EXPECT_EQ(BytesOfPiece(piece), all);
  EXPECT_EQ(PieceOfBytes(" the\n"), "ĠtheĊ");
  EXPECT_EQ(BytesOfPiece("ab▁"), std::nullopt);
}

}  // namespace
}  // namespace raie
