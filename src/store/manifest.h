// How does a folder of files know that none of them was cut short or changed?
//
// Concept: a manifest is a JSON file whose first member is the digest of its own bytes (computed
//          with the digest's digits set to 0), and which lists size and digest of every file it
//          vouches for. Changing any byte of any of them is detected when the folder is opened.
// Errors:  kCorruptData, naming the file, what was found and what was expected; kNotFound.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace raie {

// Writes `content` (an object without "digest" and "files") as a manifest of all files below
// `folder`, which is written to but not committed here. Returns the manifest's digest.
std::string SaveManifest(const std::filesystem::path& folder, const std::string& name,
                         nlohmann::ordered_json content);

// The same, vouching only for files below folder/`subfolder`.
std::string SaveManifest(const std::filesystem::path& folder, const std::string& name,
                         const std::string& subfolder, nlohmann::ordered_json content);

// Reads a manifest and checks its own digest.
nlohmann::ordered_json LoadManifest(const std::filesystem::path& folder, const std::string& name);

// Checks size and digest of one file the manifest lists (relative to `folder`).
void CheckFile(const std::filesystem::path& folder, const nlohmann::ordered_json& manifest,
               const std::string& relative);

// Checks size and digest of every file the manifest lists.
void CheckFiles(const std::filesystem::path& folder, const nlohmann::ordered_json& manifest);

// Replaces every file of `folder` whose size and digest equal those of the same file listed in
// `older` by a hard link to it (or leaves the copy where the file system has no links).
void ShareUnchanged(const std::filesystem::path& folder, const std::filesystem::path& older_folder,
                    const nlohmann::ordered_json& older);

}  // namespace raie
