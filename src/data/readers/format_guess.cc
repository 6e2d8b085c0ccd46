#include "data/readers/format_guess.h"

#include <algorithm>
#include <cctype>

#include "data/readers/delimited.h"
#include "data/readers/json_lines.h"
#include "data/readers/number_text.h"
#include "data/readers/row_builder.h"
#include "data/readers/time_text.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::size_t kRowsCompared = 20;
const std::vector<std::string> kSeparators = {"::", "\t", ",", ";", "|"};

std::string Show(const std::string& separator) { return separator == "\t" ? "tab" : separator; }

[[noreturn]] void Ambiguous(const std::string& name, std::string_view first_row,
                            const std::string& could_be) {
  throw Error(ErrorCode::kInvalidArgument, name + ": the format is not clear from the first row '" +
                                               ShortenRow(first_row) + "': " + could_be);
}

std::vector<std::string> CutRow(std::string_view row, const std::string& separator, bool quoting) {
  std::vector<std::string_view> fields;
  std::deque<std::string> unescaped;
  RecordCutter(separator, quoting).Cut({row, true}, 0, fields, unescaped);
  return {fields.begin(), fields.end()};
}

// user, item: plain numbers; rating: 0 to 5 (10 for other scales); time: epoch seconds.
bool LooksLikeNumericEvent(const std::vector<std::string>& fields) {
  if (fields.size() != 4 || !CanonicalNumber(fields[0]) || !CanonicalNumber(fields[1]))
    return false;
  const auto rating = ParseDecimal(fields[2]);
  const auto time = CanonicalNumber(fields[3]);
  return rating && *rating >= 0 && *rating <= 10 && time && *time >= 100'000'000 &&
         *time < 100'000'000'000;
}

bool IsUpperOrDigit(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

// Amazon writes reviewers as A3SGXH7AUHU8GW and products as B000123456 or a ten-digit ISBN.
bool LooksLikeAmazonEvent(const std::vector<std::string>& fields) {
  return fields.size() == 4 && fields[0].size() >= 11 && fields[0][0] == 'A' &&
         IsUpperOrDigit(fields[0]) && fields[1].size() == 10 && IsUpperOrDigit(fields[1]) &&
         ParseDecimal(fields[2]).has_value() && CanonicalNumber(fields[3]).has_value();
}

bool Has(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

LogFormat GuessJson(std::string_view line, const std::string& name, const ReadOptions& options) {
  if (!options.columns.empty()) return LogFormat::kJsonLines;
  const std::vector<std::string> keys = KeysOfObject(line);
  if (Has(keys, "user_id") && Has(keys, "business_id") && Has(keys, "stars")) {
    return LogFormat::kYelp;
  }
  if (Has(keys, "reviewerID") && Has(keys, "asin")) return LogFormat::kAmazonJson;
  std::string list;
  for (const std::string& key : keys) list += (list.empty() ? "" : ", ") + key;
  Ambiguous(name, line,
            "JSON lines, but neither yelp (user_id, business_id, stars, date) nor amazon-json "
            "(reviewerID, asin, overall, unixReviewTime); say which keys to read, e.g. columns = "
            "user=KEY,item=KEY,rating=KEY,time=KEY. The keys are: " +
                list);
}

bool LooksLikeRecbole(std::string_view row) {
  return row.find(":token") != std::string_view::npos && row.find('\t') != std::string_view::npos;
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

const std::map<std::string, std::vector<std::string>>& UsualNames() {
  static const std::map<std::string, std::vector<std::string>> kNames = {
      {"user", {"user", "user_id", "userid"}},
      {"item", {"item", "item_id", "itemid"}},
      {"rating", {"rating"}},
      {"time", {"time", "timestamp"}}};
  return kNames;
}

std::map<std::string, std::string> RolesByName(const std::vector<std::string>& header) {
  std::map<std::string, std::string> roles;
  for (const auto& [role, usual] : UsualNames()) {
    for (const std::string& column : header) {
      if (std::find(usual.begin(), usual.end(), Lower(column)) == usual.end()) continue;
      if (roles.contains(role)) return {};  // two candidates
      roles[role] = column;
    }
  }
  const bool enough = roles.contains("user") && roles.contains("item") && roles.contains("time");
  return enough ? roles : std::map<std::string, std::string>();
}

constexpr std::size_t kNamesFound = ~std::size_t{0};

bool HasNames(const std::vector<std::string_view>& fields, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return !RolesByName({fields.begin(), fields.end()}).empty();
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return std::find(fields.begin(), fields.end(), name) != fields.end();
  });
}

// Returns into how many fields the separator cuts most of the first rows, as it does the first
// one; 0 if it does not, kNamesFound if the first row holds the names looked for.
std::size_t FieldsOfFirstRows(const Sample& sample, const std::string& separator,
                              const std::vector<std::string>& wanted_names) {
  const RecordCutter cutter(separator, true);
  std::vector<std::string_view> fields;
  std::deque<std::string> unescaped;
  std::size_t num_fields = 0, num_rows = 0, num_same = 0;
  for (std::size_t place = 0; num_rows < kRowsCompared && place < sample.text.size();) {
    const RecordEnd end = cutter.Cut({sample.text, sample.complete}, place, fields, unescaped);
    if (end.state == RecordState::kIncomplete) break;
    place = end.end;
    if (end.state != RecordState::kRecord) continue;
    if (num_rows++ == 0) {
      num_fields = fields.size();
      if (num_fields > 1 && HasNames(fields, wanted_names)) return kNamesFound;
    }
    num_same += fields.size() == num_fields ? 1 : 0;
  }
  return 2 * num_same > num_rows ? num_fields : 0;
}

}  // namespace

