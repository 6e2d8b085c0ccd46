// The components of a tokenizer.json, one by one: what each does and which errors it gives.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "text/added_tokens.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/text_fixture.h"

namespace raie {
namespace {

using nlohmann::json;
using testing::AddedTokenJson;
using testing::ExpectTextError;
using Texts = std::vector<std::string>;

// What a maker says of a component that it must refuse.
template <class Make>
void ExpectRefused(const Make& make, const std::string& component, const std::string& message) {
  SCOPED_TRACE(component);
  const json parsed = json::parse(component);
  ExpectTextError(ErrorCode::kCorruptData, message, [&] { make(JsonPart(parsed, "file: part")); });
}

std::string NormalForm(const std::string& component, const std::string& text) {
  const json parsed = json::parse(component);
  std::string out = "untouched";
  if (MakeNormalizer(JsonPart(parsed, "part"))->Apply(text, out)) return out;
  EXPECT_EQ(out, "untouched");
  return text;
}

TEST(Normalizer, NfcComposesWhatItsLibraryKnows) {
  const std::string nfc = R"({"type": "NFC"})";
  EXPECT_EQ(NormalForm(nfc, "plain"), "plain");
  EXPECT_EQ(NormalForm(nfc, "e\u0301 and \u212Bngstro\u0308m"), "é and Ångström");
  EXPECT_EQ(NormalForm(nfc, "q\u0301\u0327"), "q\u0327\u0301") << "marks are put in order";
  EXPECT_EQ(NormalForm(nfc, "\u0301a"), "\u0301a");
  EXPECT_EQ(NormalForm(nfc, "\u1112\u1161\u11AB\u1112"), "한\u1112");
  EXPECT_EQ(NormalForm(nfc, "a\u0327\u0301x\u0301"), "á\u0327x\u0301");
  // U+1E2AE, of Unicode 14, is no mark to the library: nothing passes it.
  EXPECT_EQ(NormalForm(nfc, "a\U0001E2AE\u0301"), "a\U0001E2AE\u0301");
  EXPECT_EQ(NormalForm(nfc, "q\u0301\U0001E2AE\u0327"), "q\u0301\U0001E2AE\u0327");
}

TEST(Normalizer, PrependsAndReplaces) {
  EXPECT_EQ(NormalForm(R"({"type": "Prepend", "prepend": "▁"})", "a b"), "▁a b");
  EXPECT_EQ(
      NormalForm(R"({"type": "Replace", "pattern": {"String": " "}, "content": "▁"})", "a  b"),
      "a▁▁b");
  EXPECT_EQ(
      NormalForm(R"({"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": ""})", "a \nb"),
      "ab");
  EXPECT_EQ(NormalForm(R"({"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": " "}, {"type": "NFC"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "_"}]})",
                       "a"),
            "_a");
}

TEST(Normalizer, OthersAreNamed) {
  const auto make = [](const JsonPart& part) { MakeNormalizer(part); };
  ExpectRefused(make, R"({"type": "Lowercase"})",
                "file: part: \"Lowercase\" is not supported; known are: NFC, Prepend");
  ExpectRefused(make, R"({})", "file: part: has no type");
  ExpectRefused(make, R"(7)", "file: part: has no type");
  ExpectRefused(make, R"({"type": "NFC", "form": "C"})", "the field \"form\" is not supported");
  ExpectRefused(make, R"({"type": "Prepend"})", "has no field \"prepend\"");
  ExpectRefused(make, R"({"type": "Prepend", "prepend": 3})",
                "part.prepend: expected a text, found 3");
  ExpectRefused(make, R"({"type": "Replace", "pattern": {"Glob": "*"}, "content": ""})",
                "part.pattern: the field \"Glob\" is not supported");
  ExpectRefused(make, R"({"type": "Replace", "pattern": {}, "content": ""})",
                "expected one of String and Regex");
  ExpectRefused(make, R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "NFKC"}]})",
                "part.normalizers[1]: \"NFKC\" is not supported");
  ExpectRefused(make, R"({"type": "Sequence", "normalizers": [null]})", "found null");
}

