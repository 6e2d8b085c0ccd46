#include "report/blocks.h"

#include <algorithm>
#include <cmath>

#include "base/number_text.h"

namespace raie {
namespace {

ReportJson ColumnsJson(const std::vector<ReportColumn>& columns) {
  ReportJson list = ReportJson::array();
  for (const ReportColumn& column : columns) {
    list.push_back({{"key", column.key}, {"label", column.label}, {"format", column.format}});
    if (!column.help.empty()) list.back()["help"] = column.help;
  }
  return list;
}

bool IsInterval(const ReportJson& column) {
  return column.at("format") == "interval" || column.at("format") == "change_interval";
}

std::string CsvCell(const ReportJson& value) {
  if (value.is_null()) return "";
  return value.is_string() ? CsvField(value) : value.dump();
}

}  // namespace

void DropEmptyColumns(ReportTable& table) {
  for (std::size_t i = table.columns.size(); i-- > 0;) {
    const bool empty = std::ranges::all_of(
        table.rows, [&](const ReportJson& row) { return row[i].is_null() || row[i] == ""; });
    if (!empty) continue;
    table.columns.erase(table.columns.begin() + static_cast<std::int64_t>(i));
    for (ReportJson& row : table.rows) row.erase(i);
  }
}

ReportJson TextBlock(const std::string& text) { return {{"type", "text"}, {"text", text}}; }

ReportJson MissingBlock(const std::string& text) { return {{"type", "missing"}, {"text", text}}; }

ReportJson FigureBlock(const FigureText& text, const ReportTable& table, ReportJson options) {
  return {{"type", "figure"},          {"id", text.id},
          {"chart", text.chart},       {"title", text.title},
          {"takeaway", text.takeaway}, {"note", text.note},
          {"options", options},        {"columns", ColumnsJson(table.columns)},
          {"rows", table.rows}};
}

ReportJson TableBlock(const FigureText& text, const ReportTable& table) {
  return {{"type", "table"},           {"id", text.id},     {"title", text.title},
          {"takeaway", text.takeaway}, {"note", text.note}, {"columns", ColumnsJson(table.columns)},
          {"rows", table.rows}};
}

ReportJson SectionOf(const std::string& id, const std::string& title,
                     std::vector<ReportJson> blocks) {
  return {{"id", id}, {"title", title}, {"blocks", std::move(blocks)}};
}

bool HasContent(const ReportJson& section) {
  return std::ranges::any_of(section.at("blocks"),
                             [](const ReportJson& block) { return block.at("type") != "missing"; });
}

std::string BlockCsv(const ReportJson& block) {
  const ReportJson& columns = block.at("columns");
  std::string text;
  const auto add = [&](std::size_t column, const std::string& cell) {
    text += (column == 0 ? "" : ",") + cell;
  };
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string key = columns[i].at("key");
    add(i, IsInterval(columns[i]) ? key + "," + key + "_low," + key + "_high" : key);
  }
  text += "\n";
  for (const ReportJson& row : block.at("rows")) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (!IsInterval(columns[i])) {
        add(i, CsvCell(row[i]));
      } else if (row[i].is_null()) {
        add(i, ",,");
      } else {
        add(i, CsvCell(row[i].at("value")) + "," + CsvCell(row[i].at("low")) + "," +
                   CsvCell(row[i].at("high")));
      }
    }
    text += "\n";
  }
  return text;
}

std::string ListOfNames(const std::vector<std::string>& names, std::size_t most) {
  if (names.empty()) return "none";
  std::string text;
  const std::size_t shown = names.size() > most + 1 ? most : names.size();
  for (std::size_t i = 0; i < shown; ++i) {
    const bool last = i + 1 == names.size();
    text += (i == 0 ? "" : last ? " and " : ", ") + names[i];
  }
  if (shown < names.size()) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

std::string CountOf(std::int64_t count, const std::string& one) {
  return Count(count) + " " + one + (count == 1 ? "" : "s");
}

ReportJson FiniteOrNull(double value) {
  return std::isfinite(value) ? ReportJson(value) : ReportJson(nullptr);
}

}  // namespace raie
