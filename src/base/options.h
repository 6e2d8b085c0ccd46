// How is an option named, documented, checked, read and written, once?
//
// Concept: an options struct lists its fields in one place:
//            struct FitOptions {
//              double learning_rate = 5e-4;
//              static void VisitFields(auto& self, auto&& visit) {
//                visit(self.learning_rate, Field{.name = "learning_rate", .help = "AdamW step",
//                                                .minimum = 0, .maximum = 1, .paper = "5e-4"});
//              }
//            };
//          That list drives TOML, JSON, --set, --help, printing, equality and range checks. A field
//          that is itself such a struct is a section: its fields are named section.field.
//          Enumerations give their names with  EnumNames(E) -> span<const char* const>.
// Errors:  kInvalidArgument; an unknown key names the nearest known one; Validate reports all
//          problems at once. Values are never clipped or repaired.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace raie {

// What is known of one option besides its value.
struct Field {
  const char* name;
  const char* help;       // one sentence: meaning and effect
  const char* unit = "";  // "seconds", "windows", ...
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  const char* paper = "";  // the paper's value where it differs or is stated
};

// An enumeration seen through its names.
struct EnumRef {
  std::function<int()> get;
  std::function<void(int)> set;
  std::span<const char* const> names;
};

using ValueRef = std::variant<bool*, std::int64_t*, double*, std::string*, std::vector<double>*,
                              std::vector<std::int64_t>*, std::vector<std::string>*, EnumRef>;

struct FieldRef {
  std::string path;  // section.field
  Field field;
  ValueRef value;
};

// The fields of one options struct, flat, in the order they are listed.
using FieldList = std::vector<FieldRef>;

template <class Options>
concept HasFields = requires(Options& options) {
  Options::VisitFields(options, [](auto&, const Field&) {});
};

namespace internal {
template <class Options>
void CollectFields(Options& options, const std::string& prefix, FieldList& list) {
  Options::VisitFields(options, [&](auto& value, const Field& field) {
    using T = std::remove_reference_t<decltype(value)>;
    const std::string path = prefix + field.name;
    if constexpr (HasFields<T>) {
      CollectFields(value, path + ".", list);
    } else if constexpr (std::is_enum_v<T>) {
      list.push_back(
          {path, field,
           EnumRef{[&value] { return static_cast<int>(value); },
                   [&value](int index) { value = static_cast<T>(index); }, EnumNames(T{})}});
    } else {
      list.push_back({path, field, &value});
    }
  });
}
}  // namespace internal

// Returns references to all fields of `options`, which must outlive them.
template <HasFields Options>
FieldList FieldsOf(Options& options) {
  FieldList list;
  internal::CollectFields(options, "", list);
  return list;
}

// Returns the value as text, as it would be written in TOML.
std::string FormatValue(const ValueRef& value);

// Sets the field `path` from text ("5e-4", "true", "mixed", "0.5,0.6" or "[0.5, 0.6]"). `place`
// says where the text came from ("--set", "raie.toml:12") and is part of the error message.
void SetField(const FieldList& fields, std::string_view path, std::string_view text,
              std::string_view place);

// Sets every key of a TOML file; keys of sections this list does not know are errors.
void SetFromToml(const FieldList& fields, const std::string& file);

// Sets the fields a JSON object holds ({"section": {"field": value}}).
void SetFromJson(const FieldList& fields, const nlohmann::json& object, std::string_view place);

nlohmann::ordered_json ToJson(const FieldList& fields);
std::string ToToml(const FieldList& fields);

// Throws one error that lists every field outside its range, and `more` (rules between fields).
void CheckRanges(const FieldList& fields, std::string_view what,
                 const std::vector<std::string>& more = {});

// Returns lines of "path = default   help [unit; range; paper: ...]" for --help and the documents.
std::string DescribeFields(const FieldList& fields);

// Returns the candidate nearest to `text` in edit distance, or "" if none is near.
std::string NearestName(std::string_view text, const std::vector<std::string>& candidates);

template <HasFields Options>
bool SameOptions(const Options& a, const Options& b) {
  // ToToml only reads through the references.
  return ToToml(FieldsOf(const_cast<Options&>(a))) == ToToml(FieldsOf(const_cast<Options&>(b)));
}

}  // namespace raie
