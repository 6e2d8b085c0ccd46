#include "text/pattern.h"

#include <gtest/gtest.h>

#include "text/code_points.h"
#include "text/text_fixture.h"
#include "text/word_scanner.h"

namespace raie {
namespace {

using testing::ExpectTextError;
using testing::RandomText;

// "(match)gap" of all parts.
std::string PartsOf(const Pattern& pattern, std::string_view text) {
  std::string parts;
  const auto match = [&](std::string_view part) { parts += "(" + std::string(part) + ")"; };
  const auto gap = [&](std::string_view part) { parts += part; };
  pattern.Split(text, match, gap);
  return parts;
}

std::string PartsOf(std::string_view regex, std::string_view text) {
  return PartsOf(Pattern::FromRegex(regex, "here"), text);
}

TEST(Pattern, MatchesAsOnigurumaDoes) {
  EXPECT_EQ(PartsOf("a|bc", "abcab"), "(a)(bc)(a)b");
  EXPECT_EQ(PartsOf(R"(\d{2})", "12345"), "(12)(34)5");
  EXPECT_EQ(PartsOf("a{,2}b", "aaab"), "a(aab)");
  EXPECT_EQ(PartsOf("x{1,2}+y", "xxxxxy"), "(xxxxxy)") << "the interval repeats";
  EXPECT_EQ(PartsOf("a++a|b?+", "aab"), "aa(b)");
  EXPECT_EQ(PartsOf("a+?", "aa"), "(a)(a)");
  EXPECT_EQ(PartsOf("a{1}{", "a{"), "(a{)") << "a brace alone is a character";
  EXPECT_EQ(PartsOf(".", "a\nb\r"), "(a)\n(b)(\r)");
  EXPECT_EQ(PartsOf(R"([^a-c\]\-])", "ad]-e"), "a(d)]-(e)");
  EXPECT_EQ(PartsOf(R"([a\-c-])", "a-bc"), "(a)(-)b(c)");
  EXPECT_EQ(PartsOf(R"((?<!a)b(?=c)|(?<=a)b(?!c)|(?>d))", "abc bc abd"), "abc (b)c a(b)(d)");
  EXPECT_EQ(PartsOf(R"(\n|\r|\t|\.|\/)", "a.\n/"), "a(.)(\n)(/)");
  EXPECT_EQ(PartsOf(R"(\p{Lu}\P{Lu}|\p{^L}\p{Nd})", "Éa1 2"), "(Éa)1( 2)");
  EXPECT_EQ(PartsOf("x*", "axb"), "a(x)b") << "an empty match is no part";
  EXPECT_EQ(PartsOf("é", "eée"), "e(é)e");
}

TEST(Pattern, WithoutCaseSomeOtherLettersAreEqual) {
  EXPECT_EQ(PartsOf("(?i:'s|'k|x1)", "'S'ſ'K'\u212AX1"), "('S)('ſ)('K)('\u212A)(X1)");
  EXPECT_EQ(PartsOf("(?i:a)b", "ABAb"), "AB(Ab)") << "up to the end of the group";
  EXPECT_EQ(PartsOf("(?i:(?:a)b)", "AB"), "(AB)");
}

TEST(Pattern, ClassesAreThoseOfTheTable) {
  const Pattern space = Pattern::FromRegex(R"(\s)", "here");
  const Pattern letter = Pattern::FromRegex(R"(\p{L})", "here");
  const Pattern other = Pattern::FromRegex(R"([^\S\p{L}]|\P{L})", "here");
  for (char32_t c = 0; c <= kMaxCodePoint; c += c < 0x3200 ? 1 : 97) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, text);
    const auto matches = [&](const Pattern& pattern) {
      return PartsOf(pattern, text) == "(" + text + ")";
    };
    ASSERT_EQ(matches(space), (FlagsOf(c) & kSpace) != 0) << static_cast<int>(c);
    ASSERT_EQ(matches(letter), (FlagsOf(c) & kLetter) != 0) << static_cast<int>(c);
    ASSERT_EQ(matches(other), (FlagsOf(c) & kLetter) == 0) << static_cast<int>(c);
  }
}

TEST(Pattern, TextsMatchAsTheyAre) {
  EXPECT_EQ(PartsOf(Pattern::FromText("a.", "here"), "a.aba.a.x"), "(a.)ab(a.)(a.)x");
  ExpectTextError(ErrorCode::kCorruptData, "here: an empty text matches nothing",
                  [] { Pattern::FromText("", "here"); });
}

TEST(Pattern, WhatIsNotKnownToMeanTheSameIsRefused) {
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"^a", "\"^\" at byte 0: not supported"},
      {"a$", "\"$\" at byte 1: not supported"},
      {R"(\ba)", R"("\b" at byte 0: not supported)"},
      {R"(a\w)", R"("\w" at byte 1: not supported)"},
      {R"((a)\1)", R"("\1" at byte 3: not supported)"},
      {R"(\p{Han})", R"("\p{Han}" at byte 0: no general category)"},
      {R"(\pL)", R"(expected \p{...})"},
      {"[[:alpha:]]", "a class in a class is not supported"},
      {"[a&&b]", "a class in a class is not supported"},
      {"[]", "an empty class is not supported"},
      {"[ab", "a class is not closed"},
      {"[b-a]", "a range that ends before it begins"},
      {"(?<name>a)", "\"(?<n\" at byte 0: not supported"},
      {"(?m:a)", "\"(?m:\" at byte 0: not supported"},
      {"(?i:[ab])", "a class without case is not supported"},
      {"(?i:é)", "supported for ASCII characters only"},
      {"(?i:ss)", "a pair that one character equals without case"},
      {"(a", "a group is not closed"},
      {"a)", "\")\" at byte 1: without its group"},
      {"*a", "nothing to repeat"},
      {"a**", "repeats what is repeated already"},
      {"a{2}?", "\"}?\" at byte 4: not supported"},
      {"a\\", "escapes nothing"},
      {"(?<=a+)b", "PCRE2 refuses the regular expression"}};
  for (const auto& [regex, message] : refused) {
    SCOPED_TRACE(regex);
    ExpectTextError(ErrorCode::kCorruptData, message,
                    [&, &expression = regex] { Pattern::FromRegex(expression, "here"); });
  }
}

// The rules scanned by hand against their regular expressions.
class WordScanner : public ::testing::TestWithParam<WordRule> {};

TEST_P(WordScanner, FindsTheWordsOfItsRegularExpression) {
  const Pattern pattern = Pattern::FromRegex(WordPattern(GetParam()), "here");
  const std::uint64_t seed = 11;
  SCOPED_TRACE("seed " + std::to_string(seed));
  RandomStream random(seed, 0);
  for (int round = 0; round < 20000; ++round) {
    const std::string text = RandomText(random, round % 40 + 1);
    std::string words;
    const auto word = [&](std::string_view part) { words += "(" + std::string(part) + ")"; };
    ScanWords(GetParam(), text, word);
    ASSERT_EQ(words, PartsOf(pattern, text)) << "text \"" << text << "\"";
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, WordScanner,
                         ::testing::Values(WordRule::kGpt2, WordRule::kLlama3, WordRule::kQwen2));

}  // namespace
}  // namespace raie
