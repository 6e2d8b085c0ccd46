// Small files and archives for the tests of the readers.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "data/log_fixture.h"
#include "data/read_log.h"
#include "raie/error.h"

namespace raie::testing {

inline constexpr std::int64_t kNow = 1'800'000'000;  // of the tests

inline std::string WriteFile(const TemporaryFolder& folder, const std::string& name,
                             const std::string& text) {
  const std::filesystem::path path = folder / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

enum class ArchiveKind { kGzip, kXz, kZip, kTar, kTarGzip, kTarXz };

// Writes members (name, text); .gz and .xz take one.
inline std::string WriteArchive(const TemporaryFolder& folder, const std::string& name,
                                ArchiveKind kind,
                                const std::vector<std::pair<std::string, std::string>>& members) {
  const std::string path = (folder / name).string();
  archive* a = archive_write_new();
  if (kind == ArchiveKind::kZip) archive_write_set_format_zip(a);
  if (kind == ArchiveKind::kGzip || kind == ArchiveKind::kXz) archive_write_set_format_raw(a);
  if (kind == ArchiveKind::kTar || kind == ArchiveKind::kTarGzip || kind == ArchiveKind::kTarXz) {
    archive_write_set_format_pax_restricted(a);
  }
  if (kind == ArchiveKind::kGzip || kind == ArchiveKind::kTarGzip) archive_write_add_filter_gzip(a);
  if (kind == ArchiveKind::kXz || kind == ArchiveKind::kTarXz) archive_write_add_filter_xz(a);
  EXPECT_EQ(archive_write_open_filename(a, path.c_str()), ARCHIVE_OK);
  for (const auto& [member, text] : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.c_str());
    archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    EXPECT_EQ(archive_write_header(a, entry), ARCHIVE_OK);
    EXPECT_EQ(archive_write_data(a, text.data(), text.size()),
              static_cast<la_ssize_t>(text.size()));
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(a), ARCHIVE_OK);
  archive_write_free(a);
  return path;
}

// One event as it was in the file.
struct RawEvent {
  std::string user;
  std::string item;
  float rating;  // -1: the log has none
  std::int64_t time;

  bool operator==(const RawEvent&) const = default;
  friend void PrintTo(const RawEvent& event, std::ostream* out) {
    *out << event.user << "|" << event.item << "|" << event.rating << "|" << event.time;
  }
};

inline std::vector<RawEvent> EventsOf(const InteractionLog& log) {
  std::vector<RawEvent> events;
  for (std::size_t e = 0; e < log.users.size(); ++e) {
    events.push_back({std::string(log.user_ids[Index(log.users[e])]),
                      std::string(log.item_ids[Index(log.items[e])]),
                      log.ratings.empty() ? -1 : log.ratings[e], Seconds(log.times[e])});
  }
  return events;
}

inline ReadResult Read(const std::string& input, ReadOptions options = {}, int threads = 2) {
  if (options.now == 0) options.now = kNow;
  TaskPool pool(threads);
  return ReadLog({input}, options, pool);
}

// Returns the message of the error that reading throws, or "".
inline std::string ErrorOfReading(const std::string& input, const ReadOptions& options = {},
                                  std::optional<ErrorCode> code = std::nullopt) {
  try {
    (void)Read(input, options);
  } catch (const Error& error) {
    const ErrorCode expected = code.value_or(error.code());
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(expected)) << error.what();
    return error.what();
  }
  return "";
}

// Returns a folder of the shared data sets, or nullopt where they are not at hand.
inline std::optional<std::filesystem::path> SharedData(const std::string& name) {
  const char* const said = std::getenv("RAIE_SHARED_DIR");
  if (said != nullptr) {
    const std::filesystem::path path = std::filesystem::path(said) / "data" / name;
    return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
  }
  for (std::filesystem::path folder = std::filesystem::current_path();;
       folder = folder.parent_path()) {
    const std::filesystem::path path = folder / "shared" / "data" / name;
    if (std::filesystem::exists(path)) return path;
    if (folder == folder.root_path()) return std::nullopt;
  }
}

}  // namespace raie::testing
