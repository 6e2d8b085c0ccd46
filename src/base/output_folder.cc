#include "base/output_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/files.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Refuse(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, what);
}

bool IsFree(const fs::path& folder) {
  if (folder.empty()) Refuse("the output folder has no name");
  if (!fs::exists(folder)) return true;
  return fs::is_directory(folder) && fs::is_empty(folder);
}

// A folder is put in place by renaming, which these do not allow.
void CheckCanBeRenamed(const fs::path& folder) {
  if (!fs::exists(folder)) return;
  const fs::path place = fs::canonical(folder);
  if (place == fs::current_path()) {
    Refuse(folder.string() + " is the current folder, which cannot be put in place as a whole; " +
           "run the command from another one");
  }
  struct stat own {};
  struct stat above {};
  if (::stat(place.c_str(), &own) != 0 || ::stat(place.parent_path().c_str(), &above) != 0) return;
  if (own.st_dev != above.st_dev) {
    Refuse(folder.string() + " is where another file system is mounted, which cannot be put in " +
           "place as a whole; give a folder below it, such as " + (folder / "data").string());
  }
}

// Names in the folder that neither the marker names nor the caller knows.
std::vector<std::string> ForeignNames(const fs::path& folder, const std::string& marker,
                                      std::span<const char* const> others) {
  const auto about = nlohmann::json::parse(ReadFile(folder / marker), nullptr, false);
  if (!about.is_object() || !about.contains("files")) {
    Refuse(folder.string() + ": " + marker + " is damaged, so nobody can say what else is in " +
           "there; remove the folder first, or give another one");
  }
  std::vector<std::string> foreign;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool known = name == marker || about.at("files").contains(name) ||
                       std::ranges::find(others, name) != others.end();
    if (!known) foreign.push_back(name);
  }
  std::ranges::sort(foreign);
  return foreign;
}

}  // namespace

void CheckIsOfKind(const fs::path& folder, const std::string& marker) {
  if (IsFree(folder)) return;
  if (fs::is_directory(folder) && fs::exists(folder / marker)) return;
  Refuse(folder.string() + " exists and is something else (it has no " + marker +
         "), so it is not replaced; give another output folder");
}

void CheckMayReplace(const fs::path& folder, const std::string& marker,
                     std::span<const char* const> others) {
  CheckIsOfKind(folder, marker);
  CheckCanBeRenamed(folder);
  if (IsFree(folder)) return;
  const std::vector<std::string> foreign = ForeignNames(folder, marker, others);
  if (foreign.empty()) return;
  const std::string more =
      foreign.size() == 1 ? "" : " and " + std::to_string(foreign.size() - 1) + " more";
  Refuse(folder.string() + " also holds " + foreign[0] + more +
         ", which would be lost when the folder is replaced; move what is not part of it first");
}

void CheckIsFree(const fs::path& folder, const std::string& rule) {
  CheckCanBeRenamed(folder);
  if (IsFree(folder)) return;
  Refuse(folder.string() + " exists; " + rule + ": give another name, or remove it first");
}

}  // namespace raie
