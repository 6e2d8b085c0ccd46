#include "cli/commands/commands.h"
#include "cli/report_text.h"
#include "service/edit_model.h"

namespace raie::cli {
namespace {

struct DriftArguments {
  std::string model;
  std::string data;
  std::int64_t slice = kNextSlice;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.model, Field{.name = "model", .help = "model directory"});
    visit(self.data, Field{.name = "data", .help = "prepared data set that holds the slice"});
    visit(self.slice, Field{.name = "slice",
                            .help = "slice to look at; -1: the next one",
                            .minimum = -1,
                            .maximum = kLargestNumber});
  }
};

int RunDrift(const DriftArguments& arguments, Invocation& invocation) {
  const PreparedData data = PreparedData::Load(arguments.data);
  const auto report = MeasureModelDrift(arguments.model, data, static_cast<int>(arguments.slice),
                                        invocation.control());
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson(report);
  } else {
    Print("slice " + report.at("slice").dump() + " against version " + report.at("version").dump() +
          "\n" + DriftText(report));
  }
  return kExitOk;
}

}  // namespace

Command DriftCommand() {
  return MakeCommand<DriftArguments>(
      {.name = "drift",
       .summary = "Shows which regions drift in a slice, before any training",
       .sections = {"", "edit", "border"},
       .required = {"model", "data"},
       .key_flags = {{"--editor", "editor"}},
       .stops_cleanly = true},
      RunDrift);
}

}  // namespace raie::cli
