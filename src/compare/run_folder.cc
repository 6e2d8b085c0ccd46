#include "compare/run_folder.h"

#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "base/files.h"
#include "base/output_folder.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr char kIdentity[] = "run.json";

// The path of the first value that differs, "" if none does.
std::string FirstDifference(const nlohmann::json& a, const nlohmann::json& b) {
  const nlohmann::json patch = nlohmann::json::diff(a, b);
  if (patch.empty()) return "";
  std::string path = patch[0].at("path").get<std::string>().substr(1);
  for (char& c : path) c = c == '/' ? '.' : c;
  return path;
}

fs::path MadeFolder(const fs::path& path) {
  CheckMayReplace(path, kIdentity);
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
    if (at->path().filename().string().find(".partial.") == std::string::npos) continue;
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
  const std::string difference = FirstDifference(LoadJson(kIdentity), identity);
  if (difference.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              "the run in " + path_.string() + " was begun with another " + difference +
                  "; give the settings it was begun with, or another --output");
}

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
