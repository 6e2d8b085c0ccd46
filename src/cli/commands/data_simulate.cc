#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/table.h"
#include "service/simulate_shop.h"

namespace raie::cli {
namespace {

struct DataSimulateArguments {
  std::string output;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.output,
          Field{.name = "output", .help = "folder for events.csv, items.csv and the truth"});
  }
};

int RunDataSimulate(const DataSimulateArguments& arguments, Invocation& invocation) {
  const nlohmann::ordered_json report = SimulateShopFolder(arguments.output, invocation.control());
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson(report);
    return kExitOk;
  }
  std::string drifting;
  for (const auto& interest : report.at("drifting")) {
    drifting += (drifting.empty() ? "" : ", ") + interest.dump();
  }
  Print(Count(report.at("events")) + " events of " + Count(report.at("users")) + " users and " +
        Count(report.at("items")) +
        " items; interests that drift: " + (drifting.empty() ? "none" : drifting) +
        "\nprepare it with: raie data prepare --input " + arguments.output +
        "/events.csv --titles " + arguments.output + "/items.csv --output DIR\n");
  return kExitOk;
}

}  // namespace

Command DataSimulateCommand() {
  return MakeCommand<DataSimulateArguments>(
      {.name = "data simulate",
       .summary = "Simulates a shop whose interests drift, with the truth",
       .sections = {"", "simulate"},
       .required = {"output"}},
      RunDataSimulate);
}

}  // namespace raie::cli
