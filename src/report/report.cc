#include "report/report.h"

#include "base/number_text.h"
#include "raie/error.h"
#include "report/comparison_section.h"
#include "report/cost_section.h"
#include "report/data_section.h"
#include "report/provenance_section.h"
#include "report/regions_section.h"
#include "report/run_files.h"
#include "report/stream_section.h"
#include "report/sweep_section.h"
#include "report/users_section.h"

namespace raie {
namespace {

constexpr int kReportVersion = 1;

void CheckIsDataOf(const RunFiles& run, const PreparedData& data) {
  const std::string wanted = run.identity().value("data", "");
  if (wanted == data.digest()) return;
  throw Error(ErrorCode::kInvalidArgument,
              "report: the data set has digest " + data.digest() + ", the run was made on " +
                  wanted + "; give --data the folder that raie compare was given");
}

ReportJson NeedsData(const std::string& id, const std::string& title, const std::string& what) {
  return SectionOf(id, title,
                   {MissingBlock(what + " need the prepared data set: give --data DIR.")});
}

std::vector<ReportJson> AllSections(const RunFiles& run, const ReportRequest& request,
                                    TaskPool& pool) {
  std::vector<ReportJson> sections;
  sections.push_back(ComparisonSection(run));
  sections.push_back(SweepSection(run));
  sections.push_back(CostSection(run));
  sections.push_back(StreamSection(run));
  const auto study = StudyRegions(run);
  if (study.has_value()) {
    sections.push_back(RegionsSection(
        {.run = run, .study = *study, .data = request.data, .made = request.made}, pool));
  } else {
    sections.push_back(NoRegionsSection());
  }
  if (request.data == nullptr) {
    sections.push_back(NeedsData("users", "Users", "Examples of users"));
    sections.push_back(NeedsData("data", "Data", "Counts of slices and events over time"));
  } else {
    if (study.has_value()) sections.push_back(UsersSection(*study, *request.data));
    sections.push_back(DataSection(*request.data));
  }
  sections.push_back(ProvenanceSection(run, request.data));
  return sections;
}

// Sections of nothing but sentences on what is missing become one, at the end.
ReportJson Gathered(std::vector<ReportJson> sections) {
  ReportJson list = ReportJson::array();
  std::vector<ReportJson> missing;
  for (ReportJson& section : sections) {
    if (HasContent(section)) {
      list.push_back(std::move(section));
      continue;
    }
    for (ReportJson& block : section.at("blocks")) {
      block["text"] =
          section.at("title").get<std::string>() + ". " + block.at("text").get<std::string>();
      missing.push_back(std::move(block));
    }
  }
  if (!missing.empty()) {
    list.push_back(SectionOf("not-here", "Not in this report", std::move(missing)));
  }
  return list;
}

ReportJson SummaryOf(const RunFiles& run, const ReportJson& sections) {
  ReportJson summary = ReportJson::array();
  std::vector<const ReportJson*> rows = BaseRows(run.results());
  if (rows.empty()) rows = FinishedRows(run.results());
  if (!rows.empty()) {
    for (const std::string& part : PartsByInterest(run.results())) {
      summary.push_back(VerdictSentence(run.results(), part, rows));
    }
  }
  for (const ReportJson& section : sections) {
    for (const ReportJson& block : section.at("blocks")) {
      const std::string id = block.value("id", "");
      if (id == "region-map" || id == "region-drift" || id == "users") {
        summary.push_back(block.at("takeaway"));
      }
    }
  }
  return summary;
}

}  // namespace

ReportJson BuildReport(const ReportRequest& request, TaskPool& pool) {
  const RunFiles run(request.run);
  if (request.data != nullptr) CheckIsDataOf(run, *request.data);
  const ReportJson sections = Gathered(AllSections(run, request, pool));
  const std::string protocol = run.identity().value("protocol", "");
  std::string subtitle = "Protocol " + protocol;
  if (run.has_results()) {
    const std::size_t seeds = run.results().at("seeds").size();
    subtitle += ", " + CountOf(std::ssize(run.results().at("rows")), "row") + ", " +
                CountOf(static_cast<std::int64_t>(seeds), "seed") + ", reference " +
                run.results().at("reference").get<std::string>() +
                (run.results().value("missing", 0) > 0 ? ", not finished" : "");
  }
  if (protocol == "as-released") {
    subtitle += ". What the published code does: unequal samples, S in-sample, items of T known";
  }
  return {{"format", "raie-report"},
          {"version", kReportVersion},
          {"title", "Comparison " + run.path().filename().string()},
          {"subtitle", subtitle},
          {"summary", SummaryOf(run, sections)},
          {"sections", sections}};
}

std::vector<const ReportJson*> BlocksWithNumbers(const ReportJson& report) {
  std::vector<const ReportJson*> blocks;
  for (const ReportJson& section : report.at("sections")) {
    for (const ReportJson& block : section.at("blocks")) {
      if (block.contains("columns")) blocks.push_back(&block);
    }
  }
  return blocks;
}

}  // namespace raie