Texts WordsOf(const std::string& component, const std::string& text) {
  const json parsed = json::parse(component);
  Texts words;
  const auto word = [&](std::string_view one) { words.emplace_back(one); };
  MakePreTokenizer(JsonPart(parsed, "part")).pre_tokenizer->Split(text, word);
  return words;
}

Texts SplitAt(const std::string& behavior, bool invert = false) {
  const json component = {{"type", "Split"},
                          {"pattern", {{"String", "-"}}},
                          {"behavior", behavior},
                          {"invert", invert}};
  return WordsOf(component.dump(), "the-final--count");
}

TEST(PreTokenizer, SplitsByAllBehaviors) {
  EXPECT_EQ(SplitAt("Removed"), (Texts{"the", "final", "count"}));
  EXPECT_EQ(SplitAt("Removed", true), (Texts{"-", "-", "-"}));
  EXPECT_EQ(SplitAt("Isolated"), (Texts{"the", "-", "final", "-", "-", "count"}));
  EXPECT_EQ(SplitAt("MergedWithPrevious"), (Texts{"the-", "final-", "-", "count"}));
  EXPECT_EQ(SplitAt("MergedWithNext"), (Texts{"the", "-final", "-", "-count"}));
  EXPECT_EQ(SplitAt("Contiguous"), (Texts{"the", "-", "final", "--", "count"}));
}

TEST(PreTokenizer, CutsDigitsAndWords) {
  EXPECT_EQ(WordsOf(R"({"type": "Digits", "individual_digits": true})", "a12²b"),
            (Texts{"a", "1", "2", "²", "b"}));
  EXPECT_EQ(WordsOf(R"({"type": "Digits", "individual_digits": false})", "12ab3"),
            (Texts{"12", "ab", "3"}));
  const std::string bytes = R"({"type": "ByteLevel", "add_prefix_space": %, "trim_offsets": true})";
  const auto byte_level = [&](const std::string& flag, const std::string& text) {
    std::string component = bytes;
    return WordsOf(component.replace(component.find('%'), 1, flag), text);
  };
  EXPECT_EQ(byte_level("true", "it's 12  m"), (Texts{" it", "'s", " 12", " ", " m"}));
  EXPECT_EQ(byte_level("false", "it's"), (Texts{"it", "'s"}));
  EXPECT_EQ(byte_level("true", " a"), (Texts{" a"}));
}

TEST(PreTokenizer, SequencesCutWhatWasCut) {
  EXPECT_EQ(WordsOf(R"({"type": "Sequence", "pretokenizers": [
                {"type": "Digits", "individual_digits": true},
                {"type": "Split", "pattern": {"Regex": "[A-Z]"}, "behavior": "MergedWithNext"},
                {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true}]})",
                    "aB1 c"),
            (Texts{"a", "B", "1", " c"}));
  EXPECT_EQ(WordsOf(R"({"type": "Sequence", "pretokenizers": []})", "a b"), (Texts{"a b"}));
}

TEST(PreTokenizer, OthersAreNamed) {
  const auto make = [](const JsonPart& part) { MakePreTokenizer(part); };
  ExpectRefused(make, R"({"type": "Metaspace"})",
                "file: part: \"Metaspace\" is not supported; known are: ByteLevel");
  ExpectRefused(make, R"({"type": "Split", "pattern": {"String": "-"}, "behavior": "Kept"})",
                "part.behavior: \"Kept\" is not supported");
  ExpectRefused(make, R"({"type": "Split", "pattern": {"Regex": "\\bx"}, "behavior": "Isolated"})",
                "file: part.pattern: regular expression \"\\bx\": \"\\b\" at byte 0");
  ExpectRefused(make, R"({"type": "Sequence", "pretokenizers": [
                            {"type": "ByteLevel", "add_prefix_space": false},
                            {"type": "Digits", "individual_digits": true}]})",
                "part.pretokenizers[1]: follows ByteLevel");
  ExpectRefused(make, R"({"type": "Digits", "individual_digits": "yes"})",
                "expected true or false");
  ExpectRefused(make, R"({"type": "Sequence", "pretokenizers": {}})", "expected an array");
}

