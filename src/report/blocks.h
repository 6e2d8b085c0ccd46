// What is a report made of, before it is a page, a table of numbers or a text?
//
// Concept: sections of blocks. A figure holds its numbers as a table; the page draws it from those
//          numbers alone, and the same numbers are its data table and its CSV. So what is shown and
//          what is downloaded cannot differ.
//              section  {"id", "title", "blocks"}
//              text     {"type", "text"}
//              missing  {"type", "text"}: what is not there, and how to get it
//              figure   {"type", "id", "chart", "title", "takeaway", "note", "columns", "rows",
//                       "options"}
//              table    {"type", "id", "title", "takeaway", "note", "columns", "rows"}
//          A column is {"key", "label", "format", "help"}. Formats: text, words (long text), count,
//          score (0.1234), change (+0.1234), percent (of a share), number, degrees, p, time (UTC
//          seconds), day (UTC seconds), seconds, bytes, verdict; interval and change_interval,
//          whose cells are {"value", "low", "high"}. An absent value is null.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace raie {

using ReportJson = nlohmann::ordered_json;

struct ReportColumn {
  std::string key;
  std::string label;
  std::string format = "text";
  std::string help = "";
};

struct FigureText {
  std::string id;
  std::string chart = "";  // the drawing function of the page; none for a table
  std::string title;
  std::string takeaway = "";  // one sentence, computed from the numbers
  std::string note = "";      // how to read it
};

// Numbers of a figure or table; a row has one entry a column.
struct ReportTable {
  std::vector<ReportColumn> columns;
  std::vector<ReportJson> rows = {};
};

// Takes out the columns that no row has anything in.
void DropEmptyColumns(ReportTable& table);

ReportJson TextBlock(const std::string& text);
ReportJson MissingBlock(const std::string& text);
ReportJson FigureBlock(const FigureText& text, const ReportTable& table,
                       ReportJson options = ReportJson::object());
ReportJson TableBlock(const FigureText& text, const ReportTable& table);
ReportJson SectionOf(const std::string& id, const std::string& title,
                     std::vector<ReportJson> blocks);

// Returns whether a section holds anything but sentences on what is missing.
bool HasContent(const ReportJson& section);

// Returns the numbers of a figure or table, intervals as three columns.
std::string BlockCsv(const ReportJson& block);

// "a, b and c"; after `most` names "and N more".
std::string ListOfNames(const std::vector<std::string>& names, std::size_t most = 6);

// "1 region", "2 regions".
std::string CountOf(std::int64_t count, const std::string& one);

// A number, or null where it is not finite.
ReportJson FiniteOrNull(double value);

}  // namespace raie
