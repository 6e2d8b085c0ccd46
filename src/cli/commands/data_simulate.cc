#include "cli/commands/commands.h"
#include "cli/table.h"
#include "data/simulator.h"
#include "service/output_folder.h"

namespace raie::cli {
namespace {

struct Arguments {
  std::string output;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.output,
          Field{.name = "output", .help = "folder for events.csv, items.csv and the truth"});
  }
};

int Run(const Arguments& arguments, Invocation& invocation) {
  CheckMayReplace(arguments.output, "truth.json");
  SimulatorOptions options = invocation.configuration.simulate;
  if (IsGiven(invocation.settings, "seed")) options.seed = invocation.configuration.seed;
  invocation.progress({.phase = "simulating"});
  const Simulation simulation = SimulateLog(options, *invocation.pool);
  invocation.progress({.phase = "writing"});
  SaveSimulation(simulation, arguments.output, *invocation.pool);
  invocation.clear_progress();
  const InteractionLog& log = simulation.log;
  if (invocation.json) {
    PrintJson({{"users", log.user_ids.size()},
               {"items", log.item_ids.size()},
               {"events", log.size()},
               {"drifting", simulation.truth.drifting}});
    return kExitOk;
  }
  std::string drifting;
  for (const std::int64_t interest : simulation.truth.drifting) {
    drifting += (drifting.empty() ? "" : ", ") + std::to_string(interest);
  }
  Print(Count(log.size()) + " events of " + Count(log.user_ids.size()) + " users and " +
        Count(log.item_ids.size()) +
        " items; interests that drift: " + (drifting.empty() ? "none" : drifting) +
        "\nprepare it with: raie data prepare --input " + arguments.output +
        "/events.csv --titles " + arguments.output + "/items.csv --output DIR\n");
  return kExitOk;
}

}  // namespace

Command DataSimulateCommand() {
  return MakeCommand<Arguments>(
      {.name = "data simulate",
       .summary = "Simulates a shop whose interests drift, with the truth",
       .sections = {"", "simulate"},
       .required = {"output"}},
      Run);
}

}  // namespace raie::cli
