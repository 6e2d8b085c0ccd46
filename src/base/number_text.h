// How are numbers, moments and names written for people (and in CSV)?
//
// Units:   Moment and Day take UTC seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace raie {

std::string Fixed(double value, int decimals);  // "n/a" if not finite
std::string Shortest(double value);             // "0.5": as few digits as read back the same
std::string Count(std::int64_t value);          // 1,234,567
std::string Percent(double share);              // "12.3 %"
std::string Moment(std::int64_t seconds);       // "2011-09-01 12:00:00 UTC"
std::string Day(std::int64_t seconds);          // "2011-09-01"
std::size_t Characters(std::string_view text);  // of UTF-8
std::string CsvField(const std::string& text);  // quoted if it must be
std::string Shorten(const std::string& text, std::size_t characters);

}  // namespace raie
