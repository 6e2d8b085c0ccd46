// How are results printed for people: columns that line up?
#pragma once

#include <string>
#include <vector>

#include "base/number_text.h"

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

}  // namespace raie::cli
