#include "adapters/peft_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <utility>
#include <vector>

#include "base/files.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

using json = nlohmann::ordered_json;  // of several patterns that fit, the first one counts

constexpr const char* kConfigFile = "adapter_config.json";
constexpr const char* kTensorFile = "adapter_model.safetensors";
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kSuffixA = ".lora_A.weight";
constexpr std::string_view kSuffixB = ".lora_B.weight";

std::string TensorName(const LinearMapInfo& map, std::string_view suffix) {
  return std::string(kPrefix) + map.name + std::string(suffix);
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('.') + 1); }

json ConfigOf(const Adapter& adapter, std::span<const LinearMapInfo> maps,
              const std::string& base_model) {
  std::set<std::string> targets;
  const LoraOptions& options = adapter.options();
  for (const Adapter::Map& map : adapter.maps()) {
    // The last part of a name would name the maps of all layers.
    const std::string& name = maps[map.map].name;
    targets.insert(options.last_layers > 0 ? name : LastPart(name));
  }
  json alpha = options.alpha;
  if (options.alpha == std::floor(options.alpha)) {
    alpha = static_cast<std::int64_t>(options.alpha);  // as PEFT writes it
  }
  return {{"peft_type", "LORA"},
          {"task_type", nullptr},
          {"base_model_name_or_path", base_model},
          {"r", options.rank},
          {"lora_alpha", alpha},
          {"lora_dropout", options.dropout},
          {"target_modules", targets},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"inference_mode", true},
          {"init_lora_weights", true},
          {"modules_to_save", nullptr},
          {"rank_pattern", json::object()},
          {"alpha_pattern", json::object()},
          {"use_dora", false},
          {"use_rslora", options.rs_lora}};
}

// Settings that change what the tensors mean. Absent, null, false, empty or the value here is fine.
void RefuseUnsupported(const std::string& path, const json& config) {
  const auto refuse = [&](const std::string& key, const std::string& fix) {
    throw Error(ErrorCode::kInvalidArgument,
                path + ": " + key + " = " + config.at(key).dump() + " is not supported: " + fix);
  };
  for (const char* key :
       {"use_dora", "fan_in_fan_out", "modules_to_save", "lora_bias", "layer_replication",
        "megatron_config", "loftq_config", "trainable_token_indices", "target_parameters",
        "exclude_modules", "corda_config", "eva_config", "use_qalora", "alora_invocation_tokens",
        "arrow_config"}) {
    if (!config.contains(key)) continue;
    const json& value = config[key];
    const bool off = value.is_null() || value == false || (value.is_structured() && value.empty());
    if (!off) refuse(key, "train the adapter without it, or merge it into the backbone");
  }
  if (config.contains("bias") && config["bias"] != "none") {
    refuse("bias", "train the adapter with bias = \"none\"");
  }
}

double Number(const std::string& path, const json& config, const char* key) {
  if (!config.contains(key) || !config[key].is_number()) {
    throw Error(ErrorCode::kCorruptData, path + ": expected a number " + key);
  }
  return config[key].get<double>();
}

// A number that maps may have of their own: of the first pattern that fits the end of their name.
class MapNumbers {
 public:
  // Throws kCorruptData unless `key` is an object of positive numbers, null or absent.
  MapNumbers(const std::string& path, const json& config, const char* key, double common)
      : common_(common) {
    if (!config.contains(key) || config[key].is_null()) return;
    for (const auto& [pattern, value] : config[key].items()) {
      if (!value.is_number() || value.get<double>() <= 0) {
        throw Error(ErrorCode::kCorruptData, path + ": " + key + " of \"" + pattern +
                                                 "\" is not a positive number: " + value.dump());
      }
      try {
        patterns_.emplace_back(std::regex("(.*\\.)?(" + pattern + ")"), value.get<double>());
      } catch (const std::regex_error&) {
        throw Error(ErrorCode::kCorruptData,
                    path + ": " + key + ": \"" + pattern + "\" is not a regular expression");
      }
    }
  }

