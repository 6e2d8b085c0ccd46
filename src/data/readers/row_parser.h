// Who reads the records of a stretch of text?
//
// Concept: one interface, two formats: delimited text and JSON lines. A parser reads all records
//          that begin in [chunk.begin, limit); the last may go on behind `limit`.
// Threads: const, may run concurrently with different chunks and scratches.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "data/readers/chunk_rows.h"
#include "data/readers/layout.h"

namespace raie {

// The text at hand. If it is not complete, more will follow, and a record that reaches its end is
// left for later (ChunkRows::incomplete).
struct TextBlock {
  std::string_view text;
  bool complete = true;
};

class RowParser {
 public:
  virtual ~RowParser() = default;
  // Fills a chunk that was just Reset. The scratch's indices are empty before and after.
  virtual void Parse(const TextBlock& block, std::size_t limit, ReaderScratch& scratch,
                     ChunkRows& chunk) const = 0;
};

std::unique_ptr<RowParser> MakeRowParser(const Layout& layout);

}  // namespace raie
