// May a folder be written at this place?
//
// Concept: what is there is written to only if it is of the same kind (it holds `marker`) or empty,
//          replaced only if besides nothing is in it that the program has not made, or not at all,
//          so that a slip of the hand never costs somebody's files.
// Errors:  kInvalidArgument.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace raie {

// Throws if there is anything but an empty folder or one that holds `marker`.
void CheckIsOfKind(const std::filesystem::path& folder, const std::string& marker);

// As above, for a folder that is replaced as a whole: throws, too, if it holds anything but the
// marker, the `files` the marker names (a JSON object with such a member) and `others`, if the
// place is one that cannot be replaced (a mounted file system, the current folder).
void CheckMayReplace(const std::filesystem::path& folder, const std::string& marker,
                     std::span<const char* const> others = {});

// Throws if there is anything but an empty folder; `rule` says why that is so ("a model is never
// overwritten").
void CheckIsFree(const std::filesystem::path& folder, const std::string& rule);

}  // namespace raie