  double Of(const std::string& map) const {
    for (const auto& [pattern, value] : patterns_) {
      if (std::regex_match(map, pattern)) return value;
    }
    return common_;
  }

 private:
  double common_;
  std::vector<std::pair<std::regex, double>> patterns_;
};

struct PeftConfig {
  LoraOptions options;  // rank and alpha: those of maps that have none of their own
  MapNumbers ranks, alphas;
};

json ParseConfig(const std::string& path) {
  try {
    return json::parse(ReadFile(path));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::kCorruptData, path + " is not JSON: " + error.what());
  }
}

PeftConfig ReadConfig(const std::string& path) {
  const json config = ParseConfig(path);
  if (!config.is_object() || !config.contains("peft_type") || config["peft_type"] != "LORA") {
    throw Error(ErrorCode::kInvalidArgument, path + ": peft_type is not \"LORA\"");
  }
  RefuseUnsupported(path, config);
  LoraOptions options;
  const double rank = Number(path, config, "r");
  if (rank != std::floor(rank)) throw Error(ErrorCode::kCorruptData, path + ": r is not whole");
  options.rank = static_cast<std::int64_t>(rank);
  options.alpha = Number(path, config, "lora_alpha");
  options.dropout = config.contains("lora_dropout") ? Number(path, config, "lora_dropout") : 0;
  if (config.contains("use_rslora") && !config["use_rslora"].is_null()) {
    if (!config["use_rslora"].is_boolean()) {
      throw Error(ErrorCode::kCorruptData, path + ": expected true or false for use_rslora");
    }
    options.rs_lora = config["use_rslora"].get<bool>();
  }
  return {.options = options,
          .ranks = MapNumbers(path, config, "rank_pattern", rank),
          .alphas = MapNumbers(path, config, "alpha_pattern", options.alpha)};
}

// Rank and scale of every map that is adapted; an adapter of ours has one of each for all maps.
struct MapScale {
  std::int64_t rank = 0;
  float factor = 1;  // on B
};

// Makes the largest rank that of all maps: rows of A and columns of B beyond a map's own rank stay
// zero, in training, too. What a map's scale differs by goes into B.
std::vector<MapScale> UnifyMaps(const std::string& path, const PeftConfig& config,
                                const TensorFile& file, std::span<const LinearMapInfo> maps,
                                LoraOptions& options) {
  std::vector<MapScale> scales;
  std::vector<double> own;
  const auto scale_of = [&](double alpha, double rank) {
    return alpha / (options.rs_lora ? std::sqrt(rank) : rank);
  };
  std::int64_t largest = 0;
  for (const LinearMapInfo& map : maps) {
    const double rank = config.ranks.Of(map.name);
    if (rank != std::floor(rank)) {
      throw Error(ErrorCode::kCorruptData, path + ": the rank of " + map.name + " is not whole");
    }
    scales.push_back({.rank = static_cast<std::int64_t>(rank)});
    own.push_back(scale_of(config.alphas.Of(map.name), rank));
    if (file.Find(TensorName(map, kSuffixA)) != nullptr) {
      largest = std::max(largest, scales.back().rank);
    }
  }
  options.rank = largest;
  const double common = scale_of(options.alpha, static_cast<double>(largest));
  for (std::size_t m = 0; m < maps.size(); ++m) {
    scales[m].factor = static_cast<float>(own[m] / common);
  }
  return scales;
}

