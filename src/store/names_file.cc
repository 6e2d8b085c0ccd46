#include "store/names_file.h"

#include <cstring>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::string_view kMagic = "raie-names-1\n";

}  // namespace

void SaveNames(const std::filesystem::path& path, const StringTable& names) {
  const auto count = static_cast<std::uint64_t>(names.size());
  FileWriter writer(path);
  writer.Write(kMagic);
  writer.Write(std::as_bytes(std::span(&count, 1)));
  writer.Write(std::as_bytes(std::span(names.ends())));
  writer.Write(names.bytes());
  writer.Close();
}

StringTable LoadNames(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::string_view text = file.text();
  const auto corrupt = [&path](const char* what) {
    throw Error(ErrorCode::kCorruptData, path.string() + ": not a column of names: " + what);
  };
  if (!text.starts_with(kMagic)) corrupt("wrong first bytes");
  text.remove_prefix(kMagic.size());
  std::uint64_t count = 0;
  if (text.size() < sizeof count) corrupt("no count");
  std::memcpy(&count, text.data(), sizeof count);
  text.remove_prefix(sizeof count);
  if (count > text.size() / sizeof(std::uint64_t)) corrupt("more names than bytes");
  std::vector<std::uint64_t> ends(count);
  std::memcpy(ends.data(), text.data(), count * sizeof(std::uint64_t));
  text.remove_prefix(count * sizeof(std::uint64_t));
  StringTable names;
  std::uint64_t begin = 0;
  for (const std::uint64_t end : ends) {
    if (end < begin || end > text.size()) corrupt("ends do not rise within the bytes");
    names.Add(text.substr(begin, end - begin));
    begin = end;
  }
  if (begin != text.size()) corrupt("bytes behind the last name");
  return names;
}

}  // namespace raie
