// How are raw ids and titles of items kept beside a model?
//
// Concept: one file a column: "raie-names-1\n", the number of names (64 bits, little endian), the
//          end of each name in the bytes that follow, the bytes. docs/formats.md.
// Errors:  kCorruptData for a file that is not such a column, kNotFound, kIo.
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/interaction_log.h"

namespace raie {

void SaveNames(const std::filesystem::path& path, const StringTable& names);
StringTable LoadNames(const std::filesystem::path& path);

}  // namespace raie
