// Which tensor of another library's checkpoint is which parameter of a backbone?
//
// Concept: a TOML file, one for each architecture of a library (configs/import/), says it in four
//          parts: where the files are, the options of the backbone that computes the same, one rule
//          for each parameter, and the tensors that stay behind. A rule takes one tensor, and may
//          transpose it, take one of several equal parts (fused q, k and v), a range of rows (a
//          padding row, special tokens) and turn their order round, in this order; or it takes no
//          tensor and fills the parameter with one number. {b} in both names stands for the block.
//          docs/formats.md, "Name map".
// Errors:  kInvalidArgument with file:line for TOML that does not parse, an unknown key (the
// nearest
//          known one is named), a value of the wrong kind; kNotFound for a missing file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raie/settings.h"

namespace raie {

struct TensorRule {
  std::string target;  // a parameter; "items", "items.bias"
  std::string source;  // a tensor of the checkpoint; empty: `fill`
  bool transpose = false;
  std::int64_t part = 0, parts = 1;  // rows part * R / parts .. of R
  // rows = "begin:end" as Python means it: negative numbers count from the end.
  std::optional<std::int64_t> begin, end;
  bool reverse = false;
  float fill = 0;
  std::string place;  // "map.toml:12"
};

struct NameMap {
  std::string path;
  std::string about;  // one line for people
  std::vector<std::string> weights = {"model.safetensors"};
  std::string items = "items.txt";
  std::string prefix;             // taken off every tensor's name, if all of them have it
  std::vector<Setting> settings;  // of [backbone], as "backbone.name", "backbone.sasrec.norm"
  std::vector<TensorRule> rules;
  std::vector<std::string> ignored;  // names; * stands for any text
};

NameMap LoadNameMap(const std::filesystem::path& path);

// Returns `name` with every {b} replaced by the block's number.
std::string WithBlock(std::string_view name, std::int64_t block);

// Does `pattern`, in which * stands for any text, match the whole name?
bool MatchesPattern(std::string_view pattern, std::string_view name);

}  // namespace raie
