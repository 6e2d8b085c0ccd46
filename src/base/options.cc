#include "base/options.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "base/files.h"
#include "base/number_text.h"
#include "raie/error.h"

namespace raie {
namespace {

std::string FormatNumber(double value) {
  std::string text = Shortest(value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

template <class T>
std::string FormatList(const std::vector<T>& values) {
  std::string text = "[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) text += ", ";
    if constexpr (std::is_same_v<T, double>) {
      text += FormatNumber(values[i]);
    } else if constexpr (std::is_same_v<T, std::string>) {
      text += nlohmann::json(values[i]).dump();
    } else {
      text += std::to_string(values[i]);
    }
  }
  return text + "]";
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  std::size_t start = 0;
  for (;;) {
    const std::size_t comma = text.find(',', start);
    std::string_view part = text.substr(start, comma - start);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    parts.emplace_back(part);
    if (comma == std::string_view::npos) return parts;
    start = comma + 1;
  }
}

std::string JoinNames(std::span<const char* const> names) {
  std::string text;
  for (const char* name : names) text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

[[noreturn]] void Refuse(const FieldRef& field, std::string_view text, const std::string& expected,
                         std::string_view place) {
  throw Error(ErrorCode::kInvalidArgument, std::string(place) + ": " + field.path + " = '" +
                                               std::string(text) + "': expected " + expected);
}

template <class T>
T ParseNumber(const FieldRef& field, std::string_view text, std::string_view place) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    Refuse(field, text, std::is_same_v<T, double> ? "a number" : "a whole number", place);
  }
  return value;
}

const FieldRef& FindField(const FieldList& fields, std::string_view path, std::string_view place) {
  for (const FieldRef& field : fields) {
    if (field.path == path) return field;
  }
  std::vector<std::string> names;
  for (const FieldRef& field : fields) names.push_back(field.path);
  const std::string nearest = NearestName(path, names);
  throw Error(ErrorCode::kInvalidArgument,
              std::string(place) + ": unknown option '" + std::string(path) + "'" +
                  (nearest.empty() ? std::string() : "; did you mean '" + nearest + "'?"));
}

// A section without keys is not seen by FindField, yet its name must be known.
void CheckSection(const FieldList& fields, const std::string& prefix, std::string_view place) {
  for (const FieldRef& field : fields) {
    if (field.path.starts_with(prefix)) return;
  }
  FindField(fields, prefix.substr(0, prefix.size() - 1), place);
}

struct Assign {
  const FieldRef& field;
  std::string_view text;
  std::string_view place;

  void operator()(bool* value) const {
    if (text != "true" && text != "false") Refuse(field, text, "true or false", place);
    *value = text == "true";
  }
  void operator()(std::int64_t* value) const {
    *value = ParseNumber<std::int64_t>(field, text, place);
  }
  void operator()(double* value) const { *value = ParseNumber<double>(field, text, place); }
  void operator()(std::string* value) const { *value = std::string(text); }
  void operator()(std::vector<double>* value) const {
    value->clear();
    for (const std::string& part : SplitList(text)) {
      value->push_back(ParseNumber<double>(field, part, place));
    }
  }
  void operator()(std::vector<std::int64_t>* value) const {
    value->clear();
    for (const std::string& part : SplitList(text)) {
      value->push_back(ParseNumber<std::int64_t>(field, part, place));
    }
  }
  void operator()(std::vector<std::string>* value) const { *value = SplitList(text); }
  void operator()(const EnumRef& value) const {
    for (std::size_t i = 0; i < value.names.size(); ++i) {
      if (text == value.names[i]) return value.set(static_cast<int>(i));
    }
    Refuse(field, text, "one of " + JoinNames(value.names), place);
  }
};

std::string TextOf(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string text;
    for (const nlohmann::json& part : value) text += (text.empty() ? "" : ",") + TextOf(part);
    return text;
  }
  return value.dump();
}

bool IsList(const ValueRef& value) {
  return std::holds_alternative<std::vector<double>*>(value) ||
         std::holds_alternative<std::vector<std::int64_t>*>(value) ||
         std::holds_alternative<std::vector<std::string>*>(value);
}

void AssignJson(const FieldRef& field, const nlohmann::json& value, std::string_view place) {
  if (value.is_array() && !IsList(field.value)) {
    Refuse(field, value.dump(), "a single value", place);
  }
  if (auto* list = std::get_if<std::vector<std::string>*>(&field.value); list && value.is_array()) {
    (*list)->clear();  // strings may hold commas, so they are not taken apart again
    for (const nlohmann::json& part : value) (*list)->push_back(TextOf(part));
    return;
  }
  std::visit(Assign{field, TextOf(value), place}, field.value);
}

std::string TextOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto* number = node.as_floating_point()) return FormatNumber(number->get());
  std::ostringstream text;
  text << toml::node_view<const toml::node>(&node);
  return text.str();
}

