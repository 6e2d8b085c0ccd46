// What does training and evaluation see of a prepared data set?
//
// Concept: the events that survived preparation, of all slices, as memory-mapped columns sorted by
//          (user, time, file order). Slices are half-open time intervals (in leave-last-out: a
//          user's training events, last but one, last). Users and items are numbered by the first
//          slice that holds them, items then by the time of their first event, both then by first
//          appearance in the log. So the users and the catalogue after slice i are prefixes
//          (item < catalogue_size(i)), and within the slices so is the catalogue at any moment.
//          docs/formats.md has the files.
// Source:  METHOD section 2.
// Shapes:  items, times [E]; user u's events of slice i are SliceEvents(u, i), a range of rows.
// Errors:  Load throws kNotFound, kCorruptData (digest, sizes, order).
// Threads: const methods may run concurrently.
// Cost:    Load reads every byte once (digests and order); FindUser and FindItem make an index when
//          first called.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
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

// The file of a prepared data set that describes it and names its other files.
inline constexpr const char* kManifestFile = "manifest.json";

class PreparedData {
 public:
  // Reads again if an append puts a new set in place meanwhile.
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
  // First row a context of this user's slice may hold: the slice's first, but in leave-last-out
  // the user's first.
  std::int64_t ContextBegin(UserId user, int slice) const;
  bool contexts_cross_slices() const;                  // leave-last-out
  std::int64_t catalogue_size(int slice) const;        // items of slices 0..slice
  std::int64_t user_count(int slice) const;            // users with events in slices 0..slice
  Timestamp FirstTime(ItemId item) const;              // of its first event
  std::int64_t CatalogueBefore(Timestamp time) const;  // items with an event before `time`
  std::vector<Timestamp> cuts() const;  // num_slices - 1, ascending; empty for leave-last-out

  std::string_view user_id(UserId user) const;  // raw ids
  std::string_view item_id(ItemId item) const;
  std::string_view title(ItemId item) const;  // "" where unknown
  std::string_view category(ItemId item) const;
  UserId FindUser(std::string_view raw) const;  // UserId{-1} if absent
  ItemId FindItem(std::string_view raw) const;  // kNoItem if absent

  const nlohmann::json& manifest() const;  // options, counts, cuts, digest
  std::string digest() const;              // of all slices: lineage().back()
  // Digest of slices 0..i for each i: unchanged when slices are appended, so a model fitted on an
  // earlier state of the data recognises it.
  const std::vector<std::string>& lineage() const;

 private:
  PreparedData();
  static PreparedData LoadNow(const std::filesystem::path& directory);

  struct Columns;
  std::unique_ptr<Columns> columns_;
};

}  // namespace raie
