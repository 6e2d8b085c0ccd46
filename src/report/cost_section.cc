#include "report/cost_section.h"

#include <algorithm>
#include <optional>

#include "base/number_text.h"
#include "base/statistics.h"
#include "compare/grid.h"
#include "report/comparison_section.h"

namespace raie {
namespace {

// Seconds of learning, median over the seeds of a row.
std::optional<double> LearnSeconds(const RunFiles& run, const ReportJson& row) {
  std::vector<double> seconds;
  const std::string method = CellMethod(row.at("method"));
  for (const RunCell& cell : run.cells()) {
    if (cell.backbone != row.at("backbone") || cell.point != row.at("point") ||
        cell.method != method || !run.Has(cell.folder / "times.json")) {
      continue;
    }
    const ReportJson times = run.LoadJson(cell.folder / "times.json");
    if (times.contains("learn_seconds")) seconds.push_back(times.at("learn_seconds"));
  }
  if (seconds.empty()) return std::nullopt;
  return Quantile(seconds, 0.5);
}

std::string TunedText(const ReportJson& row) {
  std::string text;
  const ReportJson tuned = row.value("tuned", ReportJson::object());
  for (const auto& [key, value] : tuned.items()) {
    text += (text.empty() ? "" : ", ") + key + "=" + value.get<std::string>();
  }
  return text;
}

// How S and T moved while each method learnt, with the lowest seed at the base point; null if no
// cell has such a curve.
ReportJson CurvesFigure(const RunFiles& run) {
  ReportTable table{.columns = {{"series", "Method"},
                                {"x", "Samples", "number"},
                                {"value", "Share of the maximum"},
                                {"part", "Windows"},
                                {"ndcg10", "NDCG@10", "score"},
                                {"verdict", "Verdict", "verdict"}}};
  struct Part {
    const char* key;
    const char* label;
  };
  static constexpr Part kParts[] = {
      {"T", "T"}, {"S_held_out", "S held-out"}, {"S_in_sample", "S in-sample"}};
  std::uint64_t seed = 0;
  std::string pass;
  for (const RunCell& cell : run.cells()) {
    if (cell.point != "base") continue;
    if (table.rows.empty()) seed = cell.seed;
    if (cell.seed != seed) continue;
    const ReportJson about = run.LoadJson(cell.folder / "cell.json");
    const ReportJson curve = about.value("curve", ReportJson::array());
    if (curve.size() < 2) continue;
    pass = curve.back().value("pass", "");
    for (const Part& part : kParts) {
      for (const ReportJson& point : curve) {
        if (!point.contains(part.key) || point.value("pass", "") != pass) continue;
        table.rows.push_back({cell.method, point.at("samples"), Percent(point.value("share", 0.0)),
                              part.label, point.at(part.key).value("ndcg@10", ReportJson()), ""});
      }
    }
  }
  if (table.rows.empty()) return nullptr;
  return FigureBlock(
      {.id = "curves",
       .chart = "lines",
       .title = "While they learn",
       .takeaway = "How T and what was known of S move from checkpoint to checkpoint.",
       .note = "NDCG@10 with seed " + std::to_string(seed) +
               (pass == "whole" ? " alone, of the pass that is kept"
                                : " alone, of the pass on the early part of the slice "
                                  "that chose how long to train") +
               ". T is only drawn: no choice ever reads it."},
      table, {{"x", "samples"}, {"numbers", true}});
}

}  // namespace

ReportJson CostSection(const RunFiles& run) {
  const ReportJson& results = run.results();
  std::vector<const ReportJson*> rows = BaseRows(results);
  if (rows.empty()) rows = FinishedRows(results);
  std::erase_if(rows, [](const ReportJson* row) { return !row->contains("budget"); });
  if (rows.empty()) {
    return SectionOf("cost", "Cost",
                     {MissingBlock("Nothing was trained in this run that could be set against its "
                                   "quality (or there are no results yet).")});
  }
  const std::string judged = run.judged_part();
  ReportTable table{
      .columns = {{"method", "Method"},
                  {"ndcg10", "NDCG@10 on " + PartLabel(judged), "interval"},
                  {"verdict", "Verdict", "verdict"},
                  {"learn_seconds", "Learning time", "seconds", "wall time, median over seeds"},
                  {"samples", "Samples", "count", "targets with a loss in the pass kept"},
                  {"steps", "Steps", "count"},
                  {"trained_parameters", "Trained parameters", "count"},
                  {"bytes_kept", "Kept", "bytes", "on disk for the next slice, memory included"},
                  {"forward_passes", "Passes a request", "number"},
                  {"tuned", "Tuned settings", "words"}}};
  double fastest = 0;
  double slowest = 0;
  for (const ReportJson* row : rows) {
    const ReportJson& budget = row->at("budget");
    const auto seconds = LearnSeconds(run, *row);
    const std::string verdict = VerdictOf(*row, judged);
    table.rows.push_back(
        {PointName(results, *row), IntervalOf(*row, judged, "ndcg@10"),
         verdict.empty() ? "reference" : verdict,
         seconds.has_value() ? ReportJson(*seconds) : ReportJson(),
         budget.value("samples", ReportJson()), budget.value("steps", ReportJson()),
         budget.value("trained_parameters", ReportJson()), budget.value("bytes_kept", ReportJson()),
         budget.value("forward_passes", ReportJson()), TunedText(*row)});
    if (!seconds.has_value() || budget.value("samples", 0.0) == 0) continue;
    fastest = fastest == 0 ? *seconds : std::min(fastest, *seconds);
    slowest = std::max(slowest, *seconds);
  }
  const std::string takeaway =
      slowest == 0
          ? "Wall time was not recorded for methods that learn."
          : "Methods that learn took between " + Fixed(fastest, fastest < 10 ? 1 : 0) + " and " +
                Fixed(slowest, slowest < 10 ? 1 : 0) +
                " s to learn from the slice (median over seeds, on the machine of this run).";
  const FigureText text{.id = "cost",
                        .chart = "cost",
                        .title = "Quality against cost",
                        .takeaway = takeaway,
                        .note =
                            "Up is better, left is cheaper. Wall times compare within one run "
                            "on a quiet machine only; samples and parameters always do. Filled "
                            "points differ significantly from the reference."};
  const FigureText of_table{
      .id = "budget",
      .title = "What each method took",
      .takeaway = "",
      .note =
          "Means over seeds. Every method was given the same maximum of samples "
          "where the budget is equal, and keeps the checkpoint that validates "
          "best."};
  std::vector<ReportJson> blocks = {FigureBlock(text, table)};
  DropEmptyColumns(table);
  blocks.push_back(TableBlock(of_table, table));
  ReportJson curves = CurvesFigure(run);
  if (!curves.is_null()) blocks.push_back(std::move(curves));
  return SectionOf("cost", "Cost", std::move(blocks));
}

}  // namespace raie
