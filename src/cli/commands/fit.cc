#include "cli/commands/commands.h"
#include "cli/report_text.h"
#include "cli/table.h"
#include "service/fit_model.h"

namespace raie::cli {
namespace {

struct FitArguments {
  std::string data;
  std::string model;
  bool resume = false;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.data, Field{.name = "data", .help = "prepared data set"});
    visit(self.model, Field{.name = "model", .help = "folder of the new model"});
    visit(self.resume, Field{.name = "resume",
                             .help = "go on where a stopped run of the same command left off; the "
                                     "result is the same as without the stop"});
  }
};

std::string FitReportText(const nlohmann::ordered_json& report, const std::string& model) {
  const std::int64_t best = report.at("best_epoch");
  std::string text =
      "kept epoch " + std::to_string(best) + " of " + std::to_string(report.at("epochs").size());
  if (best >= 1) {
    const auto& epoch = report.at("epochs")[best - 1];
    text += ": validation NDCG@10 " + Fixed(epoch.at("validation_ndcg@10"), 4) + ", R@10 " +
            Fixed(epoch.at("validation_recall@10"), 4);
  }
  text += "\n";
  return text + RegionsText(report) + "wrote version 0 of " + model + "\n";
}

int RunFit(const FitArguments& arguments, Invocation& invocation) {
  const PreparedData data = PreparedData::Load(arguments.data);
  const auto report = FitModelDirectory(
      data, arguments.model, arguments.resume ? Resume::kYes : Resume::kNo, invocation.control());
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson(report);
  } else {
    Print(FitReportText(report, arguments.model));
  }
  return kExitOk;
}

}  // namespace

Command FitCommand() {
  return MakeCommand<FitArguments>(
      {.name = "fit",
       .summary = "Fits backbone and regions on slice 0 and writes a model directory",
       .sections = {"", "backbone", "fit", "regions", "edit", "border"},
       .required = {"data", "model"},
       .key_flags = {{"--regions", "regions.k"},
                     {"--editor", "editor"},
                     AdapterLayersFlag({"backbone.causal_lm.lora.last_layers"})},
       .stops_cleanly = true},
      RunFit);
}

}  // namespace raie::cli
