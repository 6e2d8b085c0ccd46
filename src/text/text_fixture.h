// What the tests of tokenizers share: folders of files, errors, a small tokenizer.json, random
// text.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "raie/error.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace raie::testing {

// A folder with the files it is given; it goes away with the test. In memory where there is such a
// place, since everything written is synced.
class TokenizerFolder {
 public:
  TokenizerFolder() {
    std::string name = "/dev/shm/raie_text_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      name = (std::filesystem::temp_directory_path() / "raie_text_XXXXXX").string();
      EXPECT_NE(::mkdtemp(name.data()), nullptr);
    }
    path_ = name;
  }
  ~TokenizerFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TokenizerFolder(const TokenizerFolder&) = delete;
  TokenizerFolder& operator=(const TokenizerFolder&) = delete;

  void Write(const std::string& name, std::string_view bytes) const {
    WriteFileAtomically(path_ / name, bytes);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class Call>
void ExpectTextError(ErrorCode code, const std::string& part, Call&& call) {
  try {
    call();
    FAIL() << "no error naming " << part;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
        << error.what() << "\ndoes not name " << part;
  }
}

// A model of the letters a, b, c, the blank and what "ab", "abc" and " a" merge from.
inline nlohmann::json SmallTokenizer() {
  return nlohmann::json::parse(R"json({
    "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": null,
    "model": {"type": "BPE", "dropout": null, "unk_token": null,
              "continuing_subword_prefix": null, "end_of_word_suffix": null,
              "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
              "vocab": {"a": 0, "b": 1, "c": 2, " ": 3, "ab": 4, "abc": 5, " a": 6},
              "merges": [["a", "b"], ["ab", "c"], [" ", "a"]]}})json");
}

inline nlohmann::json AddedTokenJson(int id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

inline std::unique_ptr<Tokenizer> MakeTokenizer(const nlohmann::json& json) {
  const TokenizerFolder folder;
  folder.Write("tokenizer.json", json.dump());
  return LoadTokenizer(folder.path());
}

inline std::vector<int> Ids(const std::vector<TokenId>& ids) {
  std::vector<int> numbers;
  for (const TokenId id : ids) numbers.push_back(Index(id));
  return numbers;
}

inline std::vector<int> Encoded(const Tokenizer& tokenizer, std::string_view text) {
  return Ids(tokenizer.Encode(text, SpecialTokens::kWith));
}

// Characters that rules of words tell apart, and any other.
inline std::string RandomText(RandomStream& random, std::int64_t max_characters) {
  static constexpr char32_t kOften[] = {
      'a',    'b',    'Z',    's',   'S',   't',     'l',    'L',     'e',    'r',   'v',
      'd',    'm',    '1',    '2',   ' ',   ' ',     ' ',    '\n',    '\r',   '\t',  '\'',
      '\'',   '.',    '-',    '_',   0x17F, 0x212A,  0xE9,   0x301,   0x85,   0xA0,  0x3000,
      0x2028, 0x200D, 0x4E00, 0x661, 0xB2,  0x1F600, 0x2581, 0x10D24, 0xAC00, 0x11A8};
  std::string text;
  const auto count = static_cast<std::int64_t>(random.Below(max_characters + 1));
  for (std::int64_t i = 0; i < count; ++i) {
    char32_t c = kOften[random.Below(std::size(kOften))];
    if (random.Below(8) == 0) c = static_cast<char32_t>(random.Below(0x110000));
    if (c < 0xD800 || c > 0xDFFF) AppendUtf8(c, text);
  }
  return text;
}

}  // namespace raie::testing
