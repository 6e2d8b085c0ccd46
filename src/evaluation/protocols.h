// Which protocols of comparison are there, and what does each of them fix?
//
// Source:  METHOD section 2 ("--protocol").
// Errors:  kInvalidArgument for an unknown name; the nearest known one is named.
#pragma once

#include <span>
#include <string_view>

namespace raie {

struct ProtocolInfo {
  const char* name;
  const char* summary;
  const char* source;
};

// All protocols, the default first.
std::span<const ProtocolInfo> Protocols();

const ProtocolInfo& FindProtocol(std::string_view name);

}  // namespace raie
