// May a folder be written at this place?
//
// Concept: what is there is replaced only if it is of the same kind (it holds `marker`) or empty,
//          or not at all, so that a slip of the hand never costs a folder of something else.
// Errors:  kInvalidArgument.
#pragma once

#include <filesystem>
#include <string>

namespace raie {

void CheckMayReplace(const std::filesystem::path& folder, const std::string& marker);

// Throws if there is anything but an empty folder; `rule` says why that is so ("a model is never
// overwritten").
void CheckIsFree(const std::filesystem::path& folder, const std::string& rule);

}  // namespace raie
