#include "base/output_folder.h"

#include "raie/error.h"

namespace raie {
namespace {

bool IsFree(const std::filesystem::path& folder) {
  if (folder.empty()) throw Error(ErrorCode::kInvalidArgument, "the output folder has no name");
  if (!std::filesystem::exists(folder)) return true;
  return std::filesystem::is_directory(folder) && std::filesystem::is_empty(folder);
}

}  // namespace

void CheckMayReplace(const std::filesystem::path& folder, const std::string& marker) {
  if (IsFree(folder)) return;
  if (std::filesystem::is_directory(folder) && std::filesystem::exists(folder / marker)) return;
  throw Error(ErrorCode::kInvalidArgument,
              folder.string() + " exists and is something else (it has no " + marker +
                  "), so it is not replaced; give another output folder");
}

void CheckIsFree(const std::filesystem::path& folder, const std::string& rule) {
  if (IsFree(folder)) return;
  throw Error(ErrorCode::kInvalidArgument,
              folder.string() + " exists; " + rule + ": give another name, or remove it first");
}

}  // namespace raie
