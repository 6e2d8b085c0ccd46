#include "text/json_part.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "raie/error.h"

namespace raie {

using nlohmann::json;

json ReadJsonFile(const std::filesystem::path& path) {
  const std::string text = ReadFile(path);
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kCorruptData, path.string() + " is not JSON: " + error.what());
  }
}

void JsonPart::Fail(const std::string& what) const {
  throw Error(ErrorCode::kCorruptData, place_ + (place_.ends_with(": ") ? "" : ": ") + what);
}

void JsonPart::RequireFields(std::initializer_list<std::string_view> known) const {
  if (!value_->is_object()) Fail("expected an object, found " + value_->dump().substr(0, 100));
  for (const auto& [field, value] : value_->items()) {
    if (field == "type" || std::find(known.begin(), known.end(), field) != known.end()) continue;
    std::string names;
    for (const std::string_view name : known) {
      if (!names.empty()) names += ", ";
      names += name;
    }
    Fail("the field \"" + field + "\" is not supported; known are: " + names);
  }
}

bool JsonPart::Has(const std::string& field) const {
  return value_->is_object() && value_->contains(field) && !(*value_)[field].is_null();
}

JsonPart JsonPart::At(const std::string& field) const {
  if (!value_->is_object() || !value_->contains(field)) Fail("has no field \"" + field + "\"");
  return {(*value_)[field], place_ + (place_.ends_with(": ") ? "" : ".") + field};
}

std::vector<JsonPart> JsonPart::Items() const {
  if (!value_->is_array()) Fail("expected an array, found " + value_->dump().substr(0, 100));
  std::vector<JsonPart> items;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    items.emplace_back((*value_)[i], place_ + "[" + std::to_string(i) + "]");
  }
  return items;
}

std::string JsonPart::Text() const {
  if (!value_->is_string()) Fail("expected a text, found " + value_->dump().substr(0, 100));
  return value_->get<std::string>();
}

bool JsonPart::Flag() const {
  if (!value_->is_boolean()) Fail("expected true or false, found " + value_->dump().substr(0, 100));
  return value_->get<bool>();
}

std::int64_t JsonPart::Number() const {
  if (!value_->is_number_integer()) {
    Fail("expected a whole number, found " + value_->dump().substr(0, 100));
  }
  return value_->get<std::int64_t>();
}

std::string JsonPart::TextOr(const std::string& field, const std::string& otherwise) const {
  return Has(field) ? At(field).Text() : otherwise;
}

bool JsonPart::FlagOr(const std::string& field, bool otherwise) const {
  return Has(field) ? At(field).Flag() : otherwise;
}

void FailOnType(const JsonPart& part, std::string_view known) {
  const std::string type = part.TextOr("type", "");
  if (type.empty()) part.Fail("has no type");
  part.Fail("\"" + type + "\" is not supported; known are: " + std::string(known));
}

}  // namespace raie
