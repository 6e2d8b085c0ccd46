// How are the results of a comparison laid out, and written in every format?
//
// Concept: a table is made once from results.json, then written as Markdown, CSV or LaTeX, or
//          printed. Bold (in a terminal: a star) marks rows that are significantly better than the
//          reference, and nothing else.
// Source:  METHOD section 2 ("No bold without significance").
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace raie {

struct TableEntry {
  std::string text;
  bool bold = false;
};

struct ResultTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<TableEntry>> rows;
};

// "S held-out" of "S_held_out".
std::string PartName(const std::string& part);

// "value [low, high]" of {"value", "low", "high"}; `format` is of one number.
std::string WithInterval(const nlohmann::ordered_json& value, const char* format = "%.4f");

// "0.0123", "<.0001"
std::string PValue(double p);

// Means with intervals, differences to the reference with intervals and adjusted p-values.
ResultTable MainTable(const nlohmann::ordered_json& results);

// T by kind of user and item; no rows if the protocol has no such cells.
ResultTable BreakdownTable(const nlohmann::ordered_json& results);

// What each method took: samples, steps, parameters, bytes, forward passes. Wall time is in times.
ResultTable BudgetTable(const nlohmann::ordered_json& results);

std::string ToMarkdown(const ResultTable& table);
std::string ToLatex(const ResultTable& table);

// A line a row and set of windows, every number in a column of its own, empty where there is none.
std::string ResultsCsv(const nlohmann::ordered_json& results);

}  // namespace raie
