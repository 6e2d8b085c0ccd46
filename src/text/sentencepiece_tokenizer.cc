#include "text/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/files.h"
#include "raie/error.h"
#include "text/json_part.h"
#include "text/utf8.h"

namespace raie {
namespace {

std::optional<TokenId> TokenOf(int id) {
  if (id < 0) return std::nullopt;
  return TokenId{id};
}

class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(const std::filesystem::path& file, const TokenizerConfig& config) {
    const sentencepiece::util::Status status = processor_.LoadFromSerializedProto(ReadFile(file));
    if (!status.ok()) {
      throw Error(ErrorCode::kCorruptData, file.string() +
                                               " is no SentencePiece model: " + status.ToString() +
                                               "; other formats of that name are not supported");
    }
    adds_begin_ = config.add_begin.value_or(true) && processor_.bos_id() >= 0;
    adds_end_ = config.add_end.value_or(false) && processor_.eos_id() >= 0;
  }

  std::vector<TokenId> Encode(std::string_view text, SpecialTokens special) const override {
    RequireUtf8(text, "the text to encode");
    std::vector<int> found;
    Check(processor_.Encode(text, &found), "encode a text");
    std::vector<TokenId> ids;
    ids.reserve(found.size() + 2);
    const bool with = special == SpecialTokens::kWith;
    if (with && adds_begin_) ids.push_back(TokenId{processor_.bos_id()});
    for (const int id : found) ids.push_back(TokenId{id});
    if (with && adds_end_) ids.push_back(TokenId{processor_.eos_id()});
    return ids;
  }

  std::string Decode(std::span<const TokenId> ids, SpecialTokens special) const override {
    if (special == SpecialTokens::kWithout) return DecodeRun(ids);
    // The library leaves control tokens out: they stand between the texts of the other ones.
    std::string text;
    while (!ids.empty()) {
      const auto control = std::find_if(ids.begin(), ids.end(), [&](TokenId id) {
        RequireId(id);
        return processor_.IsControl(Index(id));
      });
      const auto run = static_cast<std::size_t>(control - ids.begin());
      text += DecodeRun(ids.first(run));
      if (control != ids.end()) text += Piece(*control);
      ids = ids.subspan(run + (control != ids.end() ? 1 : 0));
    }
    return text;
  }

  std::optional<std::string> TryPiece(TokenId id) const override {
    if (Index(id) < 0 || Index(id) >= VocabularySize()) return std::nullopt;
    return processor_.IdToPiece(Index(id));
  }

  std::optional<TokenId> Find(std::string_view piece) const override {
    const int id = processor_.PieceToId(piece);  // the unknown token's for what is not there
    if (id < 0 || processor_.IdToPiece(id) != piece) return std::nullopt;
    return TokenId{id};
  }

  std::int64_t VocabularySize() const override { return processor_.GetPieceSize(); }
  std::optional<TokenId> BeginToken() const override { return TokenOf(processor_.bos_id()); }
  std::optional<TokenId> EndToken() const override { return TokenOf(processor_.eos_id()); }

 private:
  static void Check(const sentencepiece::util::Status& status, const std::string& what) {
    if (!status.ok()) {
      throw Error(ErrorCode::kInternal, "SentencePiece cannot " + what + ": " + status.ToString());
    }
  }

  void RequireId(TokenId id) const { Piece(id); }

  std::string DecodeRun(std::span<const TokenId> ids) const {
    std::vector<int> numbers;
    numbers.reserve(ids.size());
    for (const TokenId id : ids) {
      RequireId(id);
      numbers.push_back(Index(id));
    }
    std::string text;
    Check(processor_.Decode(numbers, &text), "decode ids");
    return text;
  }

  sentencepiece::SentencePieceProcessor processor_;
  bool adds_begin_ = false;
  bool adds_end_ = false;
};

// Tokens beside the model would be encoded as text, silently.
void RequireNoOtherTokens(const Tokenizer& tokenizer, const std::filesystem::path& added) {
  if (!std::filesystem::exists(added)) return;
  const nlohmann::json parsed = ReadJsonFile(added);
  const JsonPart part(parsed, added.string() + ": ");
  if (!parsed.is_object()) part.Fail("expected an object {token: id}");
  for (const auto& [token, id] : parsed.items()) {
    if (!tokenizer.Find(token)) {
      part.Fail("the token \"" + token +
                "\" is not in tokenizer.model, and tokens beside it are not supported; convert the "
                "folder to tokenizer.json");
    }
  }
}

}  // namespace

std::unique_ptr<Tokenizer> LoadSentencePiece(const std::filesystem::path& file,
                                             const TokenizerConfig& config) {
  auto tokenizer = std::make_unique<SentencePieceTokenizer>(file, config);
  RequireNoOtherTokens(*tokenizer, file.parent_path() / "added_tokens.json");
  return tokenizer;
}

}  // namespace raie