TEST(PostProcessor, TemplatesFrameATextFromInsideOut) {
  const json part = json::parse(R"({"type": "Sequence", "processors": [
      {"type": "TemplateProcessing",
       "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                  {"SpecialToken": {"id": "</s>", "type_id": 0}}],
       "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1, 2], "tokens": ["<s>", "x"]},
                                      "</s>": {"id": "</s>", "ids": [3], "tokens": ["</s>"]}}},
      {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
      {"type": "TemplateProcessing",
       "single": [{"SpecialToken": {"id": "<b>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
       "pair": [], "special_tokens": {"<b>": {"id": "<b>", "ids": [9], "tokens": ["<b>"]}}}]})");
  const TextFrame frame = ReadTextFrame(JsonPart(part, "part"));
  EXPECT_EQ(testing::Ids(frame.before), (std::vector<int>{9, 1, 2}));
  EXPECT_EQ(testing::Ids(frame.after), (std::vector<int>{3}));
}

TEST(PostProcessor, OthersAreNamed) {
  const auto make = [](const JsonPart& part) { ReadTextFrame(part); };
  ExpectRefused(make, R"({"type": "RobertaProcessing"})",
                "\"RobertaProcessing\" is not supported; known are: ByteLevel");
  ExpectRefused(make, R"({"type": "TemplateProcessing", "single": [], "special_tokens": {}})",
                "part.single: has no place for the text");
  ExpectRefused(make, R"({"type": "TemplateProcessing", "special_tokens": {},
                          "single": [{"Sequence": {"id": "B", "type_id": 0}}]})",
                "part.single[0]: expected the text once, as sequence A");
  ExpectRefused(make, R"({"type": "TemplateProcessing", "special_tokens": {},
                          "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}]})",
                "part.special_tokens: has no field \"<s>\"");
}

std::string DecodedBy(const std::string& component, Texts pieces) {
  const json parsed = json::parse(component);
  return DecodePieces(MakeDecoder(JsonPart(parsed, "part")).get(), std::move(pieces));
}

TEST(Decoder, TurnsPiecesIntoText) {
  EXPECT_EQ(DecodedBy("null", {"a", "b"}), "a b");
  const std::string bytes = R"({"type": "ByteLevel"})";
  EXPECT_EQ(DecodedBy(bytes, {"Ġa", "Ã", "©", "▁"}), " aé▁");
  EXPECT_EQ(DecodedBy(bytes, {"a", "Ã", "b"}), "a\uFFFDb");
  const std::string llama = R"({"type": "Sequence", "decoders": [
      {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
      {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})";
  EXPECT_EQ(DecodedBy(llama, {"▁▁a", "<0xC3>", "<0xA9>", "b", "<0xC3>", "<0xZZ>"}),
            " aéb\uFFFD<0xZZ>");
  EXPECT_EQ(DecodedBy(R"({"type": "Strip", "content": "_", "start": 2, "stop": 1})", {"___a__"}),
            "_a_");
}

TEST(Decoder, OthersAreNamed) {
  const auto make = [](const JsonPart& part) { MakeDecoder(part); };
  ExpectRefused(make, R"({"type": "WordPiece"})",
                "\"WordPiece\" is not supported; known are: ByteLevel");
  ExpectRefused(make, R"({"type": "Strip", "content": "ab", "start": 1, "stop": 0})",
                "content: expected one character, found \"ab\"");
}

