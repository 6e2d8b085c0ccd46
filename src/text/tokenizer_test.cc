#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "support/shared_folder.h"
#include "text/text_fixture.h"

namespace raie {
namespace {

using nlohmann::json;
using testing::AddedTokenJson;
using testing::Encoded;
using testing::ExpectTextError;
using testing::MakeTokenizer;
using testing::SmallTokenizer;
using testing::TokenizerFolder;

TEST(Tokenizer, EncodesDecodesAndNamesItsPieces) {
  json file = SmallTokenizer();
  file["added_tokens"] = json::array({AddedTokenJson(7, "<end>")});
  const auto tokenizer = MakeTokenizer(file);
  EXPECT_EQ(Encoded(*tokenizer, "abc ab<end>c"), (std::vector<int>{5, 3, 4, 7, 2}));
  EXPECT_EQ(Encoded(*tokenizer, ""), (std::vector<int>{}));
  EXPECT_EQ(tokenizer->VocabularySize(), 8);
  EXPECT_EQ(tokenizer->Piece(TokenId{7}), "<end>");
  EXPECT_EQ(tokenizer->Piece(TokenId{6}), " a");
  EXPECT_EQ(tokenizer->Find("<end>"), TokenId{7});
  EXPECT_EQ(tokenizer->Find("abc"), TokenId{5});
  EXPECT_EQ(tokenizer->Find("d"), std::nullopt);
  const std::vector<TokenId> ids = {TokenId{5}, TokenId{7}, TokenId{2}};
  EXPECT_EQ(tokenizer->Decode(ids, SpecialTokens::kWith), "abc <end> c");
  EXPECT_EQ(tokenizer->Decode(ids, SpecialTokens::kWithout), "abc c");
  EXPECT_EQ(tokenizer->BeginToken(), std::nullopt);
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8AndIdsThatAreNone) {
  const auto tokenizer = MakeTokenizer(SmallTokenizer());
  ExpectTextError(ErrorCode::kInvalidArgument, "the text to encode is not UTF-8: byte 2 (0xFF)",
                  [&] { tokenizer->Encode("ab\xFF", SpecialTokens::kWith); });
  for (const int id : {-1, 7}) {
    const std::vector<TokenId> ids = {TokenId{0}, TokenId{id}};
    ExpectTextError(ErrorCode::kInvalidArgument,
                    "has no token " + std::to_string(id) + "; its ids are below 7",
                    [&] { tokenizer->Decode(ids, SpecialTokens::kWith); });
    ExpectTextError(ErrorCode::kInvalidArgument, "has no token",
                    [&] { tokenizer->Piece(TokenId{id}); });
  }
}

TEST(Tokenizer, TheVocabularyMustFitTheModel) {
  const auto tokenizer = MakeTokenizer(SmallTokenizer());
  RequireVocabulary(*tokenizer, 7);
  RequireVocabulary(*tokenizer, 8);
  ExpectTextError(
      ErrorCode::kInvalidArgument,
      "ids up to 6 (\" a\"), the model has 6 rows: it is the tokenizer of another model",
      [&] { RequireVocabulary(*tokenizer, 6); });
}

TEST(Tokenizer, TheConfigurationNamesBeginAndEnd) {
  const TokenizerFolder folder;
  folder.Write("tokenizer.json", SmallTokenizer().dump());
  folder.Write("tokenizer_config.json",
               R"({"bos_token": {"content": "a"}, "eos_token": "abc", "model_max_length": 1e30})");
  const auto tokenizer = LoadTokenizer(folder.path());
  EXPECT_EQ(tokenizer->BeginToken(), TokenId{0});
  EXPECT_EQ(tokenizer->EndToken(), TokenId{5});
  folder.Write("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": null})");
  ExpectTextError(ErrorCode::kCorruptData, "has no token \"<s>\"",
                  [&] { LoadTokenizer(folder.path()); });
  folder.Write("tokenizer_config.json", "[]");
  ExpectTextError(ErrorCode::kCorruptData, "tokenizer_config.json: expected an object",
                  [&] { LoadTokenizer(folder.path()); });
}

TEST(Tokenizer, AFolderWithoutOneIsNamed) {
  const TokenizerFolder folder;
  ExpectTextError(
      ErrorCode::kNotFound,
      folder.path().string() + " has no tokenizer: neither tokenizer.json nor tokenizer.model",
      [&] { LoadTokenizer(folder.path()); });
  ExpectTextError(ErrorCode::kNotFound, "absent", [&] { LoadTokenizer(folder.path() / "absent"); });
}

TEST(Tokenizer, BrokenFilesAreRefusedWithTheirPlace) {
  const TokenizerFolder folder;
  const auto expect = [&](const std::string& part, const std::string& bytes) {
    folder.Write("tokenizer.json", bytes);
    ExpectTextError(ErrorCode::kCorruptData, part, [&] { LoadTokenizer(folder.path()); });
  };
  const auto changed = [](const std::string& pointer, const json& value) {
    json file = SmallTokenizer();
    file[json::json_pointer(pointer)] = value;
    return file.dump();
  };
  const std::string place = (folder.path() / "tokenizer.json").string();
  expect(place + " is not JSON", SmallTokenizer().dump().substr(0, 100));
  expect(place + ": expected an object", "[1]");
  expect("version: expected \"1.0\"", changed("/version", "2.0"));
  expect("truncation is not supported; set it to null",
         changed("/truncation", {{"max_length", 9}}));
  expect("the field \"stemmer\" is not supported", changed("/stemmer", json::object()));
  expect(place + ": model: \"WordPiece\" is not supported; known are: BPE",
         changed("/model/type", "WordPiece"));
  expect("dropout 0.1 makes ids random", changed("/model/dropout", 0.1));
  expect("continuing_subword_prefix \"##\" is not supported",
         changed("/model/continuing_subword_prefix", "##"));
  expect("the field \"beam\" is not supported", changed("/model/beam", 1));
  expect("model.vocab: the id of \"ab\" is -4", changed("/model/vocab/ab", -4));
  expect("model.vocab: expected an object", changed("/model/vocab", json::array()));
  expect("model.merges: entry 1 is [\"ab\"], expected two pieces",
         changed("/model/merges/1", {"ab"}));
  expect("model.merges: entry 1 is \"a b c\"", changed("/model/merges/1", "a b c"));
  expect("vocab has no \"x\"", changed("/model/merges/1", "a x"));
  expect("pre_tokenizer: \"BertPreTokenizer\" is not supported",
         changed("/pre_tokenizer", {{"type", "BertPreTokenizer"}}));
  expect("post_processor: adds the id 99, which is no token",
         changed("/post_processor", json::parse(R"({"type": "TemplateProcessing", "pair": [],
                     "single": [{"SpecialToken": {"id": "x", "type_id": 0}},
                                {"Sequence": {"id": "A", "type_id": 0}}],
                     "special_tokens": {"x": {"id": "x", "ids": [99], "tokens": ["x"]}}})")));
}

TEST(Tokenizer, MergesMayBeOneText) {
  json file = SmallTokenizer();
  file["model"]["merges"] = {"a b", "ab c"};
  EXPECT_EQ(Encoded(*MakeTokenizer(file), "abc"), (std::vector<int>{5}));
}

TEST(Tokenizer, SentencePieceModelsAreChecked) {
  const TokenizerFolder folder;
  folder.Write("tokenizer.model", "IQ== 0\nIg== 1\n");
  ExpectTextError(ErrorCode::kCorruptData, "tokenizer.model is no SentencePiece model",
                  [&] { LoadTokenizer(folder.path()); });
  folder.Write("tokenizer.model",
               ReadFile("tests/golden/tokenizers/sentencepiece-bpe/tokenizer.model"));
  auto tokenizer = LoadTokenizer(folder.path());
  EXPECT_EQ(tokenizer->Piece(*tokenizer->BeginToken()), "<s>");
  EXPECT_EQ(tokenizer->Piece(*tokenizer->EndToken()), "</s>");
  EXPECT_EQ(tokenizer->Find("not there"), std::nullopt);
  EXPECT_EQ(tokenizer->Find("<unk>"), TokenId{0});
  const std::vector<TokenId> ids = tokenizer->Encode("the movie", SpecialTokens::kWith);
  EXPECT_EQ(tokenizer->Decode(ids, SpecialTokens::kWithout), "the movie");
  EXPECT_EQ(tokenizer->Decode(ids, SpecialTokens::kWith), "<s>the movie");
  ExpectTextError(ErrorCode::kInvalidArgument, "not UTF-8: byte 1",
                  [&] { tokenizer->Encode("a\xC3", SpecialTokens::kWith); });
  const std::vector<TokenId> outside = {TokenId{100000}};
  ExpectTextError(ErrorCode::kInvalidArgument, "has no token 100000",
                  [&] { tokenizer->Decode(outside, SpecialTokens::kWithout); });

  folder.Write("tokenizer_config.json", R"({"add_bos_token": false, "add_eos_token": true})");
  tokenizer = LoadTokenizer(folder.path());
  EXPECT_EQ(tokenizer->Encode("the", SpecialTokens::kWith).back(), tokenizer->EndToken());
  EXPECT_NE(tokenizer->Encode("the", SpecialTokens::kWith).front(), tokenizer->BeginToken());
  folder.Write("added_tokens.json", R"({"<s>": 1})");
  LoadTokenizer(folder.path());
  folder.Write("added_tokens.json", R"({"<pad>": 32000})");
  ExpectTextError(ErrorCode::kCorruptData, "the token \"<pad>\" is not in tokenizer.model",
                  [&] { LoadTokenizer(folder.path()); });
}

// Small tokenizers and what their libraries say (tests/golden/make_tokenizer_golden.py).
class TokenizerGolden : public ::testing::TestWithParam<const char*> {
 protected:
  static json Read(const std::string& name) {
    return json::parse(ReadFile("tests/golden/tokenizers/" + name));
  }
  std::unique_ptr<Tokenizer> Load() const {
    return LoadTokenizer("tests/golden/tokenizers/" + std::string(GetParam()));
  }
};

TEST_P(TokenizerGolden, AnswersAsItsLibrary) {
  const auto tokenizer = Load();
  const json strings = Read("strings.json");
  const json answers = Read(std::string(GetParam()) + "/answers.json");
  const auto before = answers["before"].get<std::size_t>();
  const auto after = answers["after"].get<std::size_t>();
  ASSERT_GE(strings.size(), 100U);
  for (std::size_t i = 0; i < strings.size(); ++i) {
    const auto text = strings[i].get<std::string>();
    SCOPED_TRACE(text);
    const auto expected = answers["ids"][i].get<std::vector<int>>();
    const std::vector<TokenId> ids = tokenizer->Encode(text, SpecialTokens::kWith);
    EXPECT_EQ(testing::Ids(ids), expected);
    const std::vector<TokenId> bare = tokenizer->Encode(text, SpecialTokens::kWithout);
    EXPECT_EQ(testing::Ids(bare),
              std::vector<int>(expected.begin() + before, expected.end() - after));
    const json& decoded = answers["texts"][i];
    EXPECT_EQ(tokenizer->Decode(ids, SpecialTokens::kWithout),
              decoded.is_null() ? text : decoded.get<std::string>());
    for (const TokenId id : ids) EXPECT_EQ(tokenizer->Find(tokenizer->Piece(id)), id);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TokenizerGolden,
                         ::testing::Values("smollm", "gpt2", "llama3", "qwen2", "llama2", "unknown",
                                           "other-pattern", "sentencepiece-unigram",
                                           "sentencepiece-bpe"));

class TokenizerRoundTrip : public TokenizerGolden {};

TEST_P(TokenizerRoundTrip, DecodesToTheTextItEncoded) {
  const auto tokenizer = Load();
  RandomStream random(21, 0);
  for (int round = 0; round < 3000; ++round) {
    const std::string text = testing::RandomText(random, 60);
    ASSERT_EQ(
        tokenizer->Decode(tokenizer->Encode(text, SpecialTokens::kWithout), SpecialTokens::kWith),
        text);
  }
}

INSTANTIATE_TEST_SUITE_P(ByteLevelKinds, TokenizerRoundTrip,
                         ::testing::Values("smollm", "llama3", "other-pattern"));

TEST(TokenizerThreads, ManyMayEncodeAtOnce) {
  for (const char* kind : {"other-pattern", "qwen2", "llama2", "sentencepiece-unigram"}) {
    const auto tokenizer = LoadTokenizer("tests/golden/tokenizers/" + std::string(kind));
    std::vector<std::string> texts;
    std::vector<std::vector<int>> expected;
    RandomStream random(22, 0);
    for (int i = 0; i < 50; ++i) {
      texts.push_back(testing::RandomText(random, 200));
      expected.push_back(Encoded(*tokenizer, texts.back()));
    }
    std::vector<std::thread> threads;
    std::vector<int> differing(3);
    for (std::size_t t = 0; t < differing.size(); ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < texts.size(); ++i) {
          differing[t] += Encoded(*tokenizer, texts[i]) != expected[i] ? 1 : 0;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(differing, (std::vector<int>(3)));
  }
}

// The tokenizer of a real model; what it says of these texts is the library's answer.
TEST(TokenizerOfSmolLm, EncodesRealText) {
  const auto folder = testing::SharedFolder("models/smollm2-135m-instruct");
  if (!folder) GTEST_SKIP() << "no folder shared/models here or above; see RAIE_SHARED_DIR";
  const auto tokenizer = LoadTokenizer(*folder);
  EXPECT_EQ(tokenizer->VocabularySize(), 49152);
  EXPECT_EQ(tokenizer->BeginToken(), TokenId{1});
  EXPECT_EQ(tokenizer->EndToken(), TokenId{2});
  EXPECT_EQ(Encoded(*tokenizer, "The capital of France is"),
            (std::vector<int>{504, 3575, 282, 4649, 314}));
  EXPECT_EQ(Encoded(*tokenizer, "<|im_start|>user\nToy Story (1995)<|im_end|>"),
            (std::vector<int>{1, 4093, 198, 68, 922, 10124, 365, 33, 41, 41, 37, 25, 2}));
}

}  // namespace
}  // namespace raie
