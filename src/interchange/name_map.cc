#include "interchange/name_map.h"

#include <toml++/toml.h>

#include <charconv>
#include <sstream>

#include "base/files.h"
#include "base/options.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::string_view kBlockMark = "{b}";

class MapReader {
 public:
  MapReader(const std::filesystem::path& path, NameMap& map) : file_(path.string()), map_(map) {}

  void Read(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (name == "about") {
        map_.about = Text(node, name);
      } else if (name == "files") {
        ReadFiles(Table(node, name));
      } else if (name == "backbone") {
        ReadSettings(Table(node, name), "backbone.");
      } else if (name == "tensors") {
        for (const auto& [target, rule] : Table(node, name)) {
          map_.rules.push_back(ReadRule(std::string(target.str()), rule));
        }
      } else if (name == "ignore") {
        map_.ignored = Texts(node, name);
      } else {
        Unknown(node, name, {"about", "files", "backbone", "tensors", "ignore"});
      }
    }
    if (map_.rules.empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  file_ +
                      ": no [tensors]: a name map says which tensor is which parameter "
                      "(docs/formats.md; examples in configs/import)");
    }
  }

 private:
  std::string Place(const toml::node& node) const {
    return file_ + ":" + std::to_string(node.source().begin.line);
  }

  [[noreturn]] void Refuse(const toml::node& node, const std::string& what) const {
    throw Error(ErrorCode::kInvalidArgument, Place(node) + ": " + what);
  }

  [[noreturn]] void Unknown(const toml::node& node, const std::string& name,
                            const std::vector<std::string>& known) const {
    const std::string nearest = NearestName(name, known);
    std::string all;
    for (const std::string& other : known) all += (all.empty() ? "" : ", ") + other;
    Refuse(node,
           "unknown key '" + name + "'" +
               (nearest.empty() ? "; there are " + all : "; did you mean '" + nearest + "'?"));
  }

  const toml::table& Table(const toml::node& node, const std::string& name) const {
    const auto* table = node.as_table();
    if (table == nullptr) Refuse(node, name + ": expected a table of keys");
    return *table;
  }

  std::string Text(const toml::node& node, const std::string& name) const {
    const auto* text = node.as_string();
    if (text == nullptr) Refuse(node, name + ": expected a text in quotes");
    return text->get();
  }

  // One text or a list of them.
  std::vector<std::string> Texts(const toml::node& node, const std::string& name) const {
    const auto* list = node.as_array();
    if (list == nullptr) return {Text(node, name)};
    std::vector<std::string> texts;
    for (const auto& one : *list) texts.push_back(Text(one, name));
    if (texts.empty()) Refuse(node, name + ": an empty list");
    return texts;
  }

  bool Flag(const toml::node& node, const std::string& name) const {
    const auto* flag = node.as_boolean();
    if (flag == nullptr) Refuse(node, name + ": expected true or false");
    return flag->get();
  }

  void ReadFiles(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (name == "weights") {
        map_.weights = Texts(node, name);
      } else if (name == "items") {
        map_.items = Text(node, name);
      } else if (name == "prefix") {
        map_.prefix = Text(node, name);
      } else {
        Unknown(node, name, {"weights", "items", "prefix"});
      }
    }
  }

  // Keys are checked where settings are used, as those of any file.
  void ReadSettings(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string path = prefix + std::string(key.str());
      if (const auto* inner = node.as_table()) {
        ReadSettings(*inner, path + ".");
      } else if (const auto* text = node.as_string()) {
        map_.settings.push_back({path, text->get(), Place(node)});
      } else {
        std::ostringstream value;
        value << toml::node_view<const toml::node>(&node);
        map_.settings.push_back({path, value.str(), Place(node)});
      }
    }
  }

  TensorRule ReadRule(const std::string& target, const toml::node& node) const {
    TensorRule rule{.target = target, .place = Place(node)};
    if (const auto* text = node.as_string()) {
      rule.source = text->get();
    } else {
      bool fills = false;
      for (const auto& [key, value] : Table(node, "'" + target + "'")) {
        const std::string name(key.str());
        if (name == "from") {
          rule.source = Text(value, name);
        } else if (name == "transpose") {
          rule.transpose = Flag(value, name);
        } else if (name == "reverse") {
          rule.reverse = Flag(value, name);
        } else if (name == "rows") {
          ReadRange(value, rule);
        } else if (name == "part") {
          ReadPart(value, rule);
        } else if (name == "fill") {
          const auto number = value.value<double>();
          if (!number.has_value()) Refuse(value, "fill: expected a number");
          rule.fill = static_cast<float>(*number);
          fills = true;
        } else {
          Unknown(value, name, {"from", "transpose", "part", "rows", "reverse", "fill"});
        }
      }
      if (fills == !rule.source.empty()) {
        Refuse(node, "'" + target + "': give either from = \"TENSOR\" or fill = NUMBER");
      }
    }
    const bool per_block = rule.target.find(kBlockMark) != std::string::npos;
    if (!rule.source.empty() && per_block != (rule.source.find(kBlockMark) != std::string::npos)) {
      Refuse(node, "'" + target +
                       "': {b}, the number of the block, must stand in both names or in "
                       "none (the other is '" +
                       rule.source + "')");
    }
    return rule;
  }

  void ReadRange(const toml::node& node, TensorRule& rule) const {
    const std::string text = Text(node, "rows");
    const std::size_t colon = text.find(':');
    const auto number = [&](std::string_view digits) -> std::optional<std::int64_t> {
      if (digits.empty()) return std::nullopt;
      std::int64_t value = 0;
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), value);
      if (error != std::errc() || end != digits.data() + digits.size()) BadRange(node, text);
      return value;
    };
    if (colon == std::string::npos) BadRange(node, text);
    rule.begin = number(std::string_view(text).substr(0, colon));
    rule.end = number(std::string_view(text).substr(colon + 1));
  }

  [[noreturn]] void BadRange(const toml::node& node, const std::string& text) const {
    Refuse(node, "rows = \"" + text +
                     "\": expected \"BEGIN:END\", each a whole number or nothing, negative ones "
                     "counted from the end (\"1:\", \"1:-1\", \"-1:\")");
  }

  void ReadPart(const toml::node& node, TensorRule& rule) const {
    const auto* pair = node.as_array();
    std::optional<std::int64_t> part, parts;
    if (pair != nullptr && pair->size() == 2) {
      part = (*pair)[0].value<std::int64_t>();
      parts = (*pair)[1].value<std::int64_t>();
    }
    if (!part || !parts || *part < 0 || *parts < 1 || *part >= *parts) {
      Refuse(node,
             "part: expected [NUMBER, PARTS] with 0 <= NUMBER < PARTS, as [0, 3] for the "
             "first of three");
    }
    rule.part = *part;
    rule.parts = *parts;
  }

  std::string file_;
  NameMap& map_;
};

}  // namespace

NameMap LoadNameMap(const std::filesystem::path& path) {
  NameMap map;
  map.path = path.string();
  const std::string text = ReadFile(path);
  toml::table table;
  try {
    table = toml::parse(text, map.path);
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kInvalidArgument,
                map.path + ":" + std::to_string(error.source().begin.line) +
                    ": not valid TOML: " + std::string(error.description()));
  }
  MapReader(path, map).Read(table);
  return map;
}

std::string WithBlock(std::string_view name, std::int64_t block) {
  std::string result(name);
  for (std::size_t at; (at = result.find(kBlockMark)) != std::string::npos;) {
    result.replace(at, kBlockMark.size(), std::to_string(block));
  }
  return result;
}

bool MatchesPattern(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  name.remove_prefix(star);
  for (std::size_t skip = 0; skip <= name.size(); ++skip) {
    if (MatchesPattern(pattern, name.substr(skip))) return true;
  }
  return false;
}

}  // namespace raie
