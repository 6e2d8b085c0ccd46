#include "text/bpe.h"

#include <algorithm>
#include <cstdio>

#include "raie/error.h"
#include "text/bpe_merge.h"
#include "text/byte_alphabet.h"
#include "text/utf8.h"

namespace raie {
namespace {

constexpr std::string_view kMark = "\u2581";  // "▁": where SentencePiece saw a blank
constexpr std::int32_t kMaxId = 1 << 24;      // no vocabulary is near it; a typo is

[[noreturn]] void BadModel(const std::string& place, const std::string& what) {
  throw Error(ErrorCode::kCorruptData, place + ": " + what);
}

std::int32_t IdAbove(const BpeParts& parts, const std::string& place) {
  std::int32_t end = 0;
  for (const auto& [piece, id] : parts.vocabulary) {
    if (Index(id) < 0 || Index(id) >= kMaxId) {
      BadModel(place, "vocab: the id " + std::to_string(Index(id)) + " of \"" + piece +
                          "\" is not from 0 to " + std::to_string(kMaxId - 1));
    }
    end = std::max(end, Index(id) + 1);
  }
  return end;
}

std::string FallbackPiece(int byte) {
  char name[8];
  std::snprintf(name, sizeof(name), "<0x%02X>", byte);
  return name;
}

}  // namespace

BpeModel::BpeModel(BpeParts parts, const std::string& place)
    : pieces_(IdAbove(parts, place)),
      num_pieces_(static_cast<std::int64_t>(parts.vocabulary.size())),
      spelt_(parts.vocabulary.size()),
      words_(parts.vocabulary.size()),
      merges_(parts.merges.size()),
      fuse_unknown_(parts.fuse_unknown),
      byte_fallback_(parts.byte_fallback),
      ignore_merges_(parts.ignore_merges),
      alphabet_(parts.alphabet) {
  for (auto& [piece, id] : parts.vocabulary) {
    std::optional<std::string>& at = pieces_[Index(id)];
    if (at) {
      BadModel(place, "vocab: \"" + *at + "\" and \"" + piece + "\" have the same id " +
                          std::to_string(Index(id)));
    }
    spelt_.Add(piece, Index(id));
    at = std::move(piece);
  }
  if (parts.unknown_piece) {
    unknown_ = spelt_.Find(*parts.unknown_piece);
    if (unknown_ == kNoPiece) {
      BadModel(place, "unk_token: vocab has no \"" + *parts.unknown_piece + "\"");
    }
  }
  for (int byte = 0; byte < 256; ++byte) fallback_[byte] = spelt_.Find(FallbackPiece(byte));
  AddMerges(parts, place);
  AddCharacters();
  AddWords();
}

void BpeModel::AddMerges(const BpeParts& parts, const std::string& place) {
  bool cuts = alphabet_ == BpeAlphabet::kCharacters && !ignore_merges_;
  for (std::size_t rank = 0; rank < parts.merges.size(); ++rank) {
    const std::string& left = parts.merges[rank].first;
    const std::string& right = parts.merges[rank].second;
    const auto id_of = [&](const std::string& piece) {
      const std::int32_t id = spelt_.Find(piece);
      if (id == kNoPiece) {
        BadModel(place, "merges[" + std::to_string(rank) + "] \"" + left + "\" \"" + right +
                            "\": vocab has no \"" + piece + "\"");
      }
      return id;
    };
    const std::int32_t left_id = id_of(left);
    const std::int32_t right_id = id_of(right);
    merges_.Set(left_id, right_id, {static_cast<std::uint32_t>(rank), id_of(left + right)});
    cuts = cuts && (!right.starts_with(kMark) || left.ends_with(kMark));
  }
  // Without an entry for the mark itself, an unknown token could reach across it.
  cuts_before_mark_ = cuts && spelt_.Find(kMark) != kNoPiece;
}

void BpeModel::AddCharacters() {
  if (alphabet_ == BpeAlphabet::kBytes) {
    for (const char32_t character : ByteCharacters()) {
      std::string piece;
      AppendUtf8(character, piece);
      characters_.push_back(spelt_.Find(piece));
    }
    return;
  }
  for (std::size_t id = 0; id < pieces_.size(); ++id) {
    if (!pieces_[id] || pieces_[id]->empty()) continue;
    const CodePoint first = CodePointAt(*pieces_[id], 0);
    if (first.bytes != static_cast<int>(pieces_[id]->size())) continue;
    if (characters_.size() <= first.value) characters_.resize(first.value + 1, kNoPiece);
    characters_[first.value] = static_cast<std::int32_t>(id);
  }
}

void BpeModel::AddWords() {
  std::vector<TokenId> ids;
  for (std::size_t id = 0; id < pieces_.size(); ++id) {
    if (!pieces_[id] || pieces_[id]->empty()) continue;
    std::string word = *pieces_[id];
    if (alphabet_ == BpeAlphabet::kBytes) {
      std::optional<std::string> bytes = BytesOfPiece(word);
      if (!bytes) continue;
      word = std::move(*bytes);
    }
    if (!ignore_merges_) {
      ids.clear();
      MergeWord(word, ids);
      if (ids.size() != 1 || Index(ids[0]) != static_cast<std::int32_t>(id)) continue;
    }
    words_.Add(word, static_cast<std::int32_t>(id));
  }
}

bool BpeModel::AddAsBytes(std::string_view character, std::vector<std::int32_t>& symbols) const {
  const auto id_of = [&](char byte) { return fallback_[static_cast<unsigned char>(byte)]; };
  if (std::any_of(character.begin(), character.end(),
                  [&](char byte) { return id_of(byte) == kNoPiece; })) {
    return false;
  }
  for (const char byte : character) symbols.push_back(id_of(byte));
  return true;
}

void BpeModel::AddSymbols(std::string_view word, std::vector<std::int32_t>& symbols) const {
  const bool bytes = alphabet_ == BpeAlphabet::kBytes;
  bool pending = false;  // an unknown token, written before the next known one
  for (std::size_t at = 0; at < word.size();) {
    CodePoint read{static_cast<unsigned char>(word[at]), 1};
    if (!bytes) read = CodePointAt(word, at);
    const std::int32_t id = read.value < characters_.size() ? characters_[read.value] : kNoPiece;
    const std::string_view character = word.substr(at, read.bytes);
    at += read.bytes;
    if (id != kNoPiece) {
      if (pending) symbols.push_back(unknown_);
      pending = false;
      symbols.push_back(id);
      continue;
    }
    if (byte_fallback_ && AddAsBytes(bytes ? PieceOfBytes(character) : character, symbols)) {
      continue;
    }
    if (unknown_ == kNoPiece) continue;
    if (pending && !fuse_unknown_) symbols.push_back(unknown_);
    pending = true;
  }
  if (pending) symbols.push_back(unknown_);
}

void BpeModel::MergeWord(std::string_view word, std::vector<TokenId>& ids) const {
  thread_local std::vector<std::int32_t> symbols;
  symbols.clear();
  AddSymbols(word, symbols);
  MergeAll(merges_, symbols);
  for (const std::int32_t symbol : symbols) ids.push_back(TokenId{symbol});
}

void BpeModel::EncodeWord(std::string_view word, std::vector<TokenId>& ids) const {
  if (const std::int32_t id = words_.Find(word); id != kNoPiece) {
    ids.push_back(TokenId{id});
  } else {
    MergeWord(word, ids);
  }
}

void BpeModel::Encode(std::string_view word, std::vector<TokenId>& ids) const {
  if (cuts_before_mark_) {
    // A run of marks stays with what follows it: cuts are at marks that follow something else.
    for (std::size_t at = 1;;) {
      at = word.find(kMark, at);
      if (at == std::string_view::npos) break;
      if (word.substr(0, at).ends_with(kMark)) {
        at += kMark.size();
      } else {
        EncodeWord(word.substr(0, at), ids);
        word.remove_prefix(at);
        at = 1;
      }
    }
  }
  if (!word.empty()) EncodeWord(word, ids);
}

const std::string* BpeModel::Piece(TokenId id) const {
  const std::int32_t at = Index(id);
  if (at < 0 || at >= static_cast<std::int32_t>(pieces_.size()) || !pieces_[at]) return nullptr;
  return &*pieces_[at];
}

std::optional<TokenId> BpeModel::Find(std::string_view piece) const {
  const std::int32_t id = spelt_.Find(piece);
  if (id == kNoPiece) return std::nullopt;
  return TokenId{id};
}

}  // namespace raie
