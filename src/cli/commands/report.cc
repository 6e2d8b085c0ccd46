#include "report/report.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/files.h"
#include "base/number_text.h"
#include "cli/commands/commands.h"
#include "cli/run_text.h"
#include "raie/error.h"
#include "report/figures.h"
#include "report/page.h"

namespace raie::cli {
namespace {

struct ReportArguments {
  std::string run;
  std::string data;
  std::string output;
  std::string figures;
  bool text = false;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.run, Field{.name = "run", .help = "folder of the run (raie compare --output)"});
    visit(self.data, Field{.name = "data",
                           .help = "the run's prepared data set; without it what needs titles, "
                                   "windows or events is left out"});
    visit(self.output, Field{.name = "output", .help = "the page: one HTML file (report.html)"});
    visit(self.figures,
          Field{.name = "figures",
                .help = "folder for the numbers of every figure and table as CSV, and the figures "
                        "as SVG and PNG where chromium is installed"});
    visit(self.text, Field{.name = "text", .help = "print the report instead, in 60 lines"});
  }
};

// Nothing is written unless it is asked for: a page, figures, text or JSON.
void CheckAsked(const ReportArguments& arguments, const Invocation& invocation) {
  if (arguments.text || invocation.json || !arguments.output.empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              arguments.figures.empty()
                  ? "report: give --output report.html, --text or --json"
                  : "report: figures are drawn from the page: give --output report.html, too");
}

int RunReport(const ReportArguments& arguments, Invocation& invocation) {
  CheckAsked(arguments, invocation);
  std::optional<PreparedData> data;
  if (!arguments.data.empty()) data = PreparedData::Load(arguments.data);
  const ReportJson report = BuildReport(
      {.run = arguments.run,
       .data = data.has_value() ? &*data : nullptr,
       .made = [&](const Backbone& made) { NoteArithmetic(invocation.control(), made); }},
      *invocation.pool);
  invocation.clear_progress();
  std::string wrote;
  if (!arguments.output.empty()) {
    const std::string page = ReportPage(report);
    WriteFileAtomically(arguments.output, page);
    wrote = "wrote " + arguments.output + " (" + Count(std::ssize(page) / 1024) + " KiB)\n";
  }
  if (!arguments.figures.empty() && !arguments.output.empty()) {
    const FigureFiles files = WriteFigures(report, arguments.output, arguments.figures);
    wrote += "wrote " + CountOf(files.tables, "table") + " as CSV and " +
             CountOf(files.drawn, "figure") + " as SVG and PNG to " + arguments.figures + "\n";
    if (!files.notice.empty()) Note(files.notice);
  }
  if (invocation.json) {
    PrintJson(report);
  } else {
    Print(arguments.text ? RunText(report) : wrote);
  }
  return kExitOk;
}

}  // namespace

Command ReportCommand() {
  return MakeCommand<ReportArguments>(
      {.name = "report",
       .summary = "Makes one page of a comparison: figures, tables, regions, users; or prints it",
       .required = {"run"}},
      RunReport);
}

}  // namespace raie::cli
