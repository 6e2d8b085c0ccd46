// The generated part of text/code_points.h.
//
// Concept: runs of code points: a run begins where its entry says and ends before the next one.
// Source:  tests/golden/make_code_points.py, which writes code_point_table.cc.
#pragma once

#include <cstdint>
#include <span>

namespace raie::code_point_table {

// Two letters a general category, in the order of their numbers below ("Lu", "Ll", ...).
extern const char* const kCategoryNames;
// First code point of a run << 5 | number of its category.
std::span<const std::uint32_t> CategoryRuns();

// Pairs of first and last code point.
std::span<const char32_t> SpaceRanges();     // \s
std::span<const char32_t> DigitRanges();     // numeric to the pre-tokenizer Digits
std::span<const char32_t> WordRanges();      // \w beside an added token
std::span<const char32_t> ComposesRanges();  // NFC changes or moves it
std::span<const char32_t> TooNewRanges();    // of those: what tokenizers' NFC leaves alone

}  // namespace raie::code_point_table
