// What does training and evaluation see of a prepared data set?
//
// Concept: the events that survived preparation, of all slices, as memory-mapped columns sorted by
//          (user, time, file order). Slices are half-open time intervals. Items are numbered by the
//          first slice that holds them (then by first appearance), so the catalogue after slice i
//          is a prefix: item < catalogue_size(i). docs/formats.md has the files.
// Source:  METHOD section 2.
// Shapes:  items, times [E]; user u's events of slice i are SliceEvents(u, i), a range of rows.
// Errors:  Load throws kNotFound, kCorruptData (digest, sizes, order).
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "raie/types.h"

namespace raie {

struct EventRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
};

class PreparedData {
 public:
  static PreparedData Load(const std::filesystem::path& directory);
  PreparedData(PreparedData&&) noexcept;
  PreparedData& operator=(PreparedData&&) noexcept;
  ~PreparedData();

  std::int64_t num_users() const;
  std::int64_t num_items() const;  // of all slices
  int num_slices() const;          // 3 for S, F, T
  std::span<const ItemId> items() const;
  std::span<const Timestamp> times() const;
  EventRange SliceEvents(UserId user, int slice) const;
  std::int64_t catalogue_size(int slice) const;  // items of slices 0..slice
  std::vector<Timestamp> cuts() const;           // num_slices - 1, ascending

  std::string_view user_id(UserId user) const;  // raw ids
  std::string_view item_id(ItemId item) const;
  std::string_view title(ItemId item) const;  // "" where unknown
  std::string_view category(ItemId item) const;
  UserId FindUser(std::string_view raw) const;  // UserId{-1} if absent
  ItemId FindItem(std::string_view raw) const;  // kNoItem if absent

  const nlohmann::json& manifest() const;  // options, counts, cuts, digest
  std::string digest() const;

 private:
  struct Columns;
  std::unique_ptr<Columns> columns_;
};

}  // namespace raie
