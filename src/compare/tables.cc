#include "compare/tables.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/number_text.h"

namespace raie {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAbsent = "n/a";

std::string Number(const Json& value, const char* format = "%.4f") {
  if (!value.is_number()) return kAbsent;
  char text[64];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

bool HasPoints(const Json& results) {
  return std::ranges::any_of(results.at("rows"),
                             [](const Json& row) { return row.at("point") != "base"; });
}

std::vector<TableEntry> NamesOf(const Json& results, const Json& row) {
  std::vector<TableEntry> names = {{row.at("backbone").get<std::string>()}};
  if (HasPoints(results)) names.push_back({row.at("point").get<std::string>()});
  names.push_back({row.at("method").get<std::string>()});
  return names;
}

std::vector<std::string> NameHeader(const Json& results) {
  std::vector<std::string> header = {"backbone"};
  if (HasPoints(results)) header.push_back("point");
  header.push_back("method");
  return header;
}

void AddPart(const Json& row, const std::string& part, std::vector<TableEntry>& entries) {
  if (!row.contains(part)) {
    entries.insert(entries.end(), 4, {kAbsent});
    return;
  }
  const Json& values = row.at(part);
  const bool tested = values.contains("against");
  const bool better = tested && values.at("against").at("verdict") == "better";
  entries.push_back({Number(values.at("recall@10").at("value"))});
  entries.push_back({WithInterval(values.at("ndcg@10")), better});
  entries.push_back({tested ? WithInterval(values.at("against").at("ndcg@10"), "%+.4f") : "-"});
  entries.push_back({tested ? PValue(values.at("against").at("p_adjusted")) : "-"});
}

constexpr const char* kStreamKeys[] = {"next_accuracy", "average_accuracy", "backward_transfer",
                                       "forward_transfer", "forgetting"};
constexpr const char* kStreamNames[] = {"NextAcc", "average", "BWT", "FWT", "forgetting"};

bool IsStream(const Json& results) {
  return std::ranges::any_of(results.at("rows"),
                             [](const Json& row) { return row.contains("stream"); });
}

std::string EscapeLatex(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("_%&#$").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string Exact(const Json& value) { return value.is_number() ? value.dump() : ""; }

std::string CsvLine(const Json& row, const std::string& part) {
  const Json& values = row.at(part);
  std::string text;
  for (const char* key : {"backbone", "point", "method"}) {
    text += CsvField(row.at(key).get<std::string>()) + ",";
  }
  text += row.at("seeds").dump() + "," + part + "," + values.at("windows").dump() + "," +
          values.at("users").dump();
  const auto add = [&](const Json& interval) {
    for (const char* key : {"value", "low", "high"}) text += "," + Exact(interval.at(key));
  };
  add(values.at("recall@10"));
  add(values.at("ndcg@10"));
  if (values.contains("against")) {
    const Json& against = values.at("against");
    add(against.at("ndcg@10"));
    text += "," + Exact(against.at("p_value")) + "," + Exact(against.at("p_adjusted")) + "," +
            against.at("verdict").get<std::string>();
  } else {
    text += ",,,,,,";
  }
  for (const char* key : kStreamKeys) {
    const bool has = row.contains("stream") && row.at("stream").at("ndcg@10").contains(key);
    text += "," + (has ? Exact(row.at("stream").at("ndcg@10").at(key)) : "");
  }
  return text + "\n";
}

// What must not be taken for a comparison at equal budget.
std::string LabelOf(const Json& results) {
  if (results.value("protocol", "") != "as-released") return "";
  return "Protocol as-released (what the published code does: unequal samples, S in-sample, items "
         "of T known). ";
}

}  // namespace

std::string PartName(const std::string& part) {
  if (part == "S_held_out") return "S held-out";
  if (part == "S_in_sample") return "S in-sample";
  return part;
}

std::string WithInterval(const Json& value, const char* format) {
  return Number(value.at("value"), format) + " [" + Number(value.at("low"), format) + ", " +
         Number(value.at("high"), format) + "]";
}

std::string PValue(double p) {
  char text[32];
  if (p < 1e-4) return "<.0001";
  std::snprintf(text, sizeof text, "%.4f", p);
  return text;
}

ResultTable MainTable(const Json& results) {
  const std::string reference = results.at("reference");
  ResultTable table{
      .title = LabelOf(results) + "Means over " + std::to_string(results.at("seeds").size()) +
               " seeds with 95 % intervals (seeds and users drawn); differences to " + reference +
               ", p-values of Wilcoxon's test over users adjusted by Holm",
      .header = NameHeader(results),
      .rows = {}};
  for (const auto& part : results.at("parts")) {
    const std::string name = PartName(part.get<std::string>());
    for (const std::string& column :
         {std::string("R@10"), std::string("N@10"), "N@10 - " + reference, std::string("p")}) {
      table.header.push_back(name + " " + column);
    }
  }
  const bool stream = IsStream(results);
  for (const char* name : kStreamNames) {
    if (stream) table.header.push_back(std::string(name) + " N@10");
  }
  for (const Json& row : results.at("rows")) {
    std::vector<TableEntry> entries = NamesOf(results, row);
    for (const auto& part : results.at("parts")) AddPart(row, part.get<std::string>(), entries);
    for (const char* key : kStreamKeys) {
      if (!stream) break;
      const Json metrics = row.contains("stream") ? row.at("stream").at("ndcg@10") : Json::object();
      entries.push_back({metrics.contains(key) ? Number(metrics.at(key), "%+.4f") : kAbsent});
    }
    table.rows.push_back(std::move(entries));
  }
  return table;
}

ResultTable BreakdownTable(const Json& results) {
  static constexpr const char* kParts[] = {"T_returning", "T_new_users", "T_seen_items",
                                           "T_new_items"};
  ResultTable table{.title = LabelOf(results) +
                             "T by kind of user and item: NDCG@10 (targets outside the catalogue "
                             "are misses and count in every user column)",
                    .header = NameHeader(results),
                    .rows = {}};
  for (const char* name : {"returning users", "new users", "items of S", "items new in F"}) {
    table.header.emplace_back(name);
  }
  for (const char* users : {"returning", "new users"}) {
    for (const char* items : {"seen", "new"}) {
      table.header.push_back(std::string(users) + " x " + items);
    }
  }
  for (const Json& row : results.at("rows")) {
    if (!row.contains("evaluation") || !row.at("evaluation").contains("T_cross")) continue;
    const Json& evaluation = row.at("evaluation");
    const auto ndcg = [](const Json& part) {
      return part.contains("ndcg@10") ? Number(part.at("ndcg@10")) : std::string(kAbsent);
    };
    std::vector<TableEntry> entries = NamesOf(results, row);
    for (const char* part : kParts) entries.push_back({ndcg(evaluation.at(part))});
    for (const char* cell : {"returning_seen_items", "returning_new_items", "new_users_seen_items",
                             "new_users_new_items"}) {
      entries.push_back({ndcg(evaluation.at("T_cross").at(cell))});
    }
    table.rows.push_back(std::move(entries));
  }
  return table;
}

ResultTable BudgetTable(const Json& results) {
  static constexpr const char* kKeys[] = {
      "samples",    "steps",          "maximum_samples", "chosen_share", "trained_parameters",
      "bytes_kept", "forward_passes", "tuning_samples"};
  ResultTable table{.title = LabelOf(results) +
                             "What was spent, mean over seeds (samples: targets with a loss in the "
                             "pass that is kept; tuning: in the pass that chose how long)",
                    .header = NameHeader(results),
                    .rows = {}};
  for (const char* key : kKeys) {
    std::string name = key;
    std::ranges::replace(name, '_', ' ');
    table.header.push_back(name);
  }
  const bool prior = std::ranges::any_of(results.at("rows"), [](const Json& row) {
    return row.contains("budget") && row.at("budget").contains("prior_weight");
  });
  if (prior) table.header.emplace_back("prior weight");
  table.header.emplace_back("tuned");
  for (const Json& row : results.at("rows")) {
    if (!row.contains("budget")) continue;
    std::vector<TableEntry> entries = NamesOf(results, row);
    for (const char* key : kKeys) {
      const bool share = std::string_view(key) == "chosen_share";
      entries.push_back({Number(row.at("budget").value(key, Json()), share ? "%.3f" : "%.0f")});
    }
    if (prior) entries.push_back({Number(row.at("budget").value("prior_weight", Json()), "%.3f")});
    std::string tuned;
    for (const auto& [key, value] : row.at("tuned").items()) {
      tuned += (tuned.empty() ? "" : " ") + key + "=" + value.get<std::string>();
    }
    entries.push_back({tuned.empty() ? "-" : tuned});
    table.rows.push_back(std::move(entries));
  }
  return table;
}

std::string ToMarkdown(const ResultTable& table) {
  std::string text = table.title + "\n\n|";
  for (const std::string& name : table.header) text += " " + name + " |";
  text += "\n|";
  for (std::size_t i = 0; i < table.header.size(); ++i) text += "---|";
  text += "\n";
  for (const auto& row : table.rows) {
    text += "|";
    for (const TableEntry& entry : row) {
      text += entry.bold ? " **" + entry.text + "** |" : " " + entry.text + " |";
    }
    text += "\n";
  }
  return text;
}

std::string ResultsCsv(const Json& results) {
  std::string text =
      "backbone,point,method,seeds,part,windows,users,recall10,recall10_low,recall10_high,ndcg10,"
      "ndcg10_low,ndcg10_high,difference,difference_low,difference_high,p_value,p_adjusted,verdict";
  for (const char* key : kStreamKeys) text += std::string(",") + key;
  text += "\n";
  for (const Json& row : results.at("rows")) {
    for (const auto& part : results.at("parts")) {
      const std::string name = part.get<std::string>();
      if (!row.contains(name)) continue;
      text += CsvLine(row, name);
    }
  }
  return text;
}

std::string ToLatex(const ResultTable& table) {
  std::string text = "% " + table.title + "\n\\begin{tabular}{";
  for (std::size_t i = 0; i < table.header.size(); ++i) text += i < 2 ? 'l' : 'r';
  text += "}\n\\hline\n";
  const auto line = [](const std::vector<TableEntry>& row) {
    std::string cells;
    for (const TableEntry& entry : row) {
      const std::string escaped = EscapeLatex(entry.text);
      cells += (cells.empty() ? "" : " & ") + (entry.bold ? "\\textbf{" + escaped + "}" : escaped);
    }
    return cells + " \\\\\n";
  };
  std::vector<TableEntry> header;
  for (const std::string& name : table.header) header.push_back({name});
  text += line(header) + "\\hline\n";
  for (const auto& row : table.rows) text += line(row);
  return text + "\\hline\n\\end{tabular}\n";
}

}  // namespace raie
