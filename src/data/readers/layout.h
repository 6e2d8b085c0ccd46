// What is where in a file, once its format is known?
//
// Concept: a Layout is the outcome of detection and options together: everything a row parser
//          needs, nothing left to guess. Columns are positions of fields in a delimited row, or
//          positions in the list of wanted keys of a JSON object.
// Errors:  FindLayout throws kInvalidArgument (ambiguous, options that do not fit) and kCorruptData
//          (not text, empty), always with what to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/read_log.h"
#include "data/row_rules.h"

namespace raie {

inline constexpr int kNoColumn = -1;

struct Layout {
  LogFormat format = LogFormat::kAuto;
  bool json = false;
  std::string separator;  // of delimited text
  bool quoting = false;   // RFC 4180 quotes
  bool header = false;
  std::size_t first_row = 0;       // bytes before it: BOM and header
  std::int64_t first_line = 0;     // lines before it
  std::vector<std::string> names;  // of columns (header), or the wanted JSON keys
  std::size_t num_fields = 0;
  int user = kNoColumn;
  int item = kNoColumn;
  int rating = kNoColumn;
  int time = kNoColumn;
  int title = kNoColumn;
  int category = kNoColumn;
  TimeFormat time_format = TimeFormat::kAuto;
  std::int64_t earliest = 0;  // times allowed, seconds
  std::int64_t latest = 0;
  std::vector<RowRule> rules;
  std::vector<int> rule_columns;  // by rule
  std::vector<int> dedupe;        // columns; empty: none
  std::string dedupe_text;        // "dedupe InvoiceNo, StockCode"
  std::int64_t max_bad_rows = 0;

  std::string ColumnName(int column) const;  // "'Quantity'" or "column 3"
  std::size_t num_counters() const { return rules.size() + (dedupe.empty() ? 0 : 1); }
};

// The beginning of a text, and whether that is all of it.
struct Sample {
  std::string_view text;
  bool complete = false;
};

// Finds format and columns from the first rows and the options. `name` is for messages.
Layout FindLayout(const Sample& sample, const std::string& name, const ReadOptions& options);

}  // namespace raie
