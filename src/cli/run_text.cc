#include "cli/run_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/table.h"
#include "compare/tables.h"

namespace raie::cli {
namespace {

using RunJson = nlohmann::ordered_json;

constexpr std::size_t kLines = 60;
constexpr std::size_t kWidth = 100;
constexpr std::size_t kMethods = 20;
constexpr std::size_t kRegions = 8;
constexpr int kScale = 31;  // characters of a line with marks

const RunJson* FindBlock(const RunJson& report, const std::string& id) {
  for (const RunJson& section : report.at("sections")) {
    for (const RunJson& block : section.at("blocks")) {
      if (block.value("id", "") == id) return &block;
    }
  }
  return nullptr;
}

std::size_t ColumnOf(const RunJson& block, const std::string& key) {
  const RunJson& columns = block.at("columns");
  std::size_t place = 0;
  while (place < columns.size() && columns[place].at("key") != key) ++place;
  return place;
}

RunJson CellOf(const RunJson& block, const RunJson& row, const std::string& key) {
  const std::size_t place = ColumnOf(block, key);
  return place < row.size() ? row[place] : RunJson();
}

std::string NumberText(const RunJson& value, int decimals, const char* plus = "") {
  if (!value.is_number()) return "-";
  const double number = value;
  return (number > 0 ? plus : "") + Fixed(number, decimals);
}

// Text in lines of at most kWidth characters, the later ones indented.
void AddWrapped(const std::string& text, std::vector<std::string>& lines) {
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t space = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, space - at);
    if (!line.empty() && Characters(line) + 1 + Characters(word) > kWidth) {
      lines.push_back(line);
      line = "  " + word;
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
    at = space + 1;
  }
  if (!line.empty()) lines.push_back(line);
}

struct Scale {
  double low = 0;
  double high = 0;
};

// Of most intervals around 0: a few that lie far out (a tenth, four times as far as the others) are
// left to be drawn at the edge.
Scale ScaleOf(const std::vector<RunJson>& intervals) {
  std::vector<double> far;
  for (const RunJson& one : intervals) far.push_back(std::abs(one.at("value").get<double>()));
  std::ranges::sort(far, std::ranges::greater());
  const std::size_t spared = far.size() / 10;
  const bool spares = far.size() >= 8 && spared > 0 && far[0] >= 4 * far[spared];
  Scale scale;
  for (const RunJson& one : intervals) {
    if (spares && std::abs(one.at("value").get<double>()) > far[spared]) continue;
    scale.low = std::min(scale.low, one.at("low").get<double>());
    scale.high = std::max(scale.high, one.at("high").get<double>());
  }
  return scale;
}

// "  ──●──  " on a scale from low to high, with 0 as a bar.
std::string IntervalMark(const RunJson& interval, const Scale& scale, const std::string& verdict) {
  const auto [low, high] = scale;
  if (!interval.is_object() || high <= low) return "";
  const auto place = [&](double value) {
    const double share = (value - scale.low) / (scale.high - scale.low);
    return std::clamp(static_cast<int>(std::lround(share * (kScale - 1))), 0, kScale - 1);
  };
  std::array<const char*, kScale> cells;
  cells.fill(" ");
  for (int i = place(interval.at("low")); i <= place(interval.at("high")); ++i) cells[i] = "─";
  if (low <= 0 && high >= 0) cells[place(0)] = "│";
  cells[place(interval.at("value"))] = verdict == "better" ? "▲" : verdict == "worse" ? "▼" : "○";
  std::string text;
  for (const char* cell : cells) text += cell;
  return text;
}

std::string Spark(const std::vector<double>& values) {
  static constexpr const char* kLevels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const double most = values.empty() ? 0 : std::ranges::max(values);
  std::string text;
  for (const double value : values) {
    const int level = most <= 0 ? 0 : static_cast<int>(std::lround(value / most * 7));
    text += kLevels[std::clamp(level, 0, 7)];
  }
  return text;
}

void AddText(const std::string& text, std::vector<std::string>& lines) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
}

