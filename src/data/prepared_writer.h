// How is a prepared data set written?
//
// Concept: the two event columns are written in place, block of users by block of users, from a
//          callback that copies one user's events, so no second copy of the data is made. The
//          digests of the slices (lineage) are taken on the way.
// Source:  docs/formats.md.
// Errors:  kIo. The caller commits the folder (AtomicDirectory).
// Threads: same bytes for any number.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/task_pool.h"
#include "data/interaction_log.h"

namespace raie {

struct PreparedContent {
  int num_slices = 0;
  std::vector<std::int64_t> starts;       // [users * slices + 1]: first row by (user, slice)
  std::vector<std::int64_t> users_after;  // [slices]: users of slices 0..i
  std::vector<std::int64_t> items_after;  // [slices]: catalogue after slice i
  std::vector<std::int64_t> item_times;   // [items]: time of the first event
  StringTable user_ids;
  StringTable item_ids;
  StringTable titles;       // empty: the data has none
  StringTable categories;   // empty: the data has none
  nlohmann::json manifest;  // options, report, cuts; the writer adds counts, files and digests
  // Writes all events of one user, in order.
  std::function<void(std::int64_t user, std::int32_t* items, std::int64_t* times)> copy_events;

  std::int64_t num_users() const { return users_after.back(); }
  std::int64_t num_items() const { return items_after.back(); }
};

inline constexpr const char* kPreparedFormat = "raie-prepared";
inline constexpr int kPreparedVersion = 1;

// Returns the digest after each slice.
std::vector<std::string> WritePrepared(const PreparedContent& content,
                                       const std::filesystem::path& folder, TaskPool& pool);

// Returns the digest of the manifest without its own digest.
std::string ManifestDigest(nlohmann::json manifest);

}  // namespace raie
