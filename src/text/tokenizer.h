// How does text become the token ids of a language model, and ids text?
//
// Concept: a folder of Hugging Face holds `tokenizer.json` (normalizer, pre-tokenizer, byte-pair
//          model, added tokens, template) or `tokenizer.model` (SentencePiece). Either becomes a
//          Tokenizer. Nothing is approximated: a component that is not known is an error naming it.
// Source:  huggingface/tokenizers and google/sentencepiece: the ids are theirs (scripts/interop
//          tokenizers).
// Errors:  kInvalidArgument for text that is not UTF-8 (with the byte) and for ids outside the
//          vocabulary; kNotFound for a folder without either file; kCorruptData for a file that
//          breaks its format or asks for what is not known; the message names file and place.
// Threads: const methods may run concurrently.
// Cost:    byte-level models encode tens of megabytes a second on one core (benchmarks/text_bench).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace raie {

enum class TokenId : std::int32_t {};  // row of a language model's token embedding

constexpr std::int32_t Index(TokenId id) { return static_cast<std::int32_t>(id); }

// Encode: are the tokens the model's template sets around a text (BOS, EOS) there? Decode: do
// special tokens show in the text?
enum class SpecialTokens { kWith, kWithout };

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Returns the ids of a text. What the text itself spells out ("<|im_end|>") becomes the added
  // token it names, whatever `special` is.
  virtual std::vector<TokenId> Encode(std::string_view text, SpecialTokens special) const = 0;
  // Returns UTF-8; bytes that do not form a character become U+FFFD.
  virtual std::string Decode(std::span<const TokenId> ids, SpecialTokens special) const = 0;
  // Returns a token as the vocabulary spells it ("Ġthe", "▁the", "<0x0A>", "<|im_end|>"); nothing
  // for an id without token: a vocabulary may have gaps.
  virtual std::optional<std::string> TryPiece(TokenId id) const = 0;
  // The same of an id that has a token.
  std::string Piece(TokenId id) const;
  // Returns the token that is spelt so; nothing where there is none.
  virtual std::optional<TokenId> Find(std::string_view piece) const = 0;
  // Returns one more than the greatest id, added tokens included.
  virtual std::int64_t VocabularySize() const = 0;
  // Return the token that begins or ends a text, where the folder says which it is.
  virtual std::optional<TokenId> BeginToken() const = 0;
  virtual std::optional<TokenId> EndToken() const = 0;
};

// Reads FOLDER/tokenizer.json, or else FOLDER/tokenizer.model; and FOLDER/tokenizer_config.json,
// where there is one, for the names of the tokens that begin and end a text.
std::unique_ptr<Tokenizer> LoadTokenizer(const std::filesystem::path& folder);

// Throws unless every id of the tokenizer is a row of the model's token embedding: else it is the
// tokenizer of another model.
void RequireVocabulary(const Tokenizer& tokenizer, std::int64_t model_vocabulary_size);

}  // namespace raie
