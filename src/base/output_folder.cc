#include "service/output_folder.h"

#include "raie/error.h"

namespace raie {

void CheckMayReplace(const std::filesystem::path& folder, const std::string& marker) {
  namespace fs = std::filesystem;
  if (folder.empty()) throw Error(ErrorCode::kInvalidArgument, "the output folder has no name");
  if (!fs::exists(folder)) return;
  if (fs::is_directory(folder) && (fs::is_empty(folder) || fs::exists(folder / marker))) return;
  throw Error(ErrorCode::kInvalidArgument,
              folder.string() + " exists and is something else (it has no " + marker +
                  "), so it is not replaced; give another output folder");
}

}  // namespace raie
