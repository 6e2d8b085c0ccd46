// How are results printed for people: columns that line up, numbers of a fitting length?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace raie::cli {

// The first column is left-aligned, the others right-aligned; widths count characters, not bytes.
class Table {
 public:
  explicit Table(std::vector<std::string> header);
  void Add(std::vector<std::string> row);
  std::string ToText() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string Fixed(double value, int decimals);  // "n/a" if not finite
std::string Count(std::int64_t value);          // 1,234,567
std::string Percent(double share);              // "12.3 %"
std::string Moment(std::int64_t seconds);       // "2011-09-01 12:00:00 UTC"
std::string Shorten(const std::string& text, std::size_t characters);

}  // namespace raie::cli
