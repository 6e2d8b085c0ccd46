#include <algorithm>

#include "base/options_json.h"
#include "cli/commands/commands.h"
#include "cli/report_text.h"
#include "cli/table.h"
#include "store/model_directory.h"

namespace raie::cli {
namespace {

struct ShowArguments {
  std::string model;
  bool history = false;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.model, Field{.name = "model", .help = "model directory"});
    visit(self.history, Field{.name = "history", .help = "list its versions and their edits"});
  }
};

nlohmann::ordered_json DescribePrior(const PopularityPrior* prior) {
  if (prior == nullptr) return nullptr;
  return {{"weight", prior->weight},
          {"half_life_days", prior->half_life_seconds / 86400},
          {"counted_until", prior->end_seconds},
          {"items_counted",
           std::ranges::count_if(prior->counts_N, [](float count) { return count > 0; })}};
}

std::string PriorLine(const nlohmann::ordered_json& prior) {
  if (prior.is_null()) return "";
  return "popularity prior: " + PriorText(prior) + ", events of " +
         Count(prior.at("items_counted")) + " items counted up to " +
         Moment(prior.at("counted_until")) + "\n";
}

nlohmann::ordered_json Describe(const ModelDirectory& model, const PhaseControl& control) {
  const std::int32_t version = model.current();
  const Snapshot snapshot = model.LoadSnapshot(version);
  NoteArithmetic(control, *snapshot.backbone);
  nlohmann::ordered_json regions = nlohmann::ordered_json::array();
  for (const Region& region : snapshot.editor.regions.regions) {
    regions.push_back({{"region", Index(region.id)},
                       {"radius_rad", region.radius_rad},
                       {"members", region.num_members},
                       {"updates", region.num_updates},
                       {"expands", region.num_expands},
                       {"adapter", snapshot.adapters.contains(region.id)}});
  }
  return {{"model", model.path().string()},
          {"backbone", OptionsToJson(model.info().backbone)},
          {"width", snapshot.backbone->dim()},
          {"context", model.info().windows.context},
          {"current", version},
          {"versions", model.versions().size()},
          {"slice", snapshot.slice},
          {"items", snapshot.catalogue_size},
          {"tau", snapshot.editor.calibration.tau},
          {"delta", snapshot.editor.calibration.delta},
          {"popularity_prior", DescribePrior(snapshot.prior.get())},
          {"regions", regions}};
}

std::string DescriptionText(const nlohmann::ordered_json& about) {
  const std::string name = about.at("backbone").at("name");
  std::string text = about.at("model").get<std::string>() + ": " + name + ", width " +
                     about.at("width").dump() + ", context " + about.at("context").dump() + ", " +
                     Count(about.at("items")) + " items\n" + "version " +
                     about.at("current").dump() + " answers (of " + about.at("versions").dump() +
                     "), learnt from slices 0 to " + about.at("slice").dump() + "; tau " +
                     Fixed(about.at("tau"), 4) + ", delta " + Fixed(about.at("delta"), 4) + "\n" +
                     PriorLine(about.at("popularity_prior"));
  Table table({"region", "radius (degrees)", "members", "updates", "expands", "adapter"});
  for (const auto& region : about.at("regions")) {
    table.Add({region.at("region").dump(),
               Fixed(region.at("radius_rad").get<double>() * 180 / 3.14159265358979, 1),
               Count(region.at("members")), Count(region.at("updates")),
               Count(region.at("expands")), region.at("adapter").get<bool>() ? "yes" : "no"});
  }
  return text + table.ToText();
}

nlohmann::ordered_json History(const ModelDirectory& model) {
  const std::int32_t current = model.current();
  nlohmann::ordered_json versions = nlohmann::ordered_json::array();
  for (const std::int32_t number : model.versions()) {
    const VersionInfo info = model.LoadInfo(number);
    nlohmann::ordered_json version = {{"version", number},
                                      {"parent", info.parent},
                                      {"current", number == current},
                                      {"slice", info.slice},
                                      {"items", info.catalogue_size}};
    if (info.report.contains("edits")) version["edits"] = info.report.at("edits");
    if (info.report.contains("training")) version["training"] = info.report.at("training");
    versions.push_back(std::move(version));
  }
  return versions;
}

std::string HistoryText(const nlohmann::ordered_json& versions) {
  Table table({"version", "parent", "slice", "items", "updated", "expanded", "added",
               "regions added", "trained", ""});
  for (const auto& version : versions) {
    std::string updated, expanded, added, regions_added, trained;
    if (version.contains("edits")) {
      const auto& edits = version.at("edits");
      updated = Count(edits.at("updated"));
      expanded = Count(edits.at("expanded"));
      added = Count(edits.at("added"));
      regions_added = Count(edits.at("regions_added"));
      for (const auto& region : version.at("training").at("regions")) {
        if (!region.at("trained").get<bool>()) continue;
        trained += (trained.empty() ? "" : ",") + region.at("region").dump();
      }
      if (trained.empty()) trained = "none";
    }
    table.Add({version.at("version").dump(),
               version.at("parent").get<int>() < 0 ? "fitted" : version.at("parent").dump(),
               version.at("slice").dump(), Count(version.at("items")), updated, expanded, added,
               regions_added, trained, version.at("current").get<bool>() ? "answers" : ""});
  }
  return table.ToText();
}

int RunShow(const ShowArguments& arguments, Invocation& invocation) {
  const ModelDirectory model = ModelDirectory::Open(arguments.model);
  if (arguments.history) {
    const auto versions = History(model);
    invocation.json ? PrintJson({{"versions", versions}}) : Print(HistoryText(versions));
  } else {
    const auto about = Describe(model, invocation.control());
    invocation.json ? PrintJson(about) : Print(DescriptionText(about));
  }
  return kExitOk;
}

}  // namespace

Command ShowCommand() {
  return MakeCommand<ShowArguments>(
      {.name = "show",
       .summary = "Shows what a model directory holds; --history its versions and their edits",
       .sections = {""},
       .required = {"model"}},
      RunShow);
}

}  // namespace raie::cli
