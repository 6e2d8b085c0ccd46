// What can be chosen about states that are kept between two layers?
//
// Source: docs/decisions/015.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/options.h"

namespace raie {

enum class BorderUse { kAuto, kOn, kOff };
inline std::span<const char* const> EnumNames(BorderUse) {
  static constexpr const char* kNames[] = {"auto", "on", "off"};
  return kNames;
}

enum class BorderPlace { kFile, kMemory };
inline std::span<const char* const> EnumNames(BorderPlace) {
  static constexpr const char* kNames[] = {"file", "memory"};
  return kNames;
}

struct BorderOptions {
  BorderUse use = BorderUse::kAuto;
  BorderPlace place = BorderPlace::kFile;
  double gigabytes = 4;
  std::string folder;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.use,
          Field{.name = "use",
                .help = "keep what the layers below all adapters give and read it in every later "
                        "epoch, region and validation pass (language models; the results are the "
                        "same): auto: where it can be; on: where it cannot, say why and stop"});
    visit(self.place, Field{.name = "place", .help = "file (without a name), or memory"});
    visit(self.gigabytes, Field{.name = "gigabytes",
                                .help = "room for it; prompts that come when it is full are "
                                        "computed each time",
                                .unit = "GB (1e9 bytes)",
                                .minimum = 1e-6,
                                .maximum = 1e6});
    visit(self.folder,
          Field{.name = "folder", .help = "where the file lies; empty: TMPDIR, or else /tmp"});
  }
};

// The same where nothing depends on it: what cannot be kept is no error.
inline BorderOptions WherePossible(BorderOptions options) {
  if (options.use == BorderUse::kOn) options.use = BorderUse::kAuto;
  return options;
}

}  // namespace raie
