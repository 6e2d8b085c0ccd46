// What is the page made of? The files of web/report/ and D3, as they were when raie was built.
#pragma once

#include <span>
#include <string_view>

namespace raie {

struct EmbeddedFile {
  std::string_view name;  // without folder
  std::string_view text;
};

// By name, D3 last.
std::span<const EmbeddedFile> EmbeddedFiles();

}  // namespace raie
