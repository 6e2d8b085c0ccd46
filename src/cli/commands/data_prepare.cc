#include "cli/commands/commands.h"
#include "cli/table.h"
#include "data/prepare.h"
#include "data/prepared_writer.h"
#include "data/read_log.h"

namespace raie::cli {
namespace {

struct DataPrepareArguments {
  std::vector<std::string> input;
  std::string output;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.input, Field{.name = "input",
                            .help = "log file, plain or in .gz .xz .zip .tar (archive:member); "
                                    "several are read as one log"});
    visit(self.output, Field{.name = "output", .help = "folder of the prepared data set"});
  }
};

std::string ReadText(const ReadResult& read) {
  const ReadReport& report = read.report;
  std::string text = "read " + Count(report.rows) + " rows, kept " + Count(report.kept) + "\n";
  for (const RuleCount& rule : report.rules) {
    text += "  " + rule.rule + ": " + Count(rule.dropped) + " rows dropped\n";
  }
  for (int kind = 0; kind < kNumBadRowKinds; ++kind) {
    if (report.bad_rows[kind] == 0) continue;
    text += "  skipped, " + std::string(EnumNames(BadRowKind{})[kind]) + ": " +
            Count(report.bad_rows[kind]) + " rows\n";
  }
  if (!report.first_bad_row.empty()) text += "  first: " + report.first_bad_row + "\n";
  if (report.titles_file.empty()) return text;
  const std::string items = " of " + Count(read.log.item_ids.size()) + " items";
  text += "titles of " + report.titles_file + ": ";
  text += report.titled_items > 0 ? Count(report.titled_items) + items
                                  : "none" + items + "; are its item ids those of the log?";
  text += "\n";
  return text;
}

std::string PreparedText(const PrepareReport& report) {
  std::string text = "dropped by rating " + Count(report.dropped_by_rating) + ", as repeats " +
                     Count(report.dropped_as_repeats) + ", by the k-core " +
                     Count(report.dropped_by_k_core) + "\n";
  if (report.dropped_outside_windows > 0) {
    text += "dropped outside the windows of protocol as-released " +
            Count(report.dropped_outside_windows) + "\n";
  }
  const bool three = report.after.size() == 3;
  Table table({"slice", "users", "items", "events"});
  for (std::size_t i = 0; i < report.after.size(); ++i) {
    const SliceCounts& counts = report.after[i];
    table.Add({three ? std::string(1, "SFT"[i]) : std::to_string(i), Count(counts.users),
               Count(counts.items), Count(counts.events)});
  }
  return text + table.ToText();
}

int RunDataPrepare(const DataPrepareArguments& arguments, Invocation& invocation) {
  CheckMayPrepare(arguments.output);
  const Configuration& configuration = invocation.configuration;
  configuration.prepare.Validate();
  invocation.progress({.phase = "reading"});
  ReadResult read = ReadLog(arguments.input, configuration.read, *invocation.pool);
  const nlohmann::ordered_json read_json = ToJson(read.report);
  invocation.progress({.phase = "preparing"});
  const PrepareReport report =
      PrepareData(read.log, configuration.prepare, arguments.output, *invocation.pool, read_json);
  invocation.clear_progress();
  if (invocation.json) {
    PrintJson({{"read", read_json}, {"prepared", ToJson(report)}});
  } else {
    Print(ReadText(read) + PreparedText(report));
  }
  return kExitOk;
}

}  // namespace

Command DataPrepareCommand() {
  return MakeCommand<DataPrepareArguments>(
      {.name = "data prepare",
       .summary = "Reads interaction logs and writes a prepared data set",
       .sections = {"", "read", "prepare"},
       .required = {"input", "output"},
       .key_flags = WithReadFlags({{"--min-rating", "prepare.min_rating"},
                                   {"--repeats", "prepare.repeats"},
                                   {"--protocol", "prepare.protocol"},
                                   {"--k-core", "prepare.k_core"},
                                   {"--context", "prepare.context"},
                                   {"--stride", "prepare.stride"},
                                   {"--slices", "prepare.slices"}})},
      RunDataPrepare);
}

}  // namespace raie::cli