// Finds the kinds whose maps have tensors, and the layers: all, or the last ones. Refuses a kind
// adapted in some of those maps only, and tensors that belong to no linear map.
void FindMaps(const std::string& path, const TensorFile& file, std::span<const LinearMapInfo> maps,
              LoraOptions& options) {
  std::vector<std::string>& kinds = options.maps;
  kinds.clear();
  std::set<std::string> expected;
  std::int64_t layers = 0, first = std::numeric_limits<std::int64_t>::max();
  for (const LinearMapInfo& map : maps) {
    layers = std::max(layers, map.layer + 1);
    if (file.Find(TensorName(map, kSuffixA)) == nullptr) continue;
    first = std::min(first, map.layer);
    if (std::find(kinds.begin(), kinds.end(), map.kind) == kinds.end()) kinds.push_back(map.kind);
  }
  options.last_layers = first > 0 && first < layers ? layers - first : 0;
  for (const LinearMapInfo& map : maps) {
    if (map.layer < first || std::find(kinds.begin(), kinds.end(), map.kind) == kinds.end()) {
      continue;
    }
    for (const std::string_view suffix : {kSuffixA, kSuffixB}) {
      expected.insert(TensorName(map, suffix));
      if (file.Find(TensorName(map, suffix)) == nullptr) {
        throw Error(ErrorCode::kCorruptData,
                    path + " has no tensor " + TensorName(map, suffix) + ": a kind of map (" +
                        map.kind + ") is adapted in every block, in the last ones " + "or in none");
      }
    }
  }
  for (const TensorInfo& info : file.tensors()) {
    if (!expected.contains(info.name)) {
      throw Error(ErrorCode::kCorruptData,
                  path + ": tensor " + info.name + " belongs to no linear map of this backbone");
    }
  }
  if (kinds.empty()) throw Error(ErrorCode::kCorruptData, path + " adapts no linear map");
}

}  // namespace

void SaveAdapter(const std::filesystem::path& folder, const Adapter& adapter,
                 std::span<const LinearMapInfo> maps, const std::string& base_model) {
  if (adapter.is_mixture()) {
    throw Error(ErrorCode::kInvalidArgument,
                folder.string() +
                    ": a mixture of adapters has no PEFT layout; publish another "
                    "method's model");
  }
  const std::int64_t rank = adapter.options().rank;
  std::vector<TensorView> tensors;
  for (const Adapter::Map& map : adapter.maps()) {
    const LinearMapInfo& info = maps[map.map];
    tensors.push_back({TensorName(info, kSuffixA), {rank, map.inputs}, adapter.a_RI(map)});
    tensors.push_back({TensorName(info, kSuffixB), {map.outputs, rank}, adapter.b_OR(map)});
  }
  SaveTensors(folder / kTensorFile, std::move(tensors), {{"format", "pt"}});
  FileWriter config(folder / kConfigFile);
  config.Write(ConfigOf(adapter, maps, base_model).dump(2) + "\n");
  config.Close();
}

Adapter LoadAdapter(const std::filesystem::path& folder, std::span<const LinearMapInfo> maps) {
  const PeftConfig config = ReadConfig((folder / kConfigFile).string());
  LoraOptions options = config.options;
  const TensorFile file(folder / kTensorFile);
  FindMaps((folder / kTensorFile).string(), file, maps, options);
  const auto scales = UnifyMaps((folder / kConfigFile).string(), config, file, maps, options);
  Adapter adapter = Adapter::Make(maps, options, 0);
  std::ranges::fill(adapter.values(), 0.0F);
  for (const Adapter::Map& map : adapter.maps()) {
    const LinearMapInfo& info = maps[map.map];
    const auto& [rank, factor] = scales[map.map];
    const std::int64_t a_shape[] = {rank, map.inputs};
    const std::int64_t b_shape[] = {map.outputs, rank};
    const auto a = file.Floats(TensorName(info, kSuffixA), a_shape);
    const auto b = file.Floats(TensorName(info, kSuffixB), b_shape);
    std::copy(a.begin(), a.end(), adapter.values().begin() + map.a_begin);
    for (std::int64_t o = 0; o < map.outputs; ++o) {
      for (std::int64_t r = 0; r < rank; ++r) {
        adapter.values()[map.b_begin + o * options.rank + r] = factor * b[o * rank + r];
      }
    }
  }
  return adapter;
}

std::string BaseModelOf(const std::filesystem::path& folder) {
  const json config = ParseConfig((folder / kConfigFile).string());
  const auto name = config.find("base_model_name_or_path");
  return name != config.end() && name->is_string() ? name->get<std::string>() : "";
}

}  // namespace raie
