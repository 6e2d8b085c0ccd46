// How does an interaction log get from files into memory?
//
// Concept: one call reads any of the formats below, plain or straight from .gz .xz .zip .tar, into
//          an InteractionLog in the order of the file. What was read, left out and found broken is
//          counted in a ReadReport: nothing disappears silently. A plain file is mapped and cut in
//          chunks that are read in parallel; an archive streams through one buffer.
// Source:  METHOD section 2 ("Order of preparation": row rules come first).
// Errors:  kNotFound, kIo, kCorruptData (a malformed row: file, line, the row, what was expected;
//          a damaged archive), kInvalidArgument (options that do not fit the file).
// Threads: the same bytes for any number of threads.
// Cost:    one pass; memory: the log, plus ~150 MB of buffers.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/task_pool.h"
#include "data/interaction_log.h"

namespace raie {

enum class LogFormat {
  kAuto,           // from the first lines, where they allow one reading only
  kMovielensDat,   // user::item::rating::time
  kMovielensCsv,   // header userId,movieId,rating,timestamp
  kMovielens100k,  // u.data: user, item, rating, time, tab separated
  kYelp,           // JSON lines: user_id business_id stars date
  kAmazonJson,     // JSON lines: reviewerID asin overall unixReviewTime
  kAmazonCsv,      // user,item,rating,timestamp without a header
  kRecbole,        // .inter: header user_id:token, tab separated
  kDelimited,      // any delimited text; columns says what is where
  kJsonLines,      // any JSON lines; columns gives the keys
};
inline std::span<const char* const> EnumNames(LogFormat) {
  static constexpr const char* kNames[] = {
      "auto",        "movielens-dat", "movielens-csv", "movielens-100k", "yelp",
      "amazon-json", "amazon-csv",    "recbole",       "delimited",      "json-lines"};
  return kNames;
}

enum class TimeFormat { kAuto, kSeconds, kMilliseconds, kIso };
inline std::span<const char* const> EnumNames(TimeFormat) {
  static constexpr const char* kNames[] = {"auto", "seconds", "milliseconds", "iso"};
  return kNames;
}

enum class HeaderRow { kAuto, kYes, kNo };
inline std::span<const char* const> EnumNames(HeaderRow) {
  static constexpr const char* kNames[] = {"auto", "yes", "no"};
  return kNames;
}

struct ReadOptions {
  LogFormat format = LogFormat::kAuto;
  std::vector<std::string> columns;
  std::string separator;
  HeaderRow header = HeaderRow::kAuto;
  TimeFormat time_format = TimeFormat::kAuto;
  std::string titles = "auto";
  std::vector<std::string> title_columns;
  std::vector<std::string> drop_missing;
  std::vector<std::string> drop;
  std::vector<std::string> dedupe;
  std::int64_t skip_bad_rows = 0;
  bool allow_any_time = false;
  std::int64_t now = 0;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.format, Field{.name = "format", .help = "layout of the input; auto: detect it"});
    visit(self.columns,
          Field{.name = "columns",
                .help = "ROLE=COLUMN for the roles user, item, time, and where there are such "
                        "columns rating, title, category; COLUMN is a name or a number from 0"});
    visit(self.separator, Field{.name = "separator",
                                .help = "between fields, e.g. ',' '::' 'tab'; empty: detect it"});
    visit(self.header, Field{.name = "header", .help = "whether the first row names the columns"});
    visit(self.time_format,
          Field{.name = "time_format",
                .help = "times as epoch seconds, epoch milliseconds or ISO-8601 (UTC unless the "
                        "time has an offset); auto: from the first rows"});
    visit(self.titles,
          Field{.name = "titles",
                .help = "file (or archive:member) with item titles and categories; auto: the one "
                        "that belongs to the format, beside the input or in the same archive; "
                        "none"});
    visit(self.title_columns, Field{.name = "title_columns",
                                    .help = "ROLE=COLUMN of the titles file for the roles item, "
                                            "title, category"});
    visit(self.drop_missing,
          Field{.name = "drop_missing", .help = "columns; a row whose field is empty is dropped"});
    visit(
        self.drop,
        Field{.name = "drop",
              .help = "conditions such as Quantity<=0 (< <= > >= == !=) or InvoiceNo^=C (^= "
                      "starts with, $= ends with, ~= contains); a row that meets one is dropped"});
    visit(self.dedupe, Field{.name = "dedupe",
                             .help = "columns; of rows that agree in all of them the first stays"});
    visit(
        self.skip_bad_rows,
        Field{.name = "skip_bad_rows",
              .help = "malformed rows allowed (skipped and counted by kind); one more is an error",
              .unit = "rows",
              .minimum = 0});
    visit(self.allow_any_time,
          Field{.name = "allow_any_time",
                .help = "accept times before 1970 and later than a day after now"});
    visit(self.now, Field{.name = "now",
                          .help = "what counts as now; 0: the clock",
                          .unit = "seconds since 1970",
                          .minimum = 0});
  }
};

// Why a row could not be read.
enum class BadRowKind {
  kFields,        // wrong number of fields
  kNumber,        // rating (or a number a rule asks for) is not a number
  kNotFinite,     // rating NaN or infinite
  kTime,          // not a time in the file's format, or not between 1970 and tomorrow
  kEmptyId,       // user or item is empty
  kText,          // NUL byte or invalid UTF-8 in an id
  kQuote,         // a quote that is not closed, or text after the closing one
  kJson,          // not a JSON object
  kMissingField,  // a JSON object without a needed key
};
inline constexpr int kNumBadRowKinds = 9;
inline std::span<const char* const> EnumNames(BadRowKind) {
  static constexpr const char* kNames[] = {"wrong number of fields",
                                           "bad number",
                                           "rating not finite",
                                           "bad time",
                                           "empty id",
                                           "NUL byte or invalid UTF-8",
                                           "quote not closed",
                                           "bad JSON",
                                           "missing field"};
  return kNames;
}

struct RuleCount {
  std::string rule;  // "drop Quantity<=0"
  std::int64_t dropped = 0;
};

// rows = kept + bad rows + dropped rows.
struct ReadReport {
  std::vector<std::string> files;  // what was read: "ml-10m.zip:ml-10M100K/ratings.dat"
  LogFormat format = LogFormat::kAuto;
  TimeFormat time_format = TimeFormat::kAuto;
  std::int64_t bytes = 0;  // of text
  std::int64_t rows = 0;   // without headers and blank lines
  std::int64_t blank_lines = 0;
  std::array<std::int64_t, kNumBadRowKinds> bad_rows{};  // by BadRowKind
  std::string first_bad_row;                             // the message it would have stopped with
  std::vector<RuleCount> rules;                          // in the order they are applied
  std::int64_t kept = 0;
  std::string titles_file;  // "" where there is none
  std::int64_t titled_items = 0;

  std::int64_t num_bad_rows() const;
};
nlohmann::ordered_json ToJson(const ReadReport& report);

struct ReadResult {
  InteractionLog log;
  ReadReport report;
};

// Reads the inputs, in order, as one log. An input is a path, or archive.zip:member; without a
// member the one of an archive that holds interactions is taken.
ReadResult ReadLog(const std::vector<std::string>& inputs, const ReadOptions& options,
                   TaskPool& pool);

}  // namespace raie
