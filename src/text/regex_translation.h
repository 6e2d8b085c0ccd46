// How is a regular expression of Oniguruma said to PCRE2?
//
// Concept: see text/pattern.h. Supported: characters and their escapes, ".", classes with ranges
// and
//          negation, \s \d and their opposites, \p{...} of general categories, groups (also
//          without case, for ASCII characters), look-around, alternatives, and quantifiers: greedy,
//          lazy, possessive.
// Errors:  kCorruptData, naming the place, the part and its offset.
#pragma once

#include <string>
#include <string_view>

namespace raie {

// Returns an expression for PCRE2 (UTF, no other option) with the same matches.
std::string TranslateRegex(std::string_view regex, const std::string& place);

}  // namespace raie
