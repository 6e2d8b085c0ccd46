#include "cli/commands/commands.h"
#include "data/stats.h"

namespace raie::cli {
namespace {

struct DataStatsArguments {
  std::string data;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.data, Field{.name = "data", .help = "prepared data set"});
  }
};

int RunDataStats(const DataStatsArguments& arguments, Invocation& invocation) {
  const DataStats stats = ComputeStats(PreparedData::Load(arguments.data));
  if (invocation.json) {
    PrintJson(ToJson(stats));
  } else {
    Print(FormatStats(stats));
  }
  return kExitOk;
}

}  // namespace

Command DataStatsCommand() {
  return MakeCommand<DataStatsArguments>(
      {.name = "data stats",
       .summary = "Counts what a prepared data set holds (users, items, events, windows, shares)",
       .required = {"data"}},
      RunDataStats);
}

}  // namespace raie::cli
