// How is one file read by several threads with the same result as by one?
//
// Concept: a block of text is cut into chunks at line ends, the chunks are read in parallel and
//          joined in order. A line end inside quotes is no border of records: the join sees that a
//          chunk did not begin where the one before it ended, and reads it again from there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/task_pool.h"
#include "data/read_log.h"
#include "data/readers/layout.h"
#include "data/readers/log_builder.h"
#include "data/readers/text_source.h"

namespace raie {

// Neither depends on the number of threads; the result depends on neither. The rows of a chunk
// stay in the cache of its core.
struct PieceSizes {
  std::size_t chunk_bytes = std::size_t{1} << 20;
  std::size_t block_bytes = std::size_t{32} << 20;
};

// Reads the rows of an opened file into the log.
void ReadPieces(TextSource& source, const Layout& layout, const PieceSizes& sizes,
                LogBuilder& builder);

// ReadLog with pieces of another size, for tests.
ReadResult ReadLogInPieces(const std::vector<std::string>& inputs, const ReadOptions& options,
                           const PieceSizes& sizes, TaskPool& pool);

}  // namespace raie
