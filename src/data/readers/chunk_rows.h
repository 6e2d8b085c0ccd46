// What does one chunk of a file give, before it is joined to the chunks in front of it?
//
// Concept: a chunk is a stretch of text whose records one task reads. Ids are numbered within the
//          chunk; bad rows are noted, not thrown, because a chunk may have begun inside a quoted
//          field, which only the join can know (it then reads the chunk again from the right
//          place). The buffers are kept from block to block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/column.h"
#include "data/read_log.h"
#include "data/readers/id_table.h"

namespace raie {

struct BadRow {
  BadRowKind kind = BadRowKind::kFields;
  std::int64_t line = 0;  // from 0, counted from the start of the chunk
  std::string detail;     // "rating 'x'"
  std::string row;        // shortened
  std::string expected;   // "a decimal number such as 3.5"
};

struct RowKey {  // 128-bit hash of the fields named by dedupe
  std::uint64_t low;
  std::uint64_t high;
  bool operator==(const RowKey&) const = default;
};

struct ChunkRows {
  std::size_t begin = 0;    // of the first record in the text
  std::size_t end = 0;      // after the last record
  bool incomplete = false;  // the record at `end` goes on behind the text there is
  std::int64_t lines = 0;
  std::int64_t rows = 0;  // kept, dropped and bad
  std::int64_t blank_lines = 0;
  std::vector<std::int64_t> dropped;  // by rule
  std::array<std::int64_t, kNumBadRowKinds> bad_rows{};
  std::int64_t num_bad_rows = 0;
  BadRow first_bad_row;

  std::int64_t size = 0;  // kept rows; the columns below may be longer
  Column<std::int32_t> users;
  Column<std::int32_t> items;
  Column<float> ratings;
  Column<std::int64_t> times;
  std::vector<RowKey> keys;  // by kept row, with dedupe only
  IdList user_ids;
  IdList item_ids;
  std::vector<std::string> titles;  // by item_ids, where the rows have titles
  std::vector<std::string> categories;

  void Reset(std::size_t from, std::size_t num_rules);
  void EnsureRoom(std::int64_t num_rows);  // in the four columns
};

// What a worker needs besides, chunk after chunk.
struct ReaderScratch {
  IdIndex users;
  IdIndex items;
  std::vector<std::string_view> fields;
  std::deque<std::string> unescaped;  // fields that could not be pointed to; must not move
  std::string key_bytes;
};

}  // namespace raie
