#include "data/readers/chunk_rows.h"

#include <algorithm>

namespace raie {

void ChunkRows::Reset(std::size_t from, std::size_t num_rules) {
  begin = end = from;
  incomplete = false;
  lines = rows = blank_lines = num_bad_rows = size = 0;
  dropped.assign(num_rules, 0);
  bad_rows.fill(0);
  first_bad_row = {};
  keys.clear();
  user_ids.Clear();
  item_ids.Clear();
  titles.clear();
  categories.clear();
}

void ChunkRows::EnsureRoom(std::int64_t num_rows) {
  const auto needed = static_cast<std::size_t>(num_rows);
  if (needed <= users.size()) return;
  const std::size_t room = std::max<std::size_t>(needed, std::max<std::size_t>(4096, size * 2));
  users.resize(room);
  items.resize(room);
  ratings.resize(room);
  times.resize(room);
}

}  // namespace raie
