#include "service/listing.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "backbones/registry.h"
#include "base/files.h"
#include "base/options.h"
#include "evaluation/protocols.h"
#include "methods/method.h"
#include "raie/error.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

template <class Infos>
std::vector<Listed> FromRegistry(const Infos& infos) {
  std::vector<Listed> list;
  for (const auto& info : infos) list.push_back({info.name, info.summary, info.source});
  return list;
}

// The first sentence of the comment a file begins with.
std::string FirstSentence(const std::string& text) {
  std::string comment;
  for (std::size_t at = 0; at < text.size() && text[at] == '#';) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::size_t begin = text.find_first_not_of("# ", at);
    if (begin < end) comment += (comment.empty() ? "" : " ") + text.substr(begin, end - begin);
    at = end + 1;
  }
  const std::size_t stop = comment.find(". ");
  return stop == std::string::npos ? comment : comment.substr(0, stop + 1);
}

fs::path ConfigsFolder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path folder = program.parent_path();
  for (const fs::path& place : {folder.parent_path() / "share" / "raie" / "configs",
                                folder.parent_path().parent_path() / "configs"}) {
    if (!error && fs::is_directory(place)) return place;
  }
  throw Error(ErrorCode::kNotFound, "the configurations are not at " +
                                        (folder.parent_path() / "share/raie/configs").string() +
                                        "; install raie again, or name your own with --config");
}

}  // namespace

std::vector<Listed> ListConfigs(const fs::path& folder) {
  std::vector<Listed> list;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() != ".toml") continue;
    fs::path name = entry.path().lexically_relative(folder);
    name.replace_extension();
    list.push_back({name.string(), FirstSentence(ReadFile(entry.path())), entry.path().string()});
  }
  std::ranges::sort(list, {}, &Listed::name);
  return list;
}

std::vector<Listed> ListKind(std::string_view kind) {
  if (kind == "methods") return FromRegistry(Methods());
  if (kind == "backbones") return FromRegistry(Backbones());
  if (kind == "protocols") return FromRegistry(Protocols());
  if (kind == "configs") return ListConfigs(ConfigsFolder());
  const std::string nearest = NearestName(kind, {"methods", "backbones", "protocols", "configs"});
  throw Error(ErrorCode::kInvalidArgument,
              "raie list " + std::string(kind) + ": " +
                  (nearest.empty() ? "" : "did you mean " + nearest + "? ") +
                  "It lists methods, backbones, protocols or configs");
}

nlohmann::ordered_json ToJson(const std::vector<Listed>& list) {
  auto json = nlohmann::ordered_json::array();
  for (const Listed& one : list) {
    json.push_back({{"name", one.name}, {"summary", one.summary}, {"source", one.source}});
  }
  return json;
}

}  // namespace raie
