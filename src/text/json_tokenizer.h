// How does a tokenizer.json encode and decode?
//
// Concept: added tokens are cut out; what is left is normalised, cut into words, and each word is
//          encoded by the byte-pair model; the template's tokens go around the whole.
// Source:  huggingface/tokenizers, tokenizer/mod.rs.
// Errors:  as text/tokenizer.h. Truncation, padding, dropout and affixes of subwords must be
// absent. Threads: const methods may run concurrently.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/decoder.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace raie {

class JsonTokenizer : public Tokenizer {
 public:
  static std::unique_ptr<JsonTokenizer> Load(const std::filesystem::path& file,
                                             const TokenizerConfig& config);

  std::vector<TokenId> Encode(std::string_view text, SpecialTokens special) const override;
  std::string Decode(std::span<const TokenId> ids, SpecialTokens special) const override;
  std::optional<std::string> TryPiece(TokenId id) const override;
  std::optional<TokenId> Find(std::string_view piece) const override;
  std::int64_t VocabularySize() const override;
  std::optional<TokenId> BeginToken() const override { return begin_; }
  std::optional<TokenId> EndToken() const override { return end_; }

 private:
  JsonTokenizer(const JsonPart& root, PreTokenization words);
  std::optional<TokenId> NamedIn(const std::optional<std::string>& piece,
                                 const JsonPart& root) const;
  void EncodeText(std::string_view text, std::vector<TokenId>& ids) const;
  void EncodeWords(std::string_view text, std::vector<TokenId>& ids) const;
  const std::string* FindPiece(TokenId id) const;  // null: there is none

  std::unique_ptr<Normalizer> normalizer_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  BpeModel model_;
  AddedTokens added_;
  TextFrame frame_;
  std::unique_ptr<Decoder> decoder_;
  std::optional<TokenId> begin_;
  std::optional<TokenId> end_;
};

}  // namespace raie
