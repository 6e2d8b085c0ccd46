// What is on disk of a comparison, and may it be gone on with?
//
// Concept: a folder that grows cell by cell; every file and cell appears whole or not at all, so
//          that a run may be killed at any time. run.json says which data and settings all cells
//          share: a run with others is refused once there is work in the folder; more methods,
//          backbones, seeds or sweeps are welcome. docs/formats.md.
// Errors:  kInvalidArgument if the folder is of another run (what differs is named with both
//          values) or of something else; kCorruptData for a file that is no JSON; kUnavailable if
//          another process is at it.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/file_lock.h"

namespace raie {

// Reads one JSON file of a run.
nlohmann::ordered_json LoadRunJson(const std::filesystem::path& path);

class RunFolder {
 public:
  // Makes the folder, or opens it if it is of the run that `identity` describes.
  RunFolder(const std::filesystem::path& path, const nlohmann::ordered_json& identity);

  const std::filesystem::path& path() const { return path_; }
  bool HasWork() const;  // fits, choices or cells
  bool Has(const std::filesystem::path& relative) const;
  nlohmann::ordered_json LoadJson(const std::filesystem::path& relative) const;
  void SaveJson(const std::filesystem::path& relative, const nlohmann::ordered_json& json) const;
  void SaveText(const std::filesystem::path& relative, const std::string& text) const;

 private:
  std::filesystem::path path_;
  FileLock lock_;
};

}  // namespace raie
