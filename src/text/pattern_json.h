// How is a pattern read from a tokenizer.json?
#pragma once

#include <optional>
#include <string>

#include "text/json_part.h"
#include "text/pattern.h"

namespace raie {

// Reads {"String": "..."} or {"Regex": "..."}.
Pattern ReadPattern(const JsonPart& part);

// Returns the regular expression of {"Regex": "..."}; nothing for a text.
std::optional<std::string> RegexOf(const JsonPart& part);

}  // namespace raie