// The methods on the windows they are judged on.
void AddMethods(const RunJson& block, std::vector<std::string>& lines) {
  std::string part;
  std::vector<RunJson> intervals;
  std::vector<const RunJson*> rows;
  for (const RunJson& row : block.at("rows")) {
    const std::string of = CellOf(block, row, "part");
    if (part.empty()) part = of;
    if (of != part) continue;
    rows.push_back(&row);
    const RunJson difference = CellOf(block, row, "difference");
    if (difference.is_object()) intervals.push_back(difference);
  }
  const Scale scale = ScaleOf(intervals);
  Table table({"on " + part, "NDCG@10", "difference", "p", "verdict", ""});
  for (std::size_t i = 0; i < rows.size() && i < kMethods; ++i) {
    const RunJson& row = *rows[i];
    const RunJson ndcg = CellOf(block, row, "ndcg10");
    const RunJson difference = CellOf(block, row, "difference");
    const RunJson p = CellOf(block, row, "p_adjusted");
    const std::string verdict = CellOf(block, row, "verdict");
    table.Add({Shorten(CellOf(block, row, "method").get<std::string>(), 24),
               ndcg.is_object() ? NumberText(ndcg.at("value"), 4) : "-",
               difference.is_object() ? NumberText(difference.at("value"), 4, "+") : "-",
               p.is_number() ? PValue(p) : "-", verdict, IntervalMark(difference, scale, verdict)});
  }
  AddText(table.ToText(), lines);
  if (rows.size() > kMethods) {
    lines.push_back("and " + std::to_string(rows.size() - kMethods) + " more (--output has all)");
  }
}

void AddRegions(const RunJson& block, std::vector<std::string>& lines) {
  std::vector<const RunJson*> rows;
  for (const RunJson& row : block.at("rows")) rows.push_back(&row);
  const auto share = [&](const RunJson* row) {
    const RunJson value = CellOf(block, *row, "share_judged");
    return value.is_number() ? value.get<double>() : 0.0;
  };
  std::ranges::stable_sort(rows, std::ranges::greater(), share);
  Table table(
      {"region", "traffic", "moved", "area", "apart", "drift", "adapter", "gain", "verdict"});
  for (std::size_t i = 0; i < rows.size() && i < kRegions; ++i) {
    const RunJson& row = *rows[i];
    const auto value_of = [&](const char* key) {
      const RunJson cell = CellOf(block, row, key);
      return cell.is_object() ? cell.at("value") : cell;
    };
    const RunJson area = value_of("area_change");
    table.Add({CellOf(block, row, "region").dump(), Percent(share(&row)),
               NumberText(value_of("displacement_deg"), 1) + "°",
               area.is_number() ? NumberText(100 * area.get<double>(), 1, "+") + " %" : "-",
               NumberText(value_of("separability"), 2), NumberText(value_of("drift"), 2, "+"),
               CellOf(block, row, "fate"), NumberText(value_of("gain"), 4, "+"),
               CellOf(block, row, "verdict")});
  }
  AddText(table.ToText(), lines);
  if (rows.size() > kRegions) {
    lines.push_back("and " + std::to_string(rows.size() - kRegions) + " more regions");
  }
}

// Events over time, the cuts as bars between.
void AddEvents(const RunJson& block, std::vector<std::string>& lines) {
  std::map<std::int64_t, double> bins;
  for (const RunJson& row : block.at("rows")) {
    bins[CellOf(block, row, "start").get<std::int64_t>()] +=
        CellOf(block, row, "events").get<double>();
  }
  if (bins.size() < 2) return;
  const double first = static_cast<double>(bins.begin()->first);
  const double last = static_cast<double>(bins.rbegin()->first);
  constexpr int kColumns = 60;
  std::vector<double> columns(kColumns);
  for (const auto& [start, events] : bins) {
    const double share = (static_cast<double>(start) - first) / (last - first);
    columns[std::min(kColumns - 1, static_cast<int>(share * kColumns))] += events;
  }
  lines.push_back("events " + Day(bins.begin()->first) + " " + Spark(columns) + " " +
                  Day(bins.rbegin()->first));
}

void AddTakeaway(const RunJson& report, const char* id, std::vector<std::string>& lines) {
  const RunJson* block = FindBlock(report, id);
  if (block == nullptr) return;
  AddWrapped(
      block->at("title").get<std::string>() + ": " + block->at("takeaway").get<std::string>(),
      lines);
}

}  // namespace

std::string RunText(const RunJson& report) {
  std::vector<std::string> lines;
  lines.push_back(report.at("title").get<std::string>() + " (" +
                  Shorten(report.at("subtitle").get<std::string>(), kWidth) + ")");
  for (const RunJson& sentence : report.at("summary")) {
    AddWrapped("- " + sentence.get<std::string>(), lines);
  }
  if (const RunJson* block = FindBlock(report, "comparison"); block != nullptr) {
    lines.emplace_back();
    AddMethods(*block, lines);
  }
  lines.emplace_back();
  for (const char* id : {"sensitivity-k", "frontier", "cost", "stream-metrics"}) {
    AddTakeaway(report, id, lines);
  }
  if (const RunJson* block = FindBlock(report, "regions"); block != nullptr) {
    lines.emplace_back();
    AddRegions(*block, lines);
  }
  if (const RunJson* block = FindBlock(report, "events"); block != nullptr) {
    lines.emplace_back();
    AddEvents(*block, lines);
  }
  if (lines.size() > kLines) {
    lines.resize(kLines - 1);
    lines.emplace_back("(cut; --output report.html has all of it)");
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace raie::cli
