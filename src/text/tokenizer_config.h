// What does a tokenizer_config.json say beside the tokenizer itself?
//
// Concept: the names of the tokens that begin and end a text, and, for SentencePiece, whether they
//          are put there. The other fields are for programs.
// Errors:  kCorruptData for a file that is no JSON object or whose fields have other types.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace raie {

struct TokenizerConfig {
  std::optional<std::string> begin_piece;  // bos_token
  std::optional<std::string> end_piece;    // eos_token
  std::optional<bool> add_begin;           // add_bos_token
  std::optional<bool> add_end;             // add_eos_token
};

// Returns what FOLDER/tokenizer_config.json says; nothing where there is no such file.
TokenizerConfig ReadTokenizerConfig(const std::filesystem::path& folder);

}  // namespace raie
