#include "service/import_model.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "interchange/checkpoint.h"
#include "methods/group_trainer.h"
#include "methods/setup.h"
#include "raie/error.h"
#include "service/fit_model.h"
#include "store/model_directory.h"
#include "training/item_table.h"

namespace raie {
namespace {

constexpr std::size_t kShownIds = 5;

[[noreturn]] void RefuseImport(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "cannot import: " + what);
}

// Sets what the tensors' shapes tell; what is given must agree with them.
void ApplySizes(const ForeignCheckpoint& checkpoint, const Settings& settings,
                BackboneOptions& backbone) {
  const std::string& name = backbone.name;
  const std::string section = "backbone." + name + ".";
  if (name != "sasrec" && name != "bert4rec") {
    RefuseImport("backbone.name = \"" + name + "\" in " + checkpoint.map().path +
                 "; checkpoints of sasrec and bert4rec can be read");
  }
  SasrecOptions& options = NamedSection(backbone);
  const CheckpointSizes& sizes = checkpoint.sizes();
  const std::int64_t masks = name == "bert4rec" ? 1 : 0;
  const auto apply = [&](const char* key, std::int64_t found, std::int64_t& value) {
    const bool given = IsGiven(settings, section + key);
    if (found < 1 && !given) {
      RefuseImport("no tensor says " + section + key + "; set it in [backbone." + name + "] of " +
                   checkpoint.map().path + " or with --set");
    }
    if (found < 1) return;
    if (given && value != found) {
      RefuseImport(section + key + " = " + std::to_string(value) + " is given, the tensors have " +
                   std::to_string(found));
    }
    value = found;
  };
  apply("dim", sizes.dim, options.dim);
  apply("blocks", sizes.blocks, options.blocks);
  apply("context", sizes.positions - masks, options.context);
  apply("ffn_width", sizes.ffn_width, options.ffn_width);
  if (!IsGiven(settings, section + "heads")) {
    RefuseImport("the tensors do not tell how many attention heads the model has; give --set " +
                 section + "heads=N, as it was trained");
  }
}

// Which row of the checkpoint, if any, each item of the data gets.
struct ItemMatch {
  std::vector<std::int64_t> row_of_item;  // -1: none; as far as any item has one, at least S
  std::int64_t matched = 0;               // items of S with a row
  std::vector<std::string> only_in_data;  // of S
  std::int64_t later = 0;                 // rows of items of later slices only
  std::vector<std::string> only_in_list;
};

ItemMatch MatchItems(const std::vector<std::string>& listed, const PreparedData& data,
                     std::int64_t catalogue) {
  ItemMatch match;
  match.row_of_item.assign(catalogue, -1);
  for (std::size_t row = 0; row < listed.size(); ++row) {
    const ItemId item = data.FindItem(listed[row]);
    if (item == kNoItem) {
      match.only_in_list.push_back(listed[row]);
      continue;
    }
    const std::int64_t index = Index(item);
    if (index >= std::ssize(match.row_of_item)) match.row_of_item.resize(index + 1, -1);
    match.row_of_item[index] = static_cast<std::int64_t>(row);
    index < catalogue ? ++match.matched : ++match.later;
  }
  for (std::int64_t item = 0; item < catalogue; ++item) {
    if (match.row_of_item[item] >= 0) continue;
    match.only_in_data.emplace_back(data.item_id(ItemId{static_cast<std::int32_t>(item)}));
  }
  if (match.matched == 0) {
    RefuseImport("none of the " + std::to_string(listed.size()) + " listed items (first: \"" +
                 listed[0] + "\") is one of the " + std::to_string(catalogue) +
                 " items of slice 0 (first: \"" + std::string(data.item_id(ItemId{0})) +
                 "\"); raw ids are compared as text");
  }
  return match;
}

// The rows in the data's order. Items without a row get theirs as items that are new in F do.
std::shared_ptr<const ItemTable> MakeTable(const ItemMatch& match, std::span<const float> rows,
                                           std::int64_t width, std::uint64_t seed) {
  std::vector<float> known;
  for (const std::int64_t row : match.row_of_item) {
    if (row >= 0) known.insert(known.end(), &rows[row * width], &rows[row * width] + width);
  }
  const std::int64_t num_known = std::ssize(known) / width;
  const std::int64_t num_items = std::ssize(match.row_of_item);
  ItemTable table(width, std::move(known));
  table.Grow(num_items, num_known, NewRowsSeed(seed));
  std::vector<float> ordered;
  ordered.reserve(num_items * width);
  std::int64_t next_known = 0, next_fresh = num_known;
  for (const std::int64_t row : match.row_of_item) {
    const std::int64_t from = row >= 0 ? next_known++ : next_fresh++;
    const float* const values = &table.base_ND()[from * width];
    ordered.insert(ordered.end(), values, values + width);
  }
  return std::make_shared<const ItemTable>(width, std::move(ordered));
}

nlohmann::ordered_json FirstOf(const std::vector<std::string>& ids) {
  return std::vector<std::string>(ids.begin(), ids.begin() + std::min(ids.size(), kShownIds));
}

}  // namespace

