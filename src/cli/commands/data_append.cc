#include "cli/commands/commands.h"
#include "cli/table.h"
#include "data/append.h"
#include "data/read_log.h"

namespace raie::cli {
namespace {

struct DataAppendArguments {
  std::vector<std::string> input;
  std::string data;
  AppendOptions append;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.input, Field{.name = "input", .help = "log file with later events"});
    visit(self.data, Field{.name = "data", .help = "prepared data set that grows by a slice"});
    AppendOptions::VisitFields(self.append, visit);
  }
};

int RunDataAppend(const DataAppendArguments& arguments, Invocation& invocation) {
  PreparedData::Load(arguments.data);  // it must be one, before a log is read
  invocation.progress({.phase = "reading"});
  const ReadResult read = ReadLog(arguments.input, invocation.configuration.read, *invocation.pool);
  const nlohmann::ordered_json read_json = ToJson(read.report);
  invocation.progress({.phase = "appending"});
  const AppendReport report =
      AppendData(arguments.data, read.log, arguments.append, *invocation.pool, read_json);
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson({{"read", read_json}, {"appended", ToJson(report)}});
    return kExitOk;
  }
  Print("slice " + std::to_string(report.slice) + ": " + Count(report.counts.events) +
        " events of " + Count(report.counts.users) + " users (" + Count(report.new_users) +
        " new), " + Count(report.counts.items) + " items (" + Count(report.new_items) +
        " new)\ndropped by rating " + Count(report.dropped_by_rating) + ", as repeats " +
        Count(report.dropped_as_repeats) + ", as earlier " + Count(report.dropped_as_earlier) +
        "\n");
  return kExitOk;
}

}  // namespace

Command DataAppendCommand() {
  return MakeCommand<DataAppendArguments>(
      {.name = "data append",
       .summary = "Adds later events to a prepared data set as its next slice",
       .sections = {"", "read"},
       .required = {"input", "data"},
       .key_flags = WithReadFlags({})},
      RunDataAppend);
}

}  // namespace raie::cli
