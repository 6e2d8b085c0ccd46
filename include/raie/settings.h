// How does a program give raie its settings?
//
// Concept: the same tree of settings the program takes: `defaults` first, then TOML files, then
//          single values; later ones win. `raie fit --help` (and the other commands) list keys,
//          defaults and units.
// Errors:  using them throws Error(kInvalidArgument) for an unknown key (the nearest known one is
//          named), a value that is no number where one is wanted, a value out of range.
#pragma once

#include <string>
#include <vector>

namespace raie {

struct Setting {
  std::string key;                // "fit.learning_rate"
  std::string value;              // "1e-3"
  std::string place = "setting";  // what to call it in an error message
};

struct Settings {
  std::vector<Setting> defaults;   // in place of the defaults of raie
  std::vector<std::string> files;  // TOML
  std::vector<Setting> values;
};

}  // namespace raie
