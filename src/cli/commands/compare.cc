#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/table.h"
#include "compare/frontier.h"
#include "compare/run_comparison.h"
#include "compare/tables.h"
#include "data/prepare.h"

namespace raie::cli {
namespace {

struct CompareArguments {
  std::string data;
  std::string output;
  std::string backbones = "sasrec";
  std::string methods;
  std::int64_t seeds = 5;
  std::string protocol;
  std::string reference = "lora";
  std::vector<std::string> sweep;
  std::int64_t tune = 6;
  bool frontier = false;
  bool plan = false;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.data, Field{.name = "data", .help = "prepared data set"});
    visit(self.output, Field{.name = "output",
                             .help = "folder of the run; a run that is there is gone on with"});
    visit(self.backbones, Field{.name = "backbones", .help = "a,b,c (raie list backbones)"});
    visit(self.methods,
          Field{.name = "methods",
                .help = "a,b,c (raie list methods; default: frozen,lora,lora_big,raie, "
                        "for data prepared as-released frozen,lora,raie)"});
    visit(self.seeds,
          Field{.name = "seeds", .help = "runs of each cell", .minimum = 1, .maximum = 1000});
    visit(self.protocol, Field{.name = "protocol",
                               .help = "the protocol the data must have been prepared with "
                                       "(default: whatever it is; raie list protocols)"});
    visit(self.reference,
          Field{.name = "reference", .help = "method the others are tested against"});
    visit(self.sweep, Field{.name = "sweep",
                            .help = "key=v1,v2,...: every cell once with each value; repeated "
                                    "flags make a grid (write [a;b] for a list)"});
    visit(self.tune, Field{.name = "tune",
                           .help = "configurations tried for each method on the first seed, judged "
                                   "on F validation; 1: none",
                           .minimum = 1,
                           .maximum = 1000});
    visit(self.frontier,
          Field{.name = "frontier",
                .help = "run every method that has a stability knob (replay weight, LwF weight, "
                        "LSAT share, rho) at five values of it; area under S held-out against T"});
    visit(self.plan, Field{.name = "plan", .help = "only say what is left and how long it takes"});
  }
};

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t comma = std::min(text.find(',', at), text.size());
    if (comma > at) parts.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return parts;
}

std::string DefaultMethods(const PreparedData& data) {
  return OptionsOf(data).protocol == Protocol::kAsReleased ? "frozen,lora,raie"
                                                           : "frozen,lora,lora_big,raie";
}

std::string TextOf(const ResultTable& result) {
  Table table(result.header);
  for (const auto& row : result.rows) {
    std::vector<std::string> cells;
    for (const TableEntry& entry : row) cells.push_back(entry.text + (entry.bold ? "*" : ""));
    table.Add(std::move(cells));
  }
  return result.title + "\n" + table.ToText();
}

int RunCompare(const CompareArguments& arguments, Invocation& invocation) {
  CompareRequest request;
  request.options.backbones = Split(arguments.backbones);
  request.options.first_seed = invocation.configuration.seed;
  request.options.seeds = arguments.seeds;
  request.options.reference = arguments.reference;
  request.options.tune = arguments.tune;
  request.options.frontier = arguments.frontier;
  for (const std::string& sweep : arguments.sweep) {
    request.options.sweeps.push_back(ParseSweep(sweep));
  }
  request.protocol = arguments.protocol;
  request.output = arguments.output;
  request.kind = arguments.plan ? RunKind::kPlanOnly : RunKind::kAll;
  request.say = [&](const std::string& line) {
    invocation.clear_progress();
    Note(line);
  };
  const PreparedData data = PreparedData::Load(arguments.data);
  request.options.methods =
      Split(arguments.methods.empty() ? DefaultMethods(data) : arguments.methods);
  const auto results = RunComparison(data, request, invocation.control());
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson(results);
    return kExitOk;
  }
  if (arguments.plan) return kExitOk;
  const ResultTable frontier = FrontierTable(results);
  Print(TextOf(MainTable(results)) + "* significantly better than " +
        results.at("reference").get<std::string>() + "\n\n" +
        (frontier.rows.empty() ? "" : TextOf(frontier) + "\n") + TextOf(BudgetTable(results)) +
        "\nwrote " +
        (std::filesystem::path(arguments.output) / "results.{json,csv,md,tex}").string() + "\n");
  return kExitOk;
}

}  // namespace

Command CompareCommand() {
  return MakeCommand<CompareArguments>(
      {.name = "compare",
       .summary = "Runs a grid of backbones, methods and seeds; tables with honest statistics",
       .sections = {"", "backbone", "fit", "regions", "edit", "border"},
       .required = {"data", "output"},
       .key_flags = {{"--editor", "editor"}, {"--budget", "edit.budget"}, AdapterLayersFlag()},
       .stops_cleanly = true},
      RunCompare);
}

}  // namespace raie::cli
