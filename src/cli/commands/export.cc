#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/table.h"
#include "service/export_model.h"

namespace raie::cli {
namespace {

struct ExportArguments {
  std::string model;
  std::int64_t version = kCurrentVersion;
  std::string output;
  nn::Precision precision = nn::Precision::kFp32;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.model, Field{.name = "model", .help = "model directory of a language model"});
    visit(self.version, Field{.name = "version",
                              .help = "version to export; -1: the current one",
                              .minimum = -1,
                              .maximum = kLargestNumber});
    visit(self.output, Field{.name = "output", .help = "folder to write; new, or empty"});
    visit(self.precision,
          Field{.name = "precision",
                .help = "of what is written: fp32 gives raie's scores; bf16 is half as large and "
                        "rounds the items' rows"});
  }
};

std::string ExportText(const nlohmann::ordered_json& report, const std::string& output) {
  const std::int64_t first = report.at("first_token"), items = report.at("items");
  std::string text = "wrote version " + report.at("version").dump() + " to " + output + " (" +
                     Count(report.at("bytes").get<std::int64_t>() / (1 << 20)) +
                     " MiB of weights): " + Count(items) + " items are tokens " + Count(first) +
                     " to " + Count(first + items - 1) + " of " + Count(report.at("vocabulary")) +
                     "\n";
  for (const auto& [region, folder] : report.at("adapters").items()) {
    text += region + " is answered with adapters/" + folder.get<std::string>() + "\n";
  }
  return text;
}

int RunExport(const ExportArguments& arguments, Invocation& invocation) {
  const auto report = ExportModel({.model = arguments.model,
                                   .version = static_cast<std::int32_t>(arguments.version),
                                   .output = arguments.output,
                                   .precision = arguments.precision},
                                  invocation.control());
  invocation.clear_progress();
  if (report.at("popularity_prior").get<bool>()) {
    invocation.note(
        "the version has a popularity prior, which is added to raie's scores and is "
        "not part of what was written");
  }
  invocation.json ? PrintJson(report) : Print(ExportText(report, arguments.output));
  return kExitOk;
}

}  // namespace

Command ExportCommand() {
  return MakeCommand<ExportArguments>(
      {.name = "export",
       .summary = "Writes a language model with its items as a Hugging Face folder, adapters as "
                  "PEFT's",
       .sections = {""},
       .required = {"model", "output"},
       .stops_cleanly = true},
      RunExport);
}

}  // namespace raie::cli
