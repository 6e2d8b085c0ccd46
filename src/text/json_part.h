// How is a component of a tokenizer.json read strictly?
//
// Concept: a JSON value and where it stands ("DIR/tokenizer.json: pre_tokenizer.pretokenizers[1]").
// A
//          component says which fields it knows: another field is an error, since nobody can say
//          what it would have changed.
// Errors:  kCorruptData, naming the place, for a missing or unknown field and another type.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace raie {

// Throws kNotFound or kIo for a file that cannot be read.
nlohmann::json ReadJsonFile(const std::filesystem::path& path);

class JsonPart {
 public:
  // `value` must outlive the part.
  JsonPart(const nlohmann::json& value, std::string place)
      : value_(&value), place_(std::move(place)) {}

  const nlohmann::json& value() const { return *value_; }
  const std::string& place() const { return place_; }
  [[noreturn]] void Fail(const std::string& what) const;

  // Throws unless this is an object of these fields; `type` is always known.
  void RequireFields(std::initializer_list<std::string_view> known) const;
  // Is there such a field, and is it not null?
  bool Has(const std::string& field) const;
  // Returns a field, which must be there.
  JsonPart At(const std::string& field) const;
  // Returns the parts of an array.
  std::vector<JsonPart> Items() const;
  std::string Text() const;
  bool Flag() const;
  std::int64_t Number() const;

  // Return a field's value, or `otherwise` where there is none.
  std::string TextOr(const std::string& field, const std::string& otherwise) const;
  bool FlagOr(const std::string& field, bool otherwise) const;

 private:
  const nlohmann::json* value_;
  std::string place_;
};

// Throws: the component at `part` is of a type that is not among `known`.
[[noreturn]] void FailOnType(const JsonPart& part, std::string_view known);

}  // namespace raie
