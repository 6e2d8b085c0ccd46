#include "text/tokenizer.h"

#include <utility>

#include "raie/error.h"
#include "text/json_tokenizer.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/tokenizer_config.h"

namespace raie {

std::string Tokenizer::Piece(TokenId id) const {
  std::optional<std::string> piece = TryPiece(id);
  if (!piece.has_value()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the tokenizer has no token " + std::to_string(Index(id)) + "; its ids are below " +
                    std::to_string(VocabularySize()));
  }
  return *std::move(piece);
}

std::unique_ptr<Tokenizer> LoadTokenizer(const std::filesystem::path& folder) {
  const std::filesystem::path json = folder / "tokenizer.json";
  const std::filesystem::path sentencepiece = folder / "tokenizer.model";
  if (std::filesystem::exists(json)) {
    return JsonTokenizer::Load(json, ReadTokenizerConfig(folder));
  }
  if (std::filesystem::exists(sentencepiece)) {
    return LoadSentencePiece(sentencepiece, ReadTokenizerConfig(folder));
  }
  throw Error(ErrorCode::kNotFound, "the folder " + folder.string() +
                                        " has no tokenizer: neither tokenizer.json nor "
                                        "tokenizer.model is there");
}

void RequireVocabulary(const Tokenizer& tokenizer, std::int64_t model_vocabulary_size) {
  const std::int64_t size = tokenizer.VocabularySize();
  if (size <= model_vocabulary_size) return;
  throw Error(ErrorCode::kInvalidArgument,
              "vocabulary mismatch: the tokenizer has ids up to " + std::to_string(size - 1) +
                  " (\"" + tokenizer.Piece(TokenId{static_cast<std::int32_t>(size - 1)}) +
                  "\"), the model has " + std::to_string(model_vocabulary_size) +
                  " rows: it is the tokenizer of another model");
}

}  // namespace raie