TEST(TextMatcher, FindsTheLeftmostLongest) {
  TextMatcher matcher;
  EXPECT_FALSE(matcher.Find("abc", 0));
  const Texts texts = {"ab", "abcd", "bc", "<|x|>", "ab"};
  for (std::size_t i = 0; i < texts.size(); ++i) matcher.Add(texts[i], static_cast<int>(i));
  const auto expect = [&](const std::string& text, std::size_t from, std::size_t begin,
                          int pattern) {
    const auto match = matcher.Find(text, from);
    ASSERT_TRUE(match) << text;
    EXPECT_EQ(match->begin, begin);
    EXPECT_EQ(match->end, begin + texts[pattern].size());
    EXPECT_EQ(match->pattern, pattern);
  };
  expect("xabcx", 0, 1, 0);
  expect("xabcdx", 0, 1, 1);
  expect("xabcx", 2, 2, 2);
  expect("<|<|x|>", 0, 2, 3);
  EXPECT_FALSE(matcher.Find("acbd<|x|", 0));
}

class AddedTokensTest : public ::testing::Test {
 protected:
  AddedTokensTest() : model_(Parts(), "model") {}

  static BpeParts Parts() {
    BpeParts parts;
    for (const char* piece : {"a", "b", "<s>"}) {
      parts.vocabulary.emplace_back(piece,
                                    TokenId{static_cast<std::int32_t>(parts.vocabulary.size())});
    }
    return parts;
  }
  // "text[token]text"
  std::string PartsOf(const json& tokens, const std::string& text) const {
    const AddedTokens added(JsonPart(tokens, "added_tokens"), model_, nullptr);
    std::string parts;
    for (const AddedTokens::Part& part : added.Split(text, AddedTokens::Against::kText)) {
      parts += part.token == nullptr ? std::string(part.text) : "[" + std::string(part.text) + "]";
    }
    return parts;
  }

  BpeModel model_;
};

TEST_F(AddedTokensTest, StripAndStandAlone) {
  json token = AddedTokenJson(2, "<s>");
  EXPECT_EQ(PartsOf(json::array({token}), "a <s> b<s>"), "a [<s>] b[<s>]");
  token["lstrip"] = true;
  EXPECT_EQ(PartsOf(json::array({token}), "a \u3000<s> b"), "a[ \u3000<s>] b");
  token["rstrip"] = true;
  EXPECT_EQ(PartsOf(json::array({token}), " <s>\n\n<s> b"), "[ <s>\n\n][<s> ]b");
  token["lstrip"] = token["rstrip"] = false;
  token["single_word"] = true;
  EXPECT_EQ(PartsOf(json::array({token}), "<s> a<s> <s>b <s>é -<s>- _<s> <s>"),
            "[<s>] a<s> <s>b <s>é -[<s>]- _<s> [<s>]");
}

TEST_F(AddedTokensTest, ErrorsNameTheToken) {
  const auto make = [&](const JsonPart& part) { AddedTokens(part, model_, nullptr); };
  const auto expect = [&](const json& tokens, const std::string& message) {
    ExpectRefused(make, tokens.dump(), message);
  };
  expect(json::array({AddedTokenJson(7, "<x>")}),
         "part[0]: \"<x>\" has id 7; behind this vocabulary and the tokens before it is id 3");
  expect(json::array({AddedTokenJson(1, "<s>")}), "\"<s>\" has id 1");
  expect(json::array({AddedTokenJson(2, "<s>"), AddedTokenJson(2, "<s>")}),
         "part[1]: \"<s>\" is listed twice");
  expect(json::array({AddedTokenJson(3, "")}), "an empty token matches nothing");
  json token = AddedTokenJson(3, "<x>");
  token["weight"] = 1;
  expect(json::array({token}), "the field \"weight\" is not supported");
  token.erase("weight");
  token.erase("lstrip");
  expect(json::array({token}), "part[0]: has no field \"lstrip\"");
}

}  // namespace
}  // namespace raie
