// Where are data and models that are shared by development machines and never committed?
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace raie::testing {

// Returns the folder of that name in RAIE_SHARED_DIR, or in the folder `shared` of the current
// folder or one above it; nothing where there is none.
inline std::optional<std::filesystem::path> SharedFolder(const std::string& name) {
  if (const char* named = std::getenv("RAIE_SHARED_DIR")) {
    const std::filesystem::path folder = std::filesystem::path(named) / name;
    if (std::filesystem::exists(folder)) return folder;
    return std::nullopt;
  }
  for (auto above = std::filesystem::current_path();; above = above.parent_path()) {
    const std::filesystem::path folder = above / "shared" / name;
    if (std::filesystem::exists(folder)) return folder;
    if (above == above.parent_path()) return std::nullopt;
  }
}

}  // namespace raie::testing
