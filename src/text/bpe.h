// How does a word become tokens by merging pairs?
//
// Concept: a word is cut into characters (or, in a byte-level model, bytes); then, again and again,
//          the neighbours of the lowest rank merge, the leftmost first. What no entry of the
//          vocabulary spells is written as bytes (`byte_fallback`), or as the unknown token, or, if
//          there is neither, left out.
//          Words that merge into one token are found by a single look-up. A text that is not cut
//          into words is cut here before every "▁" that no merge reaches across: the same tokens,
//          and words as short as elsewhere.
// Source:  Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units" (2016);
//          details as huggingface/tokenizers, models/bpe.
// Errors:  kCorruptData, naming `place`, for merges of what the vocabulary lacks, for two pieces
//          of one id and for an unknown token that the vocabulary does not have.
// Threads: const methods may run concurrently.
// Cost:    O(1) for a word that is one token; else O(n^2) for short words, O(n log n) for long.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/bpe_tables.h"
#include "text/tokenizer.h"

namespace raie {

enum class BpeAlphabet {
  kCharacters,
  kBytes,  // words are bytes, pieces spell them in the byte alphabet (text/byte_alphabet.h)
};

struct BpeParts {
  std::vector<std::pair<std::string, TokenId>> vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  std::optional<std::string> unknown_piece;
  bool fuse_unknown = false;   // neighbouring unknown characters are one token
  bool byte_fallback = false;  // an unknown character is "<0xE2>" "<0x82>" "<0xAC>"
  bool ignore_merges = false;  // a word the vocabulary has is that token, merges or not
  BpeAlphabet alphabet = BpeAlphabet::kCharacters;
};

class BpeModel {
 public:
  BpeModel(BpeParts parts, const std::string& place);

  // Adds the tokens of a word.
  void Encode(std::string_view word, std::vector<TokenId>& ids) const;

  // Returns null for an id that has no piece.
  const std::string* Piece(TokenId id) const;
  std::optional<TokenId> Find(std::string_view piece) const;
  std::int64_t num_pieces() const { return num_pieces_; }
  // Returns one more than the greatest id.
  std::int64_t end_id() const { return static_cast<std::int64_t>(pieces_.size()); }

 private:
  void AddMerges(const BpeParts& parts, const std::string& place);
  void AddCharacters();
  void AddWords();
  // Returns false where the vocabulary lacks one of the bytes.
  bool AddAsBytes(std::string_view character, std::vector<std::int32_t>& symbols) const;
  void AddSymbols(std::string_view word, std::vector<std::int32_t>& symbols) const;
  void EncodeWord(std::string_view word, std::vector<TokenId>& ids) const;
  void MergeWord(std::string_view word, std::vector<TokenId>& ids) const;

  std::vector<std::optional<std::string>> pieces_;  // by id
  std::int64_t num_pieces_ = 0;
  PieceTable spelt_;                      // pieces as the vocabulary spells them
  PieceTable words_;                      // words, as given, that are one token
  std::vector<std::int32_t> characters_;  // by code point, or by byte
  MergeTable merges_;
  std::array<std::int32_t, 256> fallback_{};  // "<0x..>"
  std::int32_t unknown_ = kNoPiece;
  bool fuse_unknown_;
  bool byte_fallback_;
  bool ignore_merges_;
  bool cuts_before_mark_ = false;
  BpeAlphabet alphabet_;
};

}  // namespace raie
