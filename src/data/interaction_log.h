// What is an interaction log once it is in memory, whatever file it came from?
//
// Concept: one row per event, as columns, in the order of the file; users and items are dense
//          indices in order of first appearance, with their raw ids beside them. Nothing is
//          filtered or sorted yet: that is PrepareData's work.
// Shapes:  users, items, times [E]; ratings [E] or empty (the data has none); titles, categories
//          [number of items] or empty.
// Units:   times in UTC seconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/column.h"
#include "raie/types.h"

namespace raie {

// Raw ids (or titles) of dense indices: one byte buffer and its cuts.
class StringTable {
 public:
  std::int64_t size() const { return static_cast<std::int64_t>(ends_.size()); }
  std::string_view operator[](std::int64_t index) const {
    const std::uint64_t start = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(start, ends_[index] - start);
  }
  void Add(std::string_view text) {
    bytes_ += text;
    ends_.push_back(bytes_.size());
  }
  const std::string& bytes() const { return bytes_; }
  const std::vector<std::uint64_t>& ends() const { return ends_; }

 private:
  std::string bytes_;
  std::vector<std::uint64_t> ends_;
};

struct InteractionLog {
  Column<UserId> users;
  Column<ItemId> items;
  Column<float> ratings;
  Column<Timestamp> times;
  StringTable user_ids;
  StringTable item_ids;
  StringTable titles;      // by item; "" where unknown; empty table: the data has none
  StringTable categories;  // by item, as in the file ("Adventure|Children")

  std::int64_t size() const { return static_cast<std::int64_t>(users.size()); }
};

}  // namespace raie
