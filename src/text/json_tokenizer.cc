#include "text/json_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "raie/error.h"
#include "text/bpe_json.h"
#include "text/utf8.h"

namespace raie {
namespace {

void CheckWholeFile(const JsonPart& root) {
  root.RequireFields({"version", "truncation", "padding", "added_tokens", "normalizer",
                      "pre_tokenizer", "post_processor", "decoder", "model"});
  if (root.TextOr("version", "") != "1.0") root.Fail("version: expected \"1.0\"");
  for (const char* absent : {"truncation", "padding"}) {
    if (root.Has(absent)) root.Fail(std::string(absent) + " is not supported; set it to null");
  }
}

// An absent component is as good as null.
JsonPart Component(const JsonPart& root, const std::string& name) {
  static const nlohmann::json null;
  return root.Has(name) ? root.At(name) : JsonPart(null, root.place() + name);
}

}  // namespace

std::unique_ptr<JsonTokenizer> JsonTokenizer::Load(const std::filesystem::path& file,
                                                   const TokenizerConfig& config) {
  const nlohmann::json parsed = ReadJsonFile(file);
  const JsonPart root(parsed, file.string() + ": ");
  CheckWholeFile(root);
  PreTokenization words = MakePreTokenizer(Component(root, "pre_tokenizer"));
  std::unique_ptr<JsonTokenizer> tokenizer(new JsonTokenizer(root, std::move(words)));
  tokenizer->begin_ = tokenizer->NamedIn(config.begin_piece, root);
  tokenizer->end_ = tokenizer->NamedIn(config.end_piece, root);
  return tokenizer;
}

JsonTokenizer::JsonTokenizer(const JsonPart& root, PreTokenization words)
    : normalizer_(MakeNormalizer(Component(root, "normalizer"))),
      pre_tokenizer_(std::move(words.pre_tokenizer)),
      model_(ReadBpe(root.At("model"), words.alphabet), root.place() + "model"),
      added_(root.At("added_tokens"), model_, normalizer_.get()),
      frame_(ReadTextFrame(Component(root, "post_processor"))),
      decoder_(MakeDecoder(Component(root, "decoder"))) {
  for (const std::vector<TokenId>& side : {frame_.before, frame_.after}) {
    for (const TokenId id : side) {
      if (FindPiece(id) == nullptr) {
        root.At("post_processor")
            .Fail("adds the id " + std::to_string(Index(id)) + ", which is no token");
      }
    }
  }
}

std::optional<TokenId> JsonTokenizer::NamedIn(const std::optional<std::string>& piece,
                                              const JsonPart& root) const {
  if (!piece) return std::nullopt;
  const std::optional<TokenId> id = Find(*piece);
  if (!id) {
    root.Fail("has no token \"" + *piece + "\", which tokenizer_config.json beside it names");
  }
  return id;
}

std::vector<TokenId> JsonTokenizer::Encode(std::string_view text, SpecialTokens special) const {
  RequireUtf8(text, "the text to encode");
  std::vector<TokenId> ids;
  if (special == SpecialTokens::kWith) ids = frame_.before;
  for (const AddedTokens::Part& part : added_.Split(text, AddedTokens::Against::kText)) {
    if (part.token != nullptr) {
      ids.push_back(part.token->id);
    } else {
      EncodeText(part.text, ids);
    }
  }
  if (special == SpecialTokens::kWith) {
    ids.insert(ids.end(), frame_.after.begin(), frame_.after.end());
  }
  return ids;
}

void JsonTokenizer::EncodeText(std::string_view text, std::vector<TokenId>& ids) const {
  std::string normalized;
  if (normalizer_ != nullptr && normalizer_->Apply(text, normalized)) text = normalized;
  for (const AddedTokens::Part& part : added_.Split(text, AddedTokens::Against::kNormalizedText)) {
    if (part.token != nullptr) {
      ids.push_back(part.token->id);
    } else {
      EncodeWords(part.text, ids);
    }
  }
}

void JsonTokenizer::EncodeWords(std::string_view text, std::vector<TokenId>& ids) const {
  const auto word = [&](std::string_view one) { model_.Encode(one, ids); };
  if (pre_tokenizer_ != nullptr) {
    pre_tokenizer_->Split(text, word);
  } else {
    word(text);
  }
}

const std::string* JsonTokenizer::FindPiece(TokenId id) const {
  if (const AddedToken* added = added_.Find(id)) return &added->content;
  return model_.Piece(id);
}

std::optional<std::string> JsonTokenizer::TryPiece(TokenId id) const {
  const std::string* piece = FindPiece(id);
  if (piece == nullptr) return std::nullopt;
  return *piece;
}

std::string JsonTokenizer::Decode(std::span<const TokenId> ids, SpecialTokens special) const {
  std::vector<std::string> pieces;
  pieces.reserve(ids.size());
  for (const TokenId id : ids) {
    const AddedToken* added = added_.Find(id);
    if (special == SpecialTokens::kWithout && added != nullptr && added->special) continue;
    pieces.push_back(Piece(id));
  }
  return DecodePieces(decoder_.get(), std::move(pieces));
}

std::optional<TokenId> JsonTokenizer::Find(std::string_view piece) const {
  if (const AddedToken* added = added_.Find(piece)) return added->id;
  return model_.Find(piece);
}

std::int64_t JsonTokenizer::VocabularySize() const {
  return std::max(model_.end_id(), added_.end_id());
}

}  // namespace raie
