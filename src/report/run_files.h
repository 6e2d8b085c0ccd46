// What does a finished or unfinished comparison hold, read without touching it?
//
// Concept: run.json, the results if they have been written, and the cells that are there. Nothing
// is
//          locked or changed: a run at work may be reported on.
// Errors:  kNotFound if the folder is no run; kCorruptData for files that cannot be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/window_results.h"

namespace raie {

struct RunCell {
  std::string backbone;
  std::string point;
  std::string method;
  std::uint64_t seed = 0;
  std::filesystem::path folder;  // relative to the run

  bool operator==(const RunCell&) const = default;
};

class RunFiles {
 public:
  explicit RunFiles(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  const nlohmann::ordered_json& identity() const { return identity_; }  // run.json
  // results.json; {"rows": []} if it is not there yet.
  const nlohmann::ordered_json& results() const { return results_; }
  bool has_results() const { return has_results_; }
  const std::vector<RunCell>& cells() const { return cells_; }  // by path, seeds ascending

  bool Has(const std::filesystem::path& relative) const;
  nlohmann::ordered_json LoadJson(const std::filesystem::path& relative) const;

  // The set of windows that methods are judged on: T, next, test.
  std::string judged_part() const;

  // Returns the cell of another method that differs in nothing else.
  std::optional<RunCell> Beside(const RunCell& cell, const std::string& method) const;

  // Returns the results of a cell's windows; nullopt if it has no such part.
  std::optional<WindowResults> LoadWindows(const RunCell& cell, const std::string& part) const;

 private:
  void FindCells();

  std::filesystem::path path_;
  nlohmann::ordered_json identity_;
  nlohmann::ordered_json results_;
  bool has_results_ = false;
  std::vector<RunCell> cells_;
};

// The rows of results.json that say something, those of the base point first if there are any.
std::vector<const nlohmann::ordered_json*> FinishedRows(const nlohmann::ordered_json& results);
std::vector<const nlohmann::ordered_json*> BaseRows(const nlohmann::ordered_json& results);

}  // namespace raie
