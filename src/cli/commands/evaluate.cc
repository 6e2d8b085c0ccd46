#include "cli/commands/commands.h"
#include "cli/table.h"
#include "service/evaluate_model.h"

namespace raie::cli {
namespace {

struct EvaluateArguments {
  std::string model;
  std::string data;
  std::int64_t version = kCurrentVersion;
  std::int64_t slice = kLastSlice;
  bool skip_in_sample = false;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.model, Field{.name = "model", .help = "model directory"});
    visit(self.data, Field{.name = "data", .help = "prepared data set"});
    visit(self.version, Field{.name = "version",
                              .help = "version to evaluate; -1: the current one",
                              .minimum = -1,
                              .maximum = kLargestNumber});
    visit(self.slice, Field{.name = "slice",
                            .help = "test slice; -1: the last one",
                            .minimum = -1,
                            .maximum = kLargestNumber});
    visit(self.skip_in_sample,
          Field{.name = "skip_in_sample", .help = "leave out the (many) training windows of S"});
  }
};

void AddPart(Table& table, const std::string& name, const nlohmann::ordered_json& part) {
  const auto number = [](const nlohmann::ordered_json& from, const char* key) {
    return from.at(key).is_number() ? Fixed(from.at(key), 4) : std::string("n/a");
  };
  const auto& users = part.at("user_mean");
  table.Add({name, Count(part.at("windows")), Count(part.at("users")), number(part, "recall@10"),
             number(part, "ndcg@10"), number(part, "mrr"), number(users, "recall@10"),
             number(users, "ndcg@10")});
}

std::string EvaluateReportText(const nlohmann::ordered_json& report) {
  Table table({"part", "windows", "users", "R@10", "N@10", "MRR", "R@10 (users)", "N@10 (users)"});
  for (const auto& [name, part] : report.items()) {
    if (name == "T_cross") {
      for (const auto& [cell, values] : part.items()) AddPart(table, "  " + cell, values);
    } else if (part.is_object() && part.contains("windows") && part.contains("user_mean")) {
      AddPart(table, name, part);
    }
  }
  std::string text = table.ToText() + "T is slice " + report.at("slice").dump() +
                     " of the data, version " + report.at("version").dump() + " answers\n";
  if (report.at("in_sample")) {
    text += "T is in-sample here: version " + report.at("version").dump() +
            " has learnt from slice " + report.at("slice").dump() +
            "; evaluate an earlier --version, or append the next slice\n";
  }
  Table regions(
      {"region", "T windows", "T R@10", "T N@10", "S held-out windows", "S R@10", "S N@10"});
  const auto number = [](const nlohmann::ordered_json& value) {
    return value.is_number() ? Fixed(value, 4) : std::string("n/a");
  };
  for (const auto& region : report.at("regions")) {
    const auto& test = region.at("T");
    const auto& held_out = region.at("S_held_out");
    regions.Add({region.at("region").dump(), Count(test.at("windows")),
                 number(test.at("recall@10")), number(test.at("ndcg@10")),
                 Count(held_out.at("windows")), number(held_out.at("recall@10")),
                 number(held_out.at("ndcg@10"))});
  }
  if (!report.at("regions").empty()) text += "\n" + regions.ToText();
  return text;
}

int RunEvaluate(const EvaluateArguments& arguments, Invocation& invocation) {
  const PreparedData data = PreparedData::Load(arguments.data);
  const auto report = EvaluateModel(
      arguments.model, data,
      {.version = static_cast<std::int32_t>(arguments.version),
       .slice = static_cast<int>(arguments.slice),
       .setup_part = arguments.skip_in_sample ? SetupPart::kHeldOutOnly : SetupPart::kAll},
      invocation.control());
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson(report);
  } else {
    Print(EvaluateReportText(report));
  }
  return kExitOk;
}

}  // namespace

Command EvaluateCommand() {
  return MakeCommand<EvaluateArguments>(
      {.name = "evaluate",
       .summary = "Ranks S (in-sample, held out) and T over the full catalogue",
       .sections = {""},
       .required = {"model", "data"},
       .stops_cleanly = true},
      RunEvaluate);
}

}  // namespace raie::cli
