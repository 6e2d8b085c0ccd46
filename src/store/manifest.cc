#include "store/manifest.h"

#include <algorithm>
#include <vector>

#include "base/files.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigits = 32;
constexpr char kFirst[] = "{\n  \"digest\": \"";  // how every manifest begins

[[noreturn]] void Corrupt(const fs::path& path, const std::string& what) {
  throw Error(ErrorCode::kCorruptData,
              path.string() + ": " + what +
                  "; the file was cut short or changed: restore it from a copy or make it again");
}

std::string OwnDigest(std::string text) {
  std::fill_n(text.begin() + (sizeof kFirst - 1), kDigits, '0');
  return DigestOf(std::as_bytes(std::span(text)));
}

std::vector<fs::path> FilesBelow(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::string SaveManifest(const fs::path& folder, const std::string& name,
                         const std::string& subfolder, nlohmann::ordered_json content) {
  nlohmann::ordered_json manifest;
  manifest["digest"] = std::string(kDigits, '0');
  manifest.update(content);
  auto& files = manifest["files"] = nlohmann::ordered_json::object();
  for (const fs::path& file : FilesBelow(folder / subfolder)) {
    const std::string relative = fs::relative(file, folder).generic_string();
    if (relative == name) continue;
    files[relative] = {{"bytes", fs::file_size(file)}, {"digest", DigestOfFile(file)}};
  }
  std::string text = manifest.dump(2) + "\n";
  const std::string digest = OwnDigest(text);
  text.replace(sizeof kFirst - 1, kDigits, digest);
  WriteFileAtomically(folder / name, text);
  return digest;
}

std::string SaveManifest(const fs::path& folder, const std::string& name,
                         nlohmann::ordered_json content) {
  return SaveManifest(folder, name, ".", std::move(content));
}

nlohmann::ordered_json LoadManifest(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  const std::string text = ReadFile(path);
  const std::size_t begin = sizeof kFirst - 1;
  if (text.size() < begin + kDigits || !text.starts_with(kFirst)) {
    Corrupt(path, "does not begin with its digest");
  }
  if (OwnDigest(text) != text.substr(begin, kDigits)) {
    Corrupt(path, "does not have the digest it states");
  }
  try {
    return nlohmann::ordered_json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    Corrupt(path, error.what());
  }
}

void CheckFile(const fs::path& folder, const nlohmann::ordered_json& manifest,
               const std::string& relative) {
  const fs::path path = folder / relative;
  const auto expected = manifest.at("files").find(relative);
  if (expected == manifest.at("files").end()) Corrupt(path, "is not listed in its manifest");
  std::error_code error;
  const auto bytes = fs::file_size(path, error);
  if (error) Corrupt(path, "is missing (" + error.message() + ")");
  const auto wanted = expected->at("bytes").get<std::uintmax_t>();
  if (bytes != wanted) {
    Corrupt(path, "has " + std::to_string(bytes) + " bytes where " + std::to_string(wanted) +
                      " were written");
  }
  if (DigestOfFile(path) != expected->at("digest").get<std::string>()) {
    Corrupt(path, "does not hold what was written (digests differ)");
  }
}

void CheckFiles(const fs::path& folder, const nlohmann::ordered_json& manifest) {
  for (const auto& [relative, expected] : manifest.at("files").items()) {
    CheckFile(folder, manifest, relative);
  }
}

void ShareUnchanged(const fs::path& folder, const fs::path& older_folder,
                    const nlohmann::ordered_json& older) {
  for (const fs::path& file : FilesBelow(folder)) {
    const std::string relative = fs::relative(file, folder).generic_string();
    const auto found = older.at("files").find(relative);
    if (found == older.at("files").end()) continue;
    if (found->at("bytes").get<std::uintmax_t>() != fs::file_size(file)) continue;
    if (found->at("digest").get<std::string>() != DigestOfFile(file)) continue;
    fs::path linked = file;
    linked += ".link";
    std::error_code error;
    fs::create_hard_link(older_folder / relative, linked, error);
    if (!error) fs::rename(linked, file);
  }
}

}  // namespace raie
