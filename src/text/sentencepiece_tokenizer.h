// How does a tokenizer.model of SentencePiece encode and decode?
//
// Concept: libsentencepiece does both. The token that begins a text is added where the model has
//          one, the token that ends it is not, unless tokenizer_config.json says otherwise. What a
//          text spells out ("<s>") is text, as in that library.
// Source:  google/sentencepiece.
// Errors:  as text/tokenizer.h; kCorruptData, too, for a folder whose added_tokens.json names
// tokens
//          that the model lacks.
// Threads: const methods may run concurrently.
#pragma once

#include <filesystem>
#include <memory>

#include "text/tokenizer.h"
#include "text/tokenizer_config.h"

namespace raie {

std::unique_ptr<Tokenizer> LoadSentencePiece(const std::filesystem::path& file,
                                             const TokenizerConfig& config);

}  // namespace raie
