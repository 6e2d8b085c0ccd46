// How do the chunks of a file become one log whose numbering does not depend on who read what?
//
// Concept: chunks arrive in the order of the file. Their ids are looked up in (or added to) the
//          log's tables one chunk after another, which is cheap because a chunk lists each id
//          once; then all chunks of a block copy their rows into the columns in parallel.
//          Duplicates are found here, because only here is the order known.
// Errors:  kCorruptData when more rows are malformed than allowed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/task_pool.h"
#include "data/read_log.h"
#include "data/readers/chunk_rows.h"
#include "data/readers/layout.h"

namespace raie {

// Remembers keys; a 128-bit hash stands for the fields (a collision among 1e9 rows has
// probability 1e-21).
class KeySet {
 public:
  bool Add(const RowKey& key);  // false if it was there

 private:
  void Grow();
  std::vector<RowKey> slots_;  // {0, 0}: free
  std::size_t used_ = 0;
  bool has_zero_ = false;
};

class LogBuilder {
 public:
  explicit LogBuilder(TaskPool& pool) : pool_(pool) {}

  // Begins a file. The counters of all files must agree, so all have the same rules.
  void BeginFile(const std::string& name, const Layout& layout);
  // Expects about this many rows more.
  void Reserve(std::int64_t num_rows);
  // Takes the chunks of one block, in order.
  void Append(std::span<ChunkRows> chunks);
  void AddBytes(std::int64_t bytes) { report_.bytes += bytes; }

  TaskPool& pool() { return pool_; }
  bool has_ratings() const { return layout_has_ratings_; }
  ReadReport& report() { return report_; }
  // Gives the log (without titles files) and what the rows said of items.
  InteractionLog TakeLog();
  std::vector<std::string> TakeTitles() { return std::move(titles_); }
  std::vector<std::string> TakeCategories() { return std::move(categories_); }

 private:
  struct ChunkMap {  // from a chunk's numbering to the log's
    std::vector<std::int32_t> users;
    std::vector<std::int32_t> items;
    std::int64_t first_row = 0;
  };

  void Count(const ChunkRows& chunk);
  void DropDuplicates(ChunkRows& chunk);
  void MapIds(const ChunkRows& chunk, ChunkMap& map);
  void Copy(const ChunkRows& chunk, const ChunkMap& map);
  [[noreturn]] void RefuseBadRow() const;

  TaskPool& pool_;
  const Layout* layout_ = nullptr;  // of the file that was begun last
  bool layout_has_ratings_ = false;
  std::string name_;
  std::int64_t line_ = 0;  // lines of this file in front of the next chunk
  std::int64_t num_bad_rows_ = 0;
  InteractionLog log_;
  ReadReport report_;
  IdList user_ids_;
  IdList item_ids_;
  IdIndex users_;
  IdIndex items_;
  KeySet keys_;
  std::vector<std::string> titles_;
  std::vector<std::string> categories_;
  std::vector<ChunkMap> maps_;
};

}  // namespace raie
