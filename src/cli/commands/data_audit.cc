#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/table.h"
#include "data/audit.h"

namespace raie::cli {
namespace {

struct DataAuditArguments {
  std::string data;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.data, Field{.name = "data", .help = "prepared data set"});
  }
};

std::string AuditText(const nlohmann::ordered_json& report) {
  std::string text;
  for (const auto& finding : report.at("findings")) {
    const std::string check = finding.at("check");
    const std::string verdict = finding.at("verdict");
    text += verdict + std::string(6 - verdict.size(), ' ') + check +
            std::string(12 - check.size(), ' ');
    if (finding.at("count").get<std::int64_t>() > 0) text += Count(finding.at("count")) + ": ";
    text += finding.at("message").get<std::string>() + "\n";
  }
  const auto leaks = report.at("leaks").get<std::int64_t>();
  return text + (leaks == 0 ? "no leak\n" : Count(leaks) + " leaks\n");
}

int RunDataAudit(const DataAuditArguments& arguments, Invocation& invocation) {
  const auto findings = AuditData(PreparedData::Load(arguments.data));
  const auto report = ToJson(findings);
  invocation.json ? PrintJson(report) : Print(AuditText(report));
  return CountLeaks(findings) == 0 ? kExitOk : kExitCheckFailed;
}

}  // namespace

Command DataAuditCommand() {
  return MakeCommand<DataAuditArguments>(
      {.name = "data audit",
       .summary = "Looks for leaks: what training or filtering takes from the future (exit code 4)",
       .required = {"data"}},
      RunDataAudit);
}

}  // namespace raie::cli
