// What is there to choose from: methods, backbones, protocols, configurations?
//
// Concept: one line each, taken from the registries; configurations are the TOML files that came
//          with the program (share/raie/configs beside its bin/, or configs/ of the source tree it
//          was built in), described by the first sentence of their first comment.
// Errors:  kInvalidArgument for another kind; kNotFound if the configurations are not there.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace raie {

struct Listed {
  std::string name;
  std::string summary;
  std::string source;  // paper, section, or file
};

// `kind` is methods, backbones, protocols or configs.
std::vector<Listed> ListKind(std::string_view kind);

// The TOML files below a folder, by name: "data/ml-1m" for data/ml-1m.toml.
std::vector<Listed> ListConfigs(const std::filesystem::path& folder);

// [{"name", "summary", "source"}].
nlohmann::ordered_json ToJson(const std::vector<Listed>& list);

}  // namespace raie
