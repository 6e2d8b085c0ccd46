#include "backbones/causal_lm/prompt_template.h"

#include <gtest/gtest.h>

#include "backbones/causal_lm/tiny_checkpoint.h"
#include "data/log_fixture.h"

namespace raie {
namespace {

using testing::ErrorOf;

// "?" is 0, "a" 1, "b" 2, ..., "0" 27.
class PromptTemplateTest : public ::testing::Test {
 protected:
  PromptTemplateTest() {
    testing::WriteTinyTokenizer(folder_.path(), testing::LettersAndDigits());
    tokenizer_ = LoadTokenizer(folder_.path());
  }

  PromptSpec Parse(const std::string& text) const {
    CausalLmOptions options;
    options.prompt = text;
    return ParsePrompt(options, *tokenizer_);
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(PromptTemplateTest, IsCutAtItsPlaces) {
  const PromptSpec spec = Parse("ab{user_id}c{history}{d");
  ASSERT_EQ(spec.parts.size(), 5u);
  EXPECT_EQ(spec.parts[0].text, (TokenIds{1, 2}));
  EXPECT_EQ(spec.parts[1].kind, PromptPartKind::kUser);
  EXPECT_EQ(spec.parts[2].text, (TokenIds{3}));
  EXPECT_EQ(spec.parts[3].kind, PromptPartKind::kHistory);
  EXPECT_EQ(spec.parts[4].text.back(), 4);  // a lone brace is text
  EXPECT_TRUE(spec.reads_users());
  EXPECT_FALSE(spec.unknown_user.empty());
  EXPECT_FALSE(Parse("a{history}").reads_users());
  EXPECT_EQ(Parse("{history}").parts.size(), 1u);
}

TEST_F(PromptTemplateTest, WhatCannotBeIsRefused) {
  for (const auto& [text, reason] :
       {std::pair("{item}{history}", "{item} is not known"), std::pair("abc", "no {history}"),
        std::pair("{history}{history}", "twice"),
        std::pair("{user_id}{user_id}{history}", "twice")}) {
    const std::string said = ErrorOf(ErrorCode::kInvalidArgument, [&] { Parse(text); });
    EXPECT_PRED_FORMAT2(::testing::IsSubstring, reason, said);
  }
}

TEST_F(PromptTemplateTest, ATextWithoutTokensIsCalledByItsNumber) {
  StringTable texts;
  texts.Add("ab");
  texts.Add("");
  const TokenLists lists = TokensOf(*tokenizer_, texts, "item");
  EXPECT_TRUE(std::ranges::equal(lists[0], TokenIds{1, 2}));
  EXPECT_EQ(lists[1].back(), 28);  // "item 1"
}

}  // namespace
}  // namespace raie
