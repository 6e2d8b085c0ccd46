// What is an item called, and what kind of thing is it?
//
// Concept: movies.dat, movies.csv, u.item, Yelp's business file, RecBole's .item, or any delimited
//          or JSON lines file whose columns are said. Only items of the log are kept. A file that
//          is not valid UTF-8 is read as Latin-1 (u.item and movies.dat of MovieLens 1M are).
// Errors:  kCorruptData with file and line; kInvalidArgument (columns).
#pragma once

#include <string>
#include <vector>

#include "data/archive_input.h"
#include "data/read_log.h"

namespace raie {

struct ItemTexts {
  std::vector<std::string> titles;      // by item; "" where unknown
  std::vector<std::string> categories;  // by item
};

// Fills what is still empty in `texts` from the titles file of a log of format `format`.
void AddItemTexts(const InputName& file, LogFormat format, const ReadOptions& options,
                  const StringTable& item_ids, ItemTexts& texts);

// Returns the text with every line that is no valid UTF-8 converted from Latin-1.
std::string ToUtf8(std::string text);

}  // namespace raie