void SetFromTable(const FieldList& fields, const toml::table& table, const std::string& prefix,
                  const std::string& file) {
  for (const auto& [key, node] : table) {
    const std::string path = prefix + std::string(key.str());
    const std::string place = file + ":" + std::to_string(node.source().begin.line);
    if (const auto* inner = node.as_table()) {
      if (inner->empty()) CheckSection(fields, path + ".", place);
      SetFromTable(fields, *inner, path + ".", file);
      continue;
    }
    const FieldRef& field = FindField(fields, path, place);
    if (const auto* array = node.as_array()) {
      nlohmann::json values = nlohmann::json::array();
      for (const auto& part : *array) values.push_back(TextOf(part));
      AssignJson(field, values, place);
    } else {
      std::visit(Assign{field, TextOf(node), place}, field.value);
    }
  }
}

void SetFromObject(const FieldList& fields, const nlohmann::json& object, const std::string& prefix,
                   std::string_view place) {
  for (const auto& [key, value] : object.items()) {
    const std::string path = prefix + key;
    if (value.is_object()) {
      if (value.empty()) CheckSection(fields, path + ".", place);
      SetFromObject(fields, value, path + ".", place);
    } else {
      AssignJson(FindField(fields, path, place), value, place);
    }
  }
}

struct ToJsonValue {
  nlohmann::ordered_json operator()(const EnumRef& value) const { return value.names[value.get()]; }
  template <class T>
  nlohmann::ordered_json operator()(const T* value) const {
    return *value;
  }
};

std::string RangeText(const Field& field) {
  const bool low = std::isfinite(field.minimum);
  const bool high = std::isfinite(field.maximum);
  const auto number = [](double value) {
    std::ostringstream text;
    text.precision(10);  // a limit of 32 bits is told to the last digit
    text << value;
    return text.str();
  };
  if (low && high) return number(field.minimum) + " to " + number(field.maximum);
  if (low) return ">= " + number(field.minimum);
  if (high) return "<= " + number(field.maximum);
  return "";
}

}  // namespace

std::string FormatValue(const ValueRef& value) {
  struct Format {
    std::string operator()(const bool* v) const { return *v ? "true" : "false"; }
    std::string operator()(const std::int64_t* v) const { return std::to_string(*v); }
    std::string operator()(const double* v) const { return FormatNumber(*v); }
    std::string operator()(const std::string* v) const { return nlohmann::json(*v).dump(); }
    std::string operator()(const EnumRef& v) const {
      return "\"" + std::string(v.names[v.get()]) + "\"";
    }
    std::string operator()(const std::vector<double>* v) const { return FormatList(*v); }
    std::string operator()(const std::vector<std::int64_t>* v) const { return FormatList(*v); }
    std::string operator()(const std::vector<std::string>* v) const { return FormatList(*v); }
  };
  return std::visit(Format{}, value);
}

void SetField(const FieldList& fields, std::string_view path, std::string_view text,
              std::string_view place) {
  const FieldRef& field = FindField(fields, path, place);
  if (IsList(field.value) && text.starts_with('[')) {  // as it is printed
    const nlohmann::json array = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!array.is_array()) Refuse(field, text, "a list", place);
    return AssignJson(field, array, place);
  }
  std::visit(Assign{field, text, place}, field.value);
}

void SetFromToml(const FieldList& fields, const std::string& file) {
  const std::string text = ReadFile(file);
  toml::table table;
  try {
    table = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::kInvalidArgument,
                file + ":" + std::to_string(error.source().begin.line) +
                    ": not valid TOML: " + std::string(error.description()));
  }
  SetFromTable(fields, table, "", file);
}

