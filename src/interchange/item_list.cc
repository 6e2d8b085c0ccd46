#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/files.h"
#include "interchange/checkpoint.h"
#include "raie/error.h"
#include "text/utf8.h"

namespace raie {

std::vector<std::string> ReadItemList(const std::filesystem::path& path) {
  const std::string text = ReadFile(path);
  std::vector<std::string> ids;
  std::unordered_map<std::string_view, std::int64_t> line_of;
  const auto refuse = [&](std::int64_t line, const std::string& what) {
    throw Error(ErrorCode::kCorruptData, path.string() + ":" + std::to_string(line) + ": " + what);
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view id = std::string_view(text).substr(at, end - at);
    if (id.ends_with('\r')) id.remove_suffix(1);
    const auto line = static_cast<std::int64_t>(ids.size()) + 1;
    if (id.empty()) {
      refuse(line, "an empty line where the raw id of an item row was expected, one a line");
    }
    if (FindInvalidUtf8(id).has_value()) {
      refuse(line, "the id is not valid UTF-8; convert the file first: iconv -t UTF-8");
    }
    const auto [found, fresh] = line_of.emplace(id, line);
    if (!fresh) {
      refuse(line, "item \"" + std::string(id) + "\" is there already, in line " +
                       std::to_string(found->second) + "; each item row needs an id of its own");
    }
    ids.emplace_back(id);
    at = end + 1;
  }
  if (ids.empty()) refuse(1, "no item ids; expected one a line, in the order of the item rows");
  return ids;
}

}  // namespace raie
