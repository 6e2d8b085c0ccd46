#include "report/run_files.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "compare/run_folder.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr char kSeedPrefix[] = "seed-";

std::vector<fs::path> FoldersIn(const fs::path& folder) {
  std::vector<fs::path> folders;
  if (!fs::is_directory(folder)) return folders;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory()) folders.push_back(entry.path());
  }
  return folders;
}

std::optional<std::uint64_t> SeedOf(const std::string& name) {
  if (!name.starts_with(kSeedPrefix)) return std::nullopt;
  std::uint64_t seed = 0;
  const char* begin = name.data() + sizeof kSeedPrefix - 1;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(begin, end, seed);
  if (parsed.ptr != end || begin == end) return std::nullopt;
  return seed;
}

}  // namespace

RunFiles::RunFiles(fs::path path) : path_(std::move(path)) {
  if (!Has("run.json")) {
    throw Error(ErrorCode::kNotFound,
                path_.string() +
                    (fs::exists(path_) ? " is not the run of a comparison (it has no run.json)"
                                       : " does not exist") +
                    "; make one with raie compare --output " + path_.string());
  }
  identity_ = LoadJson("run.json");
  if (identity_.value("format", "") != "raie-comparison") {
    throw Error(ErrorCode::kCorruptData,
                (path_ / "run.json").string() + " is not that of a comparison");
  }
  has_results_ = Has("results.json");
  results_ = has_results_ ? LoadJson("results.json") : Json{{"rows", Json::array()}};
  FindCells();
}

void RunFiles::FindCells() {
  for (const fs::path& backbone : FoldersIn(path_ / "cells")) {
    for (const fs::path& point : FoldersIn(backbone)) {
      for (const fs::path& method : FoldersIn(point)) {
        for (const fs::path& seed : FoldersIn(method)) {
          const auto number = SeedOf(seed.filename().string());
          if (!number.has_value() || !fs::exists(seed / "cell.json")) continue;
          cells_.push_back({backbone.filename().string(), point.filename().string(),
                            method.filename().string(), *number, seed.lexically_relative(path_)});
        }
      }
    }
  }
  std::ranges::sort(cells_, {}, [](const RunCell& cell) {
    return std::tie(cell.backbone, cell.point, cell.method, cell.seed);
  });
}

bool RunFiles::Has(const fs::path& relative) const { return fs::exists(path_ / relative); }

Json RunFiles::LoadJson(const fs::path& relative) const { return LoadRunJson(path_ / relative); }

std::string RunFiles::judged_part() const {
  const std::string protocol = identity_.value("protocol", "");
  return protocol == "stream" ? "next" : protocol == "leave-last-out" ? "test" : "T";
}

std::optional<RunCell> RunFiles::Beside(const RunCell& cell, const std::string& method) const {
  const auto found = std::ranges::find_if(cells_, [&](const RunCell& other) {
    return other.backbone == cell.backbone && other.point == cell.point && other.method == method &&
           other.seed == cell.seed;
  });
  if (found == cells_.end()) return std::nullopt;
  return *found;
}

std::optional<WindowResults> RunFiles::LoadWindows(const RunCell& cell,
                                                   const std::string& part) const {
  const fs::path file = cell.folder / (part + ".windows");
  if (!Has(file)) return std::nullopt;
  return LoadWindowResults(path_ / file);
}

std::vector<const Json*> FinishedRows(const Json& results) {
  std::vector<const Json*> rows;
  for (const Json& row : results.at("rows")) {
    if (row.value("seeds", 0) > 0) rows.push_back(&row);
  }
  return rows;
}

std::vector<const Json*> BaseRows(const Json& results) {
  std::vector<const Json*> rows = FinishedRows(results);
  std::erase_if(rows, [](const Json* row) { return row->at("point") != "base"; });
  return rows;
}

}  // namespace raie
