// Which release of raie is this?
#pragma once

namespace raie {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace raie
