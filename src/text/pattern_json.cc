#include "text/pattern_json.h"

#include <nlohmann/json.hpp>

namespace raie {

std::optional<std::string> RegexOf(const JsonPart& part) {
  part.RequireFields({"String", "Regex"});
  if (part.value().size() != 1) part.Fail("expected one of String and Regex");
  if (!part.Has("Regex")) return std::nullopt;
  return part.At("Regex").Text();
}

Pattern ReadPattern(const JsonPart& part) {
  if (const std::optional<std::string> regex = RegexOf(part)) {
    return Pattern::FromRegex(*regex, part.place());
  }
  return Pattern::FromText(part.At("String").Text(), part.place());
}

}  // namespace raie
