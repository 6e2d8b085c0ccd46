// How does a tokenizer get a token for every item?
//
// Concept: an item becomes the added token "<item_ID>" behind the last token there is, so that
//          items have consecutive ids. Of the raw id only letters, digits, '-', '.' and '_' stay as
//          they are; other bytes are written as '%' and two hexadecimal digits. So no name is the
//          beginning of another, and no tokenizer sees in it anything else. If the tokenizer knows
//          such a token already, "<item2_ID>" is tried, and so on.
// Source:  huggingface/tokenizers and transformers, which read both files.
// Errors:  kInvalidArgument for a vocabulary with gaps, behind which tokens would get other ids;
//          kCorruptData for a file that is not JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace raie {

// Returns the token of each item.
std::vector<std::string> NameItemTokens(const std::vector<std::string>& raw_ids,
                                        const Tokenizer& tokenizer);

// The files of a tokenizer that hold tokens of items, as text.
struct TokenizerFile {
  std::string name;
  std::string text;
};

// Returns the files of the tokenizer in `folder` that change when `names` become its tokens
// `first`, `first` + 1, ...
std::vector<TokenizerFile> AddTokens(const std::filesystem::path& folder,
                                     const std::vector<std::string>& names, std::int64_t first);

}  // namespace raie
