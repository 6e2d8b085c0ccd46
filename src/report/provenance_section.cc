#include "report/provenance_section.h"

#include <set>

#include "raie/version.h"

namespace raie {
namespace {

std::string ValueText(const ReportJson& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void Flatten(const ReportJson& object, const std::string& prefix, ReportTable& table) {
  for (const auto& [key, value] : object.items()) {
    const std::string name = prefix.empty() ? key : prefix + "." + key;
    if (value.is_object()) {
      Flatten(value, name, table);
    } else {
      table.rows.push_back({name, ValueText(value)});
    }
  }
}

std::string Names(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

ReportJson ProvenanceSection(const RunFiles& run, const PreparedData* data) {
  std::set<std::string> backbones;
  std::set<std::string> methods;
  std::set<std::string> points;
  std::set<std::uint64_t> seeds;
  for (const RunCell& cell : run.cells()) {
    backbones.insert(cell.backbone);
    methods.insert(cell.method);
    points.insert(cell.point);
    seeds.insert(cell.seed);
  }
  std::string made_with;
  if (!run.cells().empty()) {
    made_with = run.LoadJson(run.cells().front().folder / "cell.json").value("raie", "");
  }
  const ReportJson& identity = run.identity();
  ReportTable facts{.columns = {{"what", "What"}, {"value", "Value", "words"}}};
  const auto add = [&](const char* what, const std::string& value) {
    if (!value.empty()) facts.rows.push_back({what, value});
  };
  add("run", run.path().filename().string());
  add("report made by", std::string("raie ") + kVersion);
  add("cells made by", made_with.empty() ? "" : "raie " + made_with);
  add("protocol", identity.value("protocol", ""));
  add("data set", identity.value("data", ""));
  if (data != nullptr) {
    for (const auto& file : data->manifest().at("read").value("files", nlohmann::json::array())) {
      add("log", std::filesystem::path(file.get<std::string>()).filename().string());
    }
  }
  add("backbones", Names(backbones));
  add("methods", Names(methods));
  if (points.size() > 1) {
    add("points", points.size() > 12 ? std::to_string(points.size()) + " points" : Names(points));
  }
  add("seeds", seeds.empty() ? ""
                             : std::to_string(seeds.size()) + " (from " +
                                   std::to_string(*seeds.begin()) + ")");
  add("cells finished", std::to_string(run.cells().size()));
  add("configurations tried a method", std::to_string(identity.value("tune", 1)));
  add("reference", run.results().value("reference", ""));

  ReportTable settings{.columns = {{"key", "Setting"}, {"value", "Value", "words"}}};
  Flatten(identity.value("configuration", ReportJson::object()), "", settings);
  ReportTable preparation{.columns = {{"key", "Setting"}, {"value", "Value", "words"}}};
  if (data != nullptr) Flatten(ReportJson(data->manifest().at("options")), "prepare", preparation);

  std::vector<ReportJson> blocks;
  blocks.push_back(TableBlock(
      {.id = "provenance",
       .title = "What was run",
       .note =
           "The same data set, settings and release give the same numbers on any number of "
           "threads of one type of processor. Tuned settings are in the table of costs; run.json "
           "and each cell.json have all of it."},
      facts));
  ReportJson list = TableBlock({.id = "settings", .title = "All settings"}, settings);
  list["folded"] = true;
  blocks.push_back(std::move(list));
  if (data != nullptr) {
    ReportJson prepared =
        TableBlock({.id = "preparation", .title = "How the data was prepared"}, preparation);
    prepared["folded"] = true;
    blocks.push_back(std::move(prepared));
  }
  return SectionOf("provenance", "Provenance", std::move(blocks));
}

}  // namespace raie
