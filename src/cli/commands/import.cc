#include "cli/commands/commands.h"
#include "cli/report_text.h"
#include "cli/table.h"
#include "service/import_model.h"

namespace raie::cli {
namespace {

struct ImportArguments {
  std::string from;
  std::string map;
  std::string data;
  std::string model;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.from, Field{.name = "from",
                           .help = "folder with the checkpoint: model.safetensors, and items.txt "
                                   "with the raw id of each item row, one a line"});
    visit(self.map, Field{.name = "map",
                          .help = "name map: which tensor is which parameter; ready-made ones for "
                                  "RecBole and RecTools are in configs/import"});
    visit(self.data, Field{.name = "data", .help = "prepared data set, for regions and catalogue"});
    visit(self.model, Field{.name = "model", .help = "folder of the new model"});
  }
};

// "12 (a, b, ...)"
std::string CountAndIds(const nlohmann::ordered_json& items, const char* count, const char* ids) {
  std::string text;
  for (const auto& id : items.at(ids)) text += (text.empty() ? "" : ", ") + id.get<std::string>();
  const std::int64_t all = items.at(count);
  if (all > std::ssize(items.at(ids))) text += ", ...";
  return Count(all) + (text.empty() ? "" : " (" + text + ")");
}

std::string ImportText(const nlohmann::ordered_json& report, const std::string& model) {
  const auto& items = report.at("items");
  std::string text = "imported " + report.at("imported").get<std::string>() + ": " +
                     report.at("backbone").get<std::string>() + ", width " +
                     report.at("dim").dump() + ", " + report.at("blocks").dump() + " blocks, " +
                     report.at("heads").dump() + " heads, reads " + report.at("context").dump() +
                     " items\n";
  text += "items: " + Count(items.at("matched")) + " of the checkpoint's " +
          Count(items.at("listed")) + " are among the " + Count(items.at("catalogue")) +
          " of slice 0\n";
  text += "  only in the data, rows drawn: " +
          CountAndIds(items, "only_in_data", "first_only_in_data") + "\n";
  text += "  in later slices only, rows kept: " + Count(items.at("later")) + "\n";
  text += "  not in the data, rows left behind: " +
          CountAndIds(items, "only_in_list", "first_only_in_list") + "\n";
  if (report.at("data_context") < report.at("context")) {
    text += "answers read the last " + report.at("data_context").dump() +
            " items, as the data's contexts; for the checkpoint's answers to longer histories "
            "prepare the data with --context " +
            report.at("context").dump() + "\n";
  }
  return text + RegionsText(report) + "wrote version 0 of " + model + "\n";
}

int RunImport(const ImportArguments& arguments, Invocation& invocation) {
  const PreparedData data = PreparedData::Load(arguments.data);
  const auto report =
      ImportModelDirectory({.from = arguments.from, .map = arguments.map, .model = arguments.model},
                           data, invocation.control());
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson(report);
  } else {
    Print(ImportText(report, arguments.model));
  }
  return kExitOk;
}

}  // namespace

Command ImportCommand() {
  return MakeCommand<ImportArguments>(
      {.name = "import",
       .summary = "Makes a model directory of another library's SASRec or BERT4Rec checkpoint",
       .sections = {"", "backbone", "regions", "edit"},
       .required = {"from", "map", "data", "model"},
       .key_flags = {{"--regions", "regions.k"}, {"--editor", "editor"}},
       .stops_cleanly = true},
      RunImport);
}

}  // namespace raie::cli