LogFormat GuessFormat(std::string_view text, const std::string& name, const ReadOptions& options) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  std::string_view row = text.substr(0, text.find('\n'));
  if (!row.empty() && row.back() == '\r') row.remove_suffix(1);
  if (TrimBlanks(row).starts_with('{')) return GuessJson(row, name, options);
  if (LooksLikeRecbole(row)) return LogFormat::kRecbole;
  if (!options.columns.empty() || !options.separator.empty()) return LogFormat::kDelimited;
  if (LooksLikeNumericEvent(CutRow(row, "::", false))) return LogFormat::kMovielensDat;
  if (LooksLikeNumericEvent(CutRow(row, "\t", false))) return LogFormat::kMovielens100k;
  const std::vector<std::string> fields = CutRow(row, ",", true);
  if (Has(fields, "userId") && Has(fields, "movieId") && Has(fields, "timestamp")) {
    return LogFormat::kMovielensCsv;
  }
  if (LooksLikeAmazonEvent(fields)) return LogFormat::kAmazonCsv;
  for (const std::string& separator : kSeparators) {
    if (!RolesByName(CutRow(row, separator, true)).empty()) return LogFormat::kDelimited;
  }
  if (fields.size() == 4 && ParseDecimal(fields[2]) &&
      GuessTimeFormat(fields[3]) != TimeFormat::kAuto) {
    Ambiguous(name, row,
              "it could be amazon-csv (user,item,rating,timestamp), or delimited text with the "
              "columns in another order (some Amazon files have the item first); say format = "
              "amazon-csv, or columns = user=0,item=1,rating=2,time=3 with your numbers");
  }
  Ambiguous(name, row,
            "it is none of movielens-dat (user::item::rating::time), movielens-csv (header "
            "userId,movieId,rating,timestamp), movielens-100k (tab separated), recbole (header "
            "user_id:token), amazon-csv, yelp or amazon-json (JSON lines); it could be delimited "
            "text: say --columns user=COLUMN,item=COLUMN,time=COLUMN (names of the header, or "
            "numbers from 0)");
}

std::string GuessSeparator(const Sample& sample, const std::string& name,
                           const std::vector<std::string>& wanted_names) {
  std::string best;
  std::size_t most_fields = 1;
  bool tie = false;
  std::string could_be;
  for (const std::string& separator : kSeparators) {
    const std::size_t num_fields = FieldsOfFirstRows(sample, separator, wanted_names);
    if (num_fields == kNamesFound) return separator;
    if (num_fields < 2) continue;
    could_be += (could_be.empty() ? "'" : ", '") + Show(separator) + "' (" +
                std::to_string(num_fields) + " fields)";
    if (num_fields == most_fields) tie = true;
    if (num_fields > most_fields) {
      best = separator;
      most_fields = num_fields;
      tie = false;
    }
  }
  if (!best.empty() && !tie) return best;
  const std::string_view row = sample.text.substr(0, sample.text.find('\n'));
  Ambiguous(name, row,
            (could_be.empty() ? std::string("no separator cuts the first rows into the same number "
                                            "of fields")
                              : "the separator could be " + could_be) +
                "; option separator says what it is");
}

std::map<std::string, std::string> GuessRoles(const std::vector<std::string>& header,
                                              const std::string& name) {
  std::map<std::string, std::string> roles = RolesByName(header);
  if (!roles.empty()) return roles;
  std::string list;
  for (const std::string& column : header) list += (list.empty() ? "'" : ", '") + column + "'";
  throw Error(ErrorCode::kInvalidArgument,
              name + ": which column is the user, the item, the time? The header has " + list +
                  "; say --columns user=COLUMN,item=COLUMN,time=COLUMN");
}

}  // namespace raie
