#include "text/item_tokens.h"

#include <algorithm>

#include "text/text_fixture.h"

namespace raie {
namespace {

using testing::TokenizerFolder;

constexpr char kTinyTokenizer[] = R"({"version": "1.0", "truncation": null, "padding": null,
 "added_tokens": [{"id": 3, "content": "<end>", "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false, "special": true}],
 "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
 "model": {"type": "BPE", "unk_token": "?", "merges": [], "vocab": {"?": 0, "a": 1, "b": 2}}})";

void WriteAll(const TokenizerFolder& folder, const std::vector<TokenizerFile>& files) {
  for (const TokenizerFile& file : files) folder.Write(file.name, file.text);
}

TEST(ItemTokensTest, OddIdsBecomeNamesThatDoNotClash) {
  const TokenizerFolder folder;
  folder.Write("tokenizer.json", kTinyTokenizer);
  const std::vector<std::string> ids = {
      "1", "12", "1>", "a b", "ä", "%31", std::string("x\0y", 3), "<end>"};
  const auto tokenizer = LoadTokenizer(folder.path());
  const auto names = NameItemTokens(ids, *tokenizer);
  EXPECT_EQ(names[0], "<item_1>");
  EXPECT_EQ(names[2], "<item_1%3E>");
  EXPECT_EQ(names[4], "<item_%C3%A4>");
  EXPECT_EQ(names[5], "<item_%2531>");
  EXPECT_EQ(names[6], "<item_x%00y>");
  WriteAll(folder, AddTokens(folder.path(), names, tokenizer->VocabularySize()));

  // Each is one token, behind those that were there, wherever it stands.
  const auto grown = LoadTokenizer(folder.path());
  EXPECT_EQ(grown->VocabularySize(), 4 + std::ssize(ids));
  std::string text = "a";
  std::vector<std::int32_t> expected = {1};
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(grown->Find(names[i]), TokenId{4 + static_cast<std::int32_t>(i)});
    text += names[i] + "b";
    expected.push_back(4 + static_cast<std::int32_t>(i));
    expected.push_back(2);
  }
  std::vector<std::int32_t> found;
  for (const TokenId id : grown->Encode(text, SpecialTokens::kWith)) found.push_back(Index(id));
  EXPECT_EQ(found, expected);

  // Once more: the names are taken.
  const auto again = NameItemTokens({"1", "3"}, *grown);
  EXPECT_EQ(again[0], "<item2_1>");
  EXPECT_EQ(again[1], "<item2_3>");
  WriteAll(folder, AddTokens(folder.path(), again, grown->VocabularySize()));
  EXPECT_EQ(LoadTokenizer(folder.path())->VocabularySize(), 6 + std::ssize(ids));
}

TEST(ItemTokensTest, AVocabularyWithGapsIsRefused) {
  const TokenizerFolder folder;
  folder.Write("tokenizer.json",
               R"({"model": {"type": "BPE", "vocab": {"?": 0, "a": 5}}, "added_tokens": []})");
  testing::ExpectTextError(ErrorCode::kInvalidArgument, "has gaps",
                           [&] { AddTokens(folder.path(), {"<item_1>"}, 6); });
}

TEST(ItemTokensTest, BesideASentencePieceModelTheyAreListedByIdAndByName) {
  const TokenizerFolder folder;
  folder.Write("tokenizer_config.json", R"({"tokenizer_class": "LlamaTokenizer"})");
  const auto files = AddTokens(folder.path(), {"<item_7>", "<item_8>"}, 40);
  ASSERT_EQ(files.size(), 2u);
  const auto config = nlohmann::json::parse(files[0].text);
  EXPECT_EQ(files[0].name, "tokenizer_config.json");
  EXPECT_EQ(config["tokenizer_class"], "LlamaTokenizer");
  EXPECT_EQ(config["added_tokens_decoder"]["41"]["content"], "<item_8>");
  EXPECT_EQ(files[1].name, "added_tokens.json");
  EXPECT_EQ(nlohmann::json::parse(files[1].text)["<item_7>"], 40);
}

}  // namespace
}  // namespace raie