nlohmann::ordered_json ImportModelDirectory(const ImportPlaces& places, const PreparedData& data,
                                            const PhaseControl& control) {
  ModelDirectory::CheckNotThere(places.model);
  StartPhase(control, "reading the checkpoint");
  ForeignCheckpoint checkpoint(places.from, LoadNameMap(places.map));
  Settings settings = control.settings;
  settings.defaults.insert(settings.defaults.begin(), checkpoint.map().settings.begin(),
                           checkpoint.map().settings.end());
  Configuration configuration = Configure(settings, OptionsOf(data).protocol);
  configuration.edit.Validate();
  ApplySizes(checkpoint, settings, configuration.backbone);
  const std::int64_t context = NamedSection(configuration.backbone).context;
  const std::int64_t data_context = WindowOptionsOf(data).context;
  if (data_context > context) {
    RefuseImport("the data has contexts of " + std::to_string(data_context) +
                 " items, the model reads " + std::to_string(context) +
                 "; prepare the data with --context " + std::to_string(context));
  }
  std::shared_ptr<Backbone> backbone = MakeBackbone(configuration.backbone, configuration.seed);
  checkpoint.Fill(*backbone);
  const std::vector<float> rows = checkpoint.ItemRows(*backbone);
  checkpoint.CheckAllUsed();

  const std::int64_t catalogue = FittedCatalogue(data);
  const ItemMatch match = MatchItems(checkpoint.item_ids(), data, catalogue);
  Snapshot snapshot =
      MakeFittedSnapshot({.backbone = backbone,
                          .items = MakeTable(match, rows, backbone->dim(),
                                             static_cast<std::uint64_t>(configuration.seed)),
                          .catalogue_size = catalogue});
  KMeansResult clustering;
  if (FindsRegions(data)) {
    StartPhase(control, "regions");
    snapshot = AddRegions(snapshot, data, configuration, control.Pass("regions"), &clustering);
  }

  ModelInfo info = DescribeModel(data, configuration);
  const SasrecOptions& options = NamedSection(configuration.backbone);
  info.report = {{"imported", checkpoint.map().about},
                 {"backbone", configuration.backbone.name},
                 {"dim", options.dim},
                 {"blocks", options.blocks},
                 {"heads", options.heads},
                 {"ffn_width", options.ffn_width},
                 {"context", context},
                 {"data_context", data_context},
                 {"items",
                  {{"listed", checkpoint.item_ids().size()},
                   {"catalogue", catalogue},
                   {"matched", match.matched},
                   {"later", match.later},
                   {"only_in_data", match.only_in_data.size()},
                   {"first_only_in_data", FirstOf(match.only_in_data)},
                   {"only_in_list", match.only_in_list.size()},
                   {"first_only_in_list", FirstOf(match.only_in_list)}}},
                 {"tau", snapshot.editor.calibration.tau},
                 {"delta", snapshot.editor.calibration.delta},
                 {"regions", RegionsToJson(snapshot.editor.regions, clustering.counts)}};
  CheckNotCancelled(control, "the model was written");
  StartPhase(control, "writing");
  CreateModel(places.model, info, snapshot, data);
  return info.report;
}

}  // namespace raie
