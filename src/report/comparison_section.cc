#include "report/comparison_section.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/number_text.h"
#include "compare/tables.h"

namespace raie {
namespace {

using Rows = std::vector<const ReportJson*>;

std::size_t DistinctOf(const Rows& rows, const char* key) {
  std::set<std::string> values;
  for (const ReportJson* row : rows) values.insert(row->at(key).get<std::string>());
  return values.size();
}

const ReportJson* AgainstOf(const ReportJson& row, const std::string& part) {
  if (!row.contains(part) || !row.at(part).contains("against")) return nullptr;
  return &row.at(part).at("against");
}

// Columns that name a row, as far as they differ.
struct RowNames {
  bool backbone = false;
  bool point = false;

  explicit RowNames(const Rows& rows)
      : backbone(DistinctOf(rows, "backbone") > 1), point(DistinctOf(rows, "point") > 1) {}

  std::vector<ReportColumn> columns() const {
    std::vector<ReportColumn> list;
    if (backbone) list.push_back({"backbone", "Backbone"});
    if (point) list.push_back({"point", "Settings"});
    list.push_back({"method", "Method"});
    return list;
  }
  ReportJson of(const ReportJson& row) const {
    ReportJson list = ReportJson::array();
    if (backbone) list.push_back(row.at("backbone"));
    if (point) list.push_back(row.at("point"));
    list.push_back(row.at("method"));
    return list;
  }
};

ReportJson PartTable(const ReportJson& results, const std::string& part, const Rows& rows) {
  const std::string reference = results.at("reference");
  const RowNames names(rows);
  ReportTable table{.columns = names.columns()};
  for (const ReportColumn& column : std::vector<ReportColumn>{
           {"seeds", "Seeds", "count"},
           {"ndcg10", "NDCG@10", "interval", "mean over windows with its 95 % interval"},
           {"difference", "Difference to " + reference, "change_interval",
            "of NDCG@10, with its 95 % interval"},
           {"p_adjusted", "p (Holm)", "p",
            "Wilcoxon's signed-rank test over users, adjusted over all methods and backbones"},
           {"verdict", "Verdict", "verdict"},
           {"recall10", "Recall@10", "interval"},
           {"users_better", "Users better", "percent",
            "share of users whose NDCG@10 is above that of " + reference}}) {
    table.columns.push_back(column);
  }
  for (const ReportJson* row : rows) {
    if (!row->contains(part)) continue;
    const ReportJson* against = AgainstOf(*row, part);
    ReportJson cells = names.of(*row);
    const double users = row->at(part).value("users", 0.0);
    cells.push_back(row->at("seeds"));
    cells.push_back(IntervalOf(*row, part, "ndcg@10"));
    cells.push_back(against == nullptr ? ReportJson() : against->at("ndcg@10"));
    cells.push_back(against == nullptr ? ReportJson() : against->at("p_adjusted"));
    cells.push_back(against == nullptr ? ReportJson("reference") : against->at("verdict"));
    cells.push_back(IntervalOf(*row, part, "recall@10"));
    cells.push_back(against == nullptr || users == 0
                        ? ReportJson()
                        : ReportJson(against->value("users_better", 0.0) / users));
    table.rows.push_back(std::move(cells));
  }
  const bool is_judged = part == results.at("parts").back();  // said above the figure
  std::string windows;
  for (const ReportJson* row : rows) {
    if (!row->contains(part)) continue;
    windows = CountOf(row->at(part).at("windows"), "window") + " of " +
              CountOf(row->at(part).at("users"), "user");
    break;
  }
  return TableBlock(
      {.id = "table-" + part,
       .title = "Results on " + PartLabel(part),
       .takeaway = is_judged ? "" : VerdictSentence(results, part, rows),
       .note = windows + "; means over windows and seeds with 95 % intervals (seeds and "
                         "users drawn); a verdict other than \"same\" needs an adjusted "
                         "p below .05 and an interval that leaves out 0."},
      table);
}

ReportJson ForestFigure(const ReportJson& results, const Rows& rows) {
  const std::string reference = results.at("reference");
  ReportTable table{.columns = {{"method", "Method"},
                                {"part", "Windows"},
                                {"difference", "Difference to " + reference, "change_interval"},
                                {"ndcg10", "NDCG@10", "interval"},
                                {"p_adjusted", "p (Holm)", "p"},
                                {"verdict", "Verdict", "verdict"}}};
  for (const std::string& part : PartsByInterest(results)) {
    for (const ReportJson* row : rows) {
      if (!row->contains(part)) continue;
      const ReportJson* against = AgainstOf(*row, part);
      table.rows.push_back({PointName(results, *row), PartLabel(part),
                            against == nullptr ? ReportJson() : against->at("ndcg@10"),
                            IntervalOf(*row, part, "ndcg@10"),
                            against == nullptr ? ReportJson() : against->at("p_adjusted"),
                            against == nullptr ? ReportJson("reference") : against->at("verdict")});
    }
  }
  const std::string judged = results.at("parts").back();
  return FigureBlock(
      {.id = "comparison",
       .chart = "intervals",
       .title = "Every method against " + reference,
       .takeaway = VerdictSentence(results, judged, rows),
       .note = "Marks are differences of NDCG@10 to " + reference +
               " on the same windows, lines their 95 % intervals over users and seeds; numbers are "
               "means of NDCG@10. A filled triangle is significantly better (up) or worse (down) "
               "after Holm's correction; an open circle cannot be told apart."},
      table,
      {{"label", "method"},
       {"panel", "part"},
       {"value", "difference"},
       {"text", "ndcg10"},
       {"zero", true}});
}

ReportJson BreakdownTableBlock(const Rows& rows) {
  const RowNames names(rows);
  ReportTable table{.columns = names.columns()};
  struct Cell {
    const char* key;
    const char* label;
  };
  static constexpr Cell kMargins[] = {{"T_returning", "Returning users"},
                                      {"T_new_users", "New users"},
                                      {"T_seen_items", "Items of S"},
                                      {"T_new_items", "Items new in F"}};
  static constexpr Cell kCells[] = {{"returning_seen_items", "Returning x items of S"},
                                    {"returning_new_items", "Returning x items of F"},
                                    {"new_users_seen_items", "New users x items of S"},
                                    {"new_users_new_items", "New users x items of F"}};
  for (const Cell& cell : kMargins) table.columns.push_back({cell.key, cell.label, "score"});
  for (const Cell& cell : kCells) table.columns.push_back({cell.key, cell.label, "score"});
  std::map<std::string, double> windows;
  for (const ReportJson* row : rows) {
    if (!row->contains("evaluation") || !row->at("evaluation").contains("T_cross")) continue;
    const ReportJson& evaluation = row->at("evaluation");
    ReportJson cells = names.of(*row);
    const auto add = [&](const ReportJson& of, const char* key) {
      cells.push_back(of.contains(key) ? of.at(key).value("ndcg@10", ReportJson()) : ReportJson());
      if (of.contains(key)) windows[key] = of.at(key).value("windows", 0.0);
    };
    for (const Cell& cell : kMargins) add(evaluation, cell.key);
    for (const Cell& cell : kCells) add(evaluation.at("T_cross"), cell.key);
    table.rows.push_back(std::move(cells));
  }
  if (table.rows.empty()) return nullptr;
  DropEmptyColumns(table);  // kinds of windows that the data has none of
  const auto count = [&](const char* key) {
    return Count(static_cast<std::int64_t>(windows[key]));
  };
  return TableBlock(
      {.id = "breakdown",
       .title = "T by kind of user and item",
       .takeaway = count("T_returning") + " windows of T are of returning users, " +
                   count("T_new_users") + " of users new since S; " + count("T_new_items") +
                   " targets are items new in F. Claims about drift of users rest on the former.",
       .note = "NDCG@10, mean over seeds. These cells were not tested: nothing is claimed of "
               "differences between them."},
      table);
}

// "a and b are", "a is".
std::string Subject(const std::vector<std::string>& names) {
  return ListOfNames(names) + (names.size() == 1 ? " is" : " are");
}

}  // namespace

std::string PartLabel(const std::string& part) {
  return part == "next" ? "the next slice" : PartName(part);
}

std::vector<std::string> PartsByInterest(const ReportJson& results) {
  std::vector<std::string> parts = results.at("parts");
  std::ranges::reverse(parts);
  return parts;
}

std::string RowName(const ReportJson& results, const ReportJson& row) {
  Rows rows = FinishedRows(results);
  std::string name = row.at("method");
  if (DistinctOf(rows, "backbone") > 1) name += " (" + row.at("backbone").get<std::string>() + ")";
  return name;
}

std::string PointName(const ReportJson& results, const ReportJson& row) {
  const std::string point = row.at("point");
  return RowName(results, row) + (point == "base" ? "" : " at " + point);
}

std::string VerdictOf(const ReportJson& row, const std::string& part) {
  const ReportJson* against = AgainstOf(row, part);
  return against == nullptr ? "" : against->at("verdict").get<std::string>();
}

ReportJson IntervalOf(const ReportJson& row, const std::string& part, const char* metric) {
  return row.contains(part) ? row.at(part).value(metric, ReportJson()) : ReportJson();
}

std::string VerdictSentence(const ReportJson& results, const std::string& part,
                            const std::vector<const ReportJson*>& rows) {
  const std::string reference = results.at("reference");
  std::map<std::string, std::vector<std::string>> names;
  for (const ReportJson* row : rows) {
    names[VerdictOf(*row, part)].push_back(PointName(results, *row));
  }
  std::string text;
  const auto add = [&](const std::string& clause) { text += (text.empty() ? "" : "; ") + clause; };
  if (!names["better"].empty()) {
    add(Subject(names["better"]) + " significantly better than " + reference);
  }
  if (!names["worse"].empty()) {
    add(Subject(names["worse"]) +
        (text.empty() ? " significantly worse than " + reference : " significantly worse"));
  }
  if (!names["same"].empty()) {
    add(ListOfNames(names["same"]) + " cannot be told apart from " + reference);
  }
  if (text.empty()) return "On " + PartLabel(part) + ", there is nothing to compare with.";
  return "On " + PartLabel(part) + ", " + text + ".";
}

ReportJson ComparisonSection(const RunFiles& run) {
  const ReportJson& results = run.results();
  Rows rows = BaseRows(results);
  if (rows.empty()) rows = FinishedRows(results);
  if (rows.empty()) {
    return SectionOf("comparison", "Comparison",
                     {MissingBlock("There are no results yet: run the same raie compare command to "
                                   "its end; tables are written after each seed.")});
  }
  std::vector<ReportJson> blocks = {ForestFigure(results, rows)};
  for (const std::string& part : PartsByInterest(results)) {
    blocks.push_back(PartTable(results, part, rows));
  }
  ReportJson breakdown = BreakdownTableBlock(rows);
  if (!breakdown.is_null()) blocks.push_back(std::move(breakdown));
  if (const auto missing = results.value("missing", 0); missing > 0) {
    blocks.push_back(TextBlock(CountOf(missing, "cell") +
                               " of the grid had not been run when these tables were written; the "
                               "same raie compare command goes on."));
  }
  return SectionOf("comparison", "Comparison", std::move(blocks));
}

}  // namespace raie
