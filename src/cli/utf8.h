// Is a text valid UTF-8?
#pragma once

#include <string_view>

namespace raie::cli {

bool IsUtf8(std::string_view text);

}  // namespace raie::cli