void SetFromJson(const FieldList& fields, const nlohmann::json& object, std::string_view place) {
  if (!object.is_object()) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(place) + ": expected an object of options, got " + object.type_name());
  }
  SetFromObject(fields, object, "", place);
}

nlohmann::ordered_json ToJson(const FieldList& fields) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const FieldRef& field : fields) {
    nlohmann::ordered_json* at = &object;
    std::string_view path = field.path;
    for (std::size_t dot; (dot = path.find('.')) != std::string_view::npos;) {
      at = &(*at)[std::string(path.substr(0, dot))];
      path.remove_prefix(dot + 1);
    }
    (*at)[std::string(path)] = std::visit(ToJsonValue{}, field.value);
  }
  return object;
}

std::string ToToml(const FieldList& fields) {
  // Top-level keys first, then one table for each section, in order of first appearance.
  std::vector<std::string> sections;
  for (const FieldRef& field : fields) {
    const std::size_t dot = field.path.rfind('.');
    const std::string section = dot == std::string::npos ? "" : field.path.substr(0, dot);
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      sections.push_back(section);
    }
  }
  std::stable_partition(sections.begin(), sections.end(),
                        [](const std::string& section) { return section.empty(); });
  std::string text;
  for (const std::string& section : sections) {
    if (!section.empty()) text += (text.empty() ? "[" : "\n[") + section + "]\n";
    for (const FieldRef& field : fields) {
      const std::size_t dot = field.path.rfind('.');
      if ((dot == std::string::npos ? "" : field.path.substr(0, dot)) != section) continue;
      text += std::string(field.field.name) + " = " + FormatValue(field.value) + "\n";
    }
  }
  return text;
}

void CheckRanges(const FieldList& fields, std::string_view what,
                 const std::vector<std::string>& more) {
  std::vector<std::string> problems;
  const auto check = [&](const FieldRef& field, double value) {
    // Written so that a NaN fails.
    if (!(value >= field.field.minimum && value <= field.field.maximum)) {
      const std::string range = RangeText(field.field);
      problems.push_back(field.path + " = " + FormatValue(field.value) + ": must be " +
                         (range.empty() ? "a number" : range));
    }
  };
  for (const FieldRef& field : fields) {
    if (const auto* whole = std::get_if<std::int64_t*>(&field.value)) {
      check(field, static_cast<double>(**whole));
    } else if (const auto* number = std::get_if<double*>(&field.value)) {
      check(field, **number);
    } else if (const auto* list = std::get_if<std::vector<double>*>(&field.value)) {
      for (const double value : **list) check(field, value);
    } else if (const auto* wholes = std::get_if<std::vector<std::int64_t>*>(&field.value)) {
      for (const std::int64_t value : **wholes) check(field, static_cast<double>(value));
    }
  }
  problems.insert(problems.end(), more.begin(), more.end());
  if (problems.empty()) return;
  std::string text = std::string(what) + ": " + problems[0];
  for (std::size_t i = 1; i < problems.size(); ++i) text += "\n  " + problems[i];
  throw Error(ErrorCode::kInvalidArgument, text);
}

std::string DescribeFields(const FieldList& fields) {
  std::string text;
  for (const FieldRef& field : fields) {
    std::string notes;
    const auto note = [&notes](const std::string& more) {
      if (!more.empty()) notes += (notes.empty() ? "" : "; ") + more;
    };
    if (const auto* names = std::get_if<EnumRef>(&field.value)) note(JoinNames(names->names));
    note(field.field.unit);
    note(RangeText(field.field));
    if (*field.field.paper != '\0') note("paper: " + std::string(field.field.paper));
    std::string line = "  " + field.path + " = " + FormatValue(field.value);
    if (line.size() < 40) line.resize(40, ' ');
    text += line + "  " + field.field.help + (notes.empty() ? "" : " [" + notes + "]") + "\n";
  }
  return text;
}

std::string NearestName(std::string_view text, const std::vector<std::string>& candidates) {
  std::string nearest;
  std::size_t best = std::max<std::size_t>(2, text.size() / 2) + 1;
  for (const std::string& candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t change = diagonal + (text[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j] + 1, diagonal + 1, change});
      }
    }
    if (row.back() < best) {
      best = row.back();
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace raie
