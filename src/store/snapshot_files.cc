#include "store/snapshot_files.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "adapters/peft_file.h"
#include "base/files.h"
#include "raie/error.h"
#include "store/prior_file.h"
#include "store/regions_file.h"
#include "tensorfile/safetensors.h"
#include "training/item_table.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr char kParameters[] = "backbone.safetensors";
constexpr char kItems[] = "items.safetensors";
constexpr char kRouting[] = "routing.safetensors";
constexpr char kReplaced[] = "items.regional.json";
constexpr char kAdapters[] = "adapters.json";

std::string RegionName(RegionId region) {
  return region == kNoRegion ? "global" : "region-" + std::to_string(Index(region));
}

RegionId RegionFrom(const std::string& name) {
  return name == "global" ? kNoRegion : RegionId{std::stoi(name.substr(name.find('-') + 1))};
}

nlohmann::ordered_json ReadJson(const fs::path& path) {
  try {
    return nlohmann::ordered_json::parse(ReadFile(path));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kCorruptData, path.string() + ": " + error.what());
  }
}

// The base rows as one tensor; a region's own rows as one each, their items in a JSON file.
void SaveItems(const fs::path& folder, const ItemTable& table) {
  std::vector<TensorView> tensors = {{"items", {table.num_items(), table.dim()}, table.base_ND()}};
  nlohmann::ordered_json replaced = nlohmann::ordered_json::object();
  for (const auto& [region, rows] : table.replaced()) {
    replaced[RegionName(region)] = rows.items;
    tensors.push_back({RegionName(region), {std::ssize(rows.items), table.dim()}, rows.rows_nD});
  }
  SaveTensors(folder / kItems, std::move(tensors));
  WriteFileAtomically(folder / kReplaced, replaced.dump() + "\n");
}

ItemTable LoadRows(const fs::path& path, std::int64_t dim, std::int64_t at_least) {
  const TensorFile file(path);
  const TensorInfo* info = file.Find("items");
  if (info == nullptr || info->shape.size() != 2 || info->shape[1] != dim ||
      info->shape[0] < at_least) {
    throw Error(ErrorCode::kCorruptData,
                path.string() + ": tensor items is " +
                    (info == nullptr ? "missing" : ShapeText(info->shape)) + " where at least " +
                    ShapeText(std::array<std::int64_t, 2>{at_least, dim}) + " is needed");
  }
  const auto rows = file.Floats("items");
  return ItemTable(dim, std::vector<float>(rows.begin(), rows.end()));
}

ItemTable LoadItems(const fs::path& folder, std::int64_t dim, std::int64_t at_least) {
  ItemTable table = LoadRows(folder / kItems, dim, at_least);
  const auto replaced = ReadJson(folder / kReplaced);
  if (replaced.empty()) return table;
  const TensorFile file(folder / kItems);
  for (const auto& [name, items] : replaced.items()) {
    ReplacedRows rows;
    rows.items = items.get<std::vector<std::int32_t>>();
    const auto values = file.Floats(name, std::array<std::int64_t, 2>{std::ssize(rows.items), dim});
    rows.rows_nD.assign(values.begin(), values.end());
    table.SetOwnRows(RegionFrom(name), std::move(rows));
  }
  return table;
}

AdapterMap LoadAdapters(const fs::path& folder, const Backbone& backbone) {
  AdapterMap adapters;
  std::map<std::string, std::shared_ptr<const Adapter>> loaded;
  const auto names = ReadJson(folder / kAdapters);
  for (const auto& [region, name] : names.items()) {
    auto& adapter = loaded[name.get<std::string>()];
    if (adapter == nullptr) {
      adapter = std::make_shared<const Adapter>(
          LoadAdapter(folder / "adapters" / name.get<std::string>(), backbone.linear_maps()));
    }
    adapters[RegionFrom(region)] = adapter;
  }
  return adapters;
}

}  // namespace

nlohmann::ordered_json SaveAdapters(const fs::path& folder, const Snapshot& snapshot,
                                    const std::string& base_model) {
  std::map<const Adapter*, std::string> saved;
  nlohmann::ordered_json names = nlohmann::ordered_json::object();
  for (const auto& [region, adapter] : snapshot.adapters) {
    if (adapter == nullptr) continue;
    auto [at, fresh] = saved.try_emplace(adapter.get(), RegionName(region));
    if (fresh) {
      const fs::path target = folder / "adapters" / at->second;
      fs::create_directories(target);
      SaveAdapter(target, *adapter, snapshot.backbone->linear_maps(), base_model);
    }
    names[RegionName(region)] = at->second;
  }
  WriteFileAtomically(folder / kAdapters, names.dump(2) + "\n");
  return names;
}

void SaveBackbone(const fs::path& base, const Backbone& backbone) {
  if (backbone.pretrained() != nullptr) return backbone.pretrained()->Save(base);
  std::vector<TensorView> tensors;
  for (const Backbone::Parameter& parameter : backbone.parameter_list()) {
    std::int64_t size = 1;
    for (const std::int64_t extent : parameter.shape) size *= extent;
    tensors.push_back(
        {parameter.name, parameter.shape, backbone.parameters().subspan(parameter.begin, size)});
  }
  SaveTensors(base / kParameters, std::move(tensors));
}

std::unique_ptr<Backbone> LoadBackbone(const fs::path& base, const BackboneOptions& options,
                                       std::function<Texts()> texts) {
  std::unique_ptr<Backbone> backbone =
      MakeBackbone(options, 0, {.saved = base, .texts = std::move(texts)});
  if (backbone->pretrained() != nullptr) return backbone;
  const TensorFile file(base / kParameters);
  const auto parameters = backbone->parameters();
  for (const Backbone::Parameter& parameter : backbone->parameter_list()) {
    const auto values = file.Floats(parameter.name, parameter.shape);
    std::copy(values.begin(), values.end(), parameters.begin() + parameter.begin);
  }
  return backbone;
}

void SaveVersionFiles(const fs::path& folder, const Snapshot& snapshot) {
  SaveItems(folder, *snapshot.items);
  const ItemTable& routing = *snapshot.routing_items;
  SaveTensors(folder / kRouting,
              {{"items", {routing.num_items(), routing.dim()}, routing.base_ND()}});
  SaveEditorState(folder, snapshot.editor);
  SaveAdapters(folder, snapshot, kAdaptersOwnModel);
  if (snapshot.prior != nullptr) SavePrior(folder, *snapshot.prior);
}

void LoadVersionFiles(const fs::path& folder, Snapshot& snapshot) {
  const std::int64_t dim = snapshot.backbone->dim();
  const std::int64_t items = snapshot.catalogue_size;
  snapshot.items = std::make_shared<const ItemTable>(LoadItems(folder, dim, items));
  snapshot.routing_items =
      std::make_shared<const ItemTable>(LoadRows(folder / kRouting, dim, items));
  snapshot.editor = LoadEditorState(folder);
  snapshot.adapters = LoadAdapters(folder, *snapshot.backbone);
}

}  // namespace raie
