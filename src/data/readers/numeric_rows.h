// The fast path: rows of four plain numbers, user, item, rating, time.
//
// Concept: ratings.dat, ratings.csv and u.data are nothing but such rows. This loop reads them with
//          SWAR and no look at the options; at the first row that is anything else (sign, blank,
//          quote, letter, long number, time out of range, end of the text near) it stops, and the
//          general path, which knows all rules and all errors, reads that row.
// Cost:    about 20 ns a row.
#pragma once

#include <cstddef>
#include <string_view>

#include "data/readers/chunk_rows.h"
#include "data/readers/layout.h"

namespace raie {

// Returns whether rows of this layout may be read here.
bool IsNumericLayout(const Layout& layout);

struct TextRange {
  std::size_t begin;
  std::size_t end;
};

// Reads rows that begin in the range; returns where the first unread one begins.
std::size_t ReadNumericRows(const Layout& layout, std::string_view text, TextRange range,
                            ReaderScratch& scratch, ChunkRows& chunk);

}  // namespace raie
