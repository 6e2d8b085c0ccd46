// How is the editor's state kept: regions, calibration and the windows waiting for an Add?
//
// Concept: regions.json holds the numbers (exact: shortest decimal that reads back the same),
//          regions.safetensors the vectors: `centres` [K, D] and `buffer` [M, D].
// Errors:  kCorruptData if the two do not fit together, or regions break a rule of CheckRegions.
#pragma once

#include <filesystem>

#include "regions/region_set.h"

namespace raie {

void SaveEditorState(const std::filesystem::path& folder, const EditorState& state);
EditorState LoadEditorState(const std::filesystem::path& folder);

}  // namespace raie
