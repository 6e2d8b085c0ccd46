#include "compare/run_folder.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/output_folder.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr char kIdentity[] = "run.json";
constexpr char kTimes[] = "times.json";

// What differs, as "edit.epochs (3, now 1)": the first few, "" if nothing does.
std::string Differences(const nlohmann::json& begun, const nlohmann::json& now) {
  constexpr std::int64_t kMost = 4;
  const std::string_view configuration = "configuration.";
  const nlohmann::json there = begun.flatten();
  const nlohmann::json here = now.flatten();
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const auto& [pointer, value] : there.items()) all[pointer] = {value.dump(), "nothing"};
  for (const auto& [pointer, value] : here.items()) {
    all.try_emplace(pointer, "nothing", "").first->second.second = value.dump();
  }
  std::string text;
  std::int64_t count = 0;
  for (const auto& [pointer, values] : all) {
    if (values.first == values.second || ++count > kMost) continue;
    std::string path = pointer.substr(1);
    std::ranges::replace(path, '/', '.');
    if (path.starts_with(configuration)) path.erase(0, configuration.size());
    text +=
        (text.empty() ? "" : ", ") + path + " (" + values.first + ", now " + values.second + ")";
  }
  if (count > kMost) text += " and " + std::to_string(count - kMost) + " more";
  return text;
}

fs::path MadeFolder(const fs::path& path) {
  CheckIsOfKind(path, kIdentity);
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw Error(ErrorCode::kIo, "cannot make folder " + path.string() + ": " + error.message());
  }
  return path;
}

// What a killed run was writing when it died.
void RemoveUnfinished(const fs::path& folder) {
  std::vector<fs::path> unfinished;
  for (auto at = fs::recursive_directory_iterator(folder); at != fs::end(at); ++at) {
    if (at->path().filename().string().find(kPartial) == std::string::npos) continue;
    unfinished.push_back(at->path());
    at.disable_recursion_pending();
  }
  for (const fs::path& path : unfinished) fs::remove_all(path);
}

}  // namespace

nlohmann::ordered_json LoadRunJson(const fs::path& path) {
  try {
    return nlohmann::ordered_json::parse(ReadFile(path));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kCorruptData, path.string() + ": " + error.what() +
                                             "; remove the folder it lies in and run again");
  }
}

RunFolder::RunFolder(const fs::path& path, const nlohmann::ordered_json& identity)
    : path_(MadeFolder(path)), lock_(path_, "run") {
  RemoveUnfinished(path_);
  if (!Has(kIdentity)) {
    SaveJson(kIdentity, identity);
    return;
  }
  const std::string differences = Differences(LoadJson(kIdentity), identity);
  if (differences.empty()) return;
  if (!HasWork()) {  // only planned so far
    fs::remove(path_ / kTimes);
    SaveJson(kIdentity, identity);
    return;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "the run in " + path_.string() + " was begun with other settings: " + differences +
                  "; give the settings it was begun with, or another --output");
}

bool RunFolder::HasWork() const { return Has("fits") || Has("tuning") || Has("cells"); }

bool RunFolder::Has(const fs::path& relative) const { return fs::exists(path_ / relative); }

nlohmann::ordered_json RunFolder::LoadJson(const fs::path& relative) const {
  return LoadRunJson(path_ / relative);
}

void RunFolder::SaveJson(const fs::path& relative, const nlohmann::ordered_json& json) const {
  SaveText(relative, json.dump(2) + "\n");
}

void RunFolder::SaveText(const fs::path& relative, const std::string& text) const {
  fs::create_directories((path_ / relative).parent_path());
  WriteFileAtomically(path_ / relative, text);
}

}  // namespace raie
