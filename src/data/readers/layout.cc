#include "data/readers/layout.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <limits>
#include <map>
#include <optional>

#include "data/readers/delimited.h"
#include "data/readers/format_guess.h"
#include "data/readers/json_lines.h"
#include "data/readers/number_text.h"
#include "data/readers/row_builder.h"
#include "data/readers/time_text.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::size_t kMostSampleRows = 100;
constexpr std::int64_t kSecondsPerDay = 86400;

const std::vector<std::string> kRoles = {"user", "item", "rating", "time", "title", "category"};

struct Preset {
  LogFormat format;
  const char* separator;
  HeaderRow header;
  bool quoting;
  std::map<std::string, std::string> columns;  // by role
};

// What the named formats fix; `columns` of the options may say otherwise.
const Preset& PresetOf(LogFormat format) {
  static const std::map<std::string, std::string> kInOrder = {
      {"user", "0"}, {"item", "1"}, {"rating", "2"}, {"time", "3"}};
  static const std::vector<Preset> kPresets = {
      {LogFormat::kMovielensDat, "::", HeaderRow::kNo, false, kInOrder},
      {LogFormat::kMovielens100k, "\t", HeaderRow::kNo, false, kInOrder},
      {LogFormat::kAmazonCsv, ",", HeaderRow::kNo, true, kInOrder},
      {LogFormat::kMovielensCsv,
       ",",
       HeaderRow::kYes,
       true,
       {{"user", "userId"}, {"item", "movieId"}, {"rating", "rating"}, {"time", "timestamp"}}},
      {LogFormat::kRecbole,
       "\t",
       HeaderRow::kYes,
       false,
       {{"user", "user_id"}, {"item", "item_id"}, {"rating", "rating"}, {"time", "timestamp"}}},
      {LogFormat::kYelp,
       "",
       HeaderRow::kNo,
       false,
       {{"user", "user_id"}, {"item", "business_id"}, {"rating", "stars"}, {"time", "date"}}},
      {LogFormat::kAmazonJson,
       "",
       HeaderRow::kNo,
       false,
       {{"user", "reviewerID"},
        {"item", "asin"},
        {"rating", "overall"},
        {"time", "unixReviewTime"}}},
      {LogFormat::kDelimited, "", HeaderRow::kAuto, true, {}},
      {LogFormat::kJsonLines, "", HeaderRow::kNo, false, {}},
  };
  for (const Preset& preset : kPresets) {
    if (preset.format == format) return preset;
  }
  throw Error(ErrorCode::kInternal, "a log format without a preset");
}

bool IsJson(LogFormat format) {
  return format == LogFormat::kYelp || format == LogFormat::kAmazonJson ||
         format == LogFormat::kJsonLines;
}

std::string QuotedList(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text.empty() ? "none" : text;
}

// Finds columns by name, role or number and puts the layout together.
class LayoutFinder {
 public:
  LayoutFinder(const Sample& sample, const std::string& name, const ReadOptions& options)
      : sample_(sample), name_(name), options_(options) {}

  Layout Find() {
    if (sample_.text.starts_with("\xEF\xBB\xBF")) {
      layout_.first_row = 3;
      sample_.text.remove_prefix(3);
    }
    CheckText();
    layout_.format = options_.format != LogFormat::kAuto
                         ? options_.format
                         : GuessFormat(sample_.text, name_, options_);
    const Preset& preset = PresetOf(layout_.format);
    layout_.json = IsJson(layout_.format);
    layout_.quoting = preset.quoting;
    roles_ = preset.columns;
    MergeColumns();
    if (layout_.json) {
      SetJsonColumns();
    } else {
      SetDelimitedColumns(preset);
    }
    layout_.max_bad_rows = options_.skip_bad_rows;
    SetTimes();
    return layout_;
  }

 private:
  [[noreturn]] void Refuse(const std::string& why) const {
    throw Error(ErrorCode::kInvalidArgument, name_ + ": " + why);
  }
  [[noreturn]] void RefuseFile(const std::string& why) const {
    throw Error(ErrorCode::kCorruptData, name_ + ": " + why);
  }

  void CheckText() const {
    const std::string_view text = sample_.text;
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
      RefuseFile(text.empty() ? "the file is empty: there is no interaction to read"
                              : "the file holds blank lines only: there is no interaction to read");
    }
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
      RefuseFile("the text is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8");
    }
    const std::size_t nul = text.find('\0');
    if (nul != std::string_view::npos) {
      RefuseFile("NUL byte at offset " + std::to_string(nul + layout_.first_row) +
                 ": this is a binary file, not text (archives may be .gz, .xz, .zip or .tar)");
    }
  }

  // Takes "user=0" of the options into roles_.
  void MergeColumns() {
    for (const std::string& entry : options_.columns) {
      const std::size_t equals = entry.find('=');
      if (equals == std::string::npos || equals + 1 == entry.size()) {
        Refuse("columns: '" + entry + "' is not of the form ROLE=COLUMN, e.g. user=0");
      }
      const std::string role = entry.substr(0, equals);
      if (std::find(kRoles.begin(), kRoles.end(), role) == kRoles.end()) {
        const std::string near = NearestName(role, kRoles);
        Refuse("columns: unknown role '" + role + "'" +
               (near.empty() ? "" : "; did you mean '" + near + "'?") +
               " (roles: " + QuotedList(kRoles) + ")");
      }
      roles_[role] = entry.substr(equals + 1);
      said_.push_back(role);
    }
  }

  void SetJsonColumns() {
    for (const auto& [role, key] : roles_) AddKey(key);
    layout_.header = false;
    SetRoles([this](const std::string& key) { return AddKey(key); });
    SetRules([this](const std::string& column) {
      const auto role = roles_.find(column);
      return AddKey(role != roles_.end() ? role->second : column);
    });
    layout_.num_fields = layout_.names.size();
  }
  int AddKey(const std::string& key) {
    const auto place = std::find(layout_.names.begin(), layout_.names.end(), key);
    const auto index = static_cast<int>(place - layout_.names.begin());
    if (place == layout_.names.end()) layout_.names.push_back(key);
    return index;
  }

  void SetDelimitedColumns(const Preset& preset) {
    layout_.separator = !options_.separator.empty() ? options_.separator : preset.separator;
    if (layout_.separator == "tab" || layout_.separator == "\\t") layout_.separator = "\t";
    if (layout_.separator.empty())
      layout_.separator = GuessSeparator(sample_, name_, WantedNames());
    if (layout_.separator.find_first_of("\r\n\"") != std::string::npos) {
      Refuse("separator may not hold a quote or a line end");
    }
    ReadFirstRow();
    layout_.header = HasHeader(preset);
    if (layout_.header) TakeHeader();
    if (roles_.empty()) roles_ = GuessRoles(layout_.names, name_);
    SetRoles([this](const std::string& column) { return FindColumn(column); });
    SetRules([this](const std::string& column) { return FindRuleColumn(column); });
  }

  std::vector<std::string> WantedNames() const {
    std::vector<std::string> names;
    for (const auto& [role, column] : roles_) {
      if (!CanonicalNumber(column)) names.push_back(column);
    }
    return names;
  }

  void ReadFirstRow() {
    const RecordCutter cutter(layout_.separator, layout_.quoting);
    std::vector<std::string_view> fields;
    std::deque<std::string> unescaped;
    const TextBlock block{sample_.text, sample_.complete};
    for (std::size_t place = 0; place < sample_.text.size();) {
      const RecordEnd end = cutter.Cut(block, place, fields, unescaped);
      if (end.state == RecordState::kIncomplete) break;
      if (end.state == RecordState::kRecord) {
        first_fields_.assign(fields.begin(), fields.end());
        layout_.num_fields = fields.size();
        header_end_ = end.end;
        header_lines_ += static_cast<std::int64_t>(end.num_lines);
        return;
      }
      header_lines_ += static_cast<std::int64_t>(end.num_lines);
      place = end.end;
    }
    RefuseFile("no row could be read from the first " + std::to_string(sample_.text.size()) +
               " bytes: a quote that is never closed, a line without an end, or a binary file");
  }

  bool HasHeader(const Preset& preset) const {
    const HeaderRow said = options_.header != HeaderRow::kAuto ? options_.header : preset.header;
    if (said != HeaderRow::kAuto) return said == HeaderRow::kYes;
    if (roles_.empty() || !WantedNames().empty()) return true;
    const auto time = roles_.find("time");
    if (time == roles_.end()) return false;
    const auto column = CanonicalNumber(time->second);
    if (!column || *column >= first_fields_.size()) return false;
    // A word where the times are can only be the column's name.
    const std::string& text = first_fields_[*column];
    return GuessTimeFormat(text) == TimeFormat::kAuto && !text.empty() &&
           std::isalpha(static_cast<unsigned char>(text[0])) != 0;
  }

  void TakeHeader() {
    layout_.names = first_fields_;
    if (layout_.format == LogFormat::kRecbole) {  // user_id:token
      for (std::string& column : layout_.names) column = column.substr(0, column.rfind(':'));
      const auto found = [this](const char* role) {
        return std::find(layout_.names.begin(), layout_.names.end(), roles_[role]) !=
               layout_.names.end();
      };
      if (std::find(said_.begin(), said_.end(), "rating") == said_.end() && !found("rating")) {
        roles_.erase("rating");
      }
    }
    layout_.first_row += header_end_;
    layout_.first_line = header_lines_;
    if (sample_.complete &&
        sample_.text.find_first_not_of(" \t\r\n", header_end_) == std::string_view::npos) {
      RefuseFile("the file holds a header and no row: there is no interaction to read");
    }
  }

  std::optional<int> TryFindColumn(const std::string& column) const {
    const auto place = std::find(layout_.names.begin(), layout_.names.end(), column);
    if (place != layout_.names.end()) return static_cast<int>(place - layout_.names.begin());
    const auto number = CanonicalNumber(column);
    if (number && *number < layout_.num_fields) return static_cast<int>(*number);
    return std::nullopt;
  }
  int FindColumn(const std::string& column) const {
    if (const auto found = TryFindColumn(column)) return *found;
    if (CanonicalNumber(column)) {
      Refuse("there is no column " + column + ": the first row has " +
             std::to_string(layout_.num_fields) + " field" + (layout_.num_fields == 1 ? "" : "s") +
             " separated by '" + (layout_.separator == "\t" ? "tab" : layout_.separator) +
             "' (columns count from 0; option separator says what is between them)");
    }
    if (!layout_.header) {
      Refuse("column '" + column +
             "' is a name, but the file has no header: give its number, or say header = yes");
    }
    const std::string near = NearestName(column, layout_.names);
    Refuse("there is no column '" + column + "'; the header has " + QuotedList(layout_.names) +
           (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
  int FindRuleColumn(const std::string& column) const {
    if (layout_.header &&
        std::find(layout_.names.begin(), layout_.names.end(), column) != layout_.names.end()) {
      return FindColumn(column);
    }
    const auto role = roles_.find(column);
    return FindColumn(role != roles_.end() ? role->second : column);
  }

  template <class FindByName>
  void SetRoles(const FindByName& find) {
    for (const char* needed : {"user", "item", "time"}) {
      if (!roles_.contains(needed)) {
        Refuse(
            std::string("columns do not say where the ") + needed +
            " is; give all of user, item and time, e.g. columns = user=0,item=1,rating=2,time=3");
      }
    }
    const auto column = [&](const char* role) {
      const auto found = roles_.find(role);
      return found == roles_.end() ? kNoColumn : find(found->second);
    };
    layout_.user = column("user");
    layout_.item = column("item");
    layout_.rating = column("rating");
    layout_.time = column("time");
    layout_.title = column("title");
    layout_.category = column("category");
  }

  template <class FindByName>
  void SetRules(const FindByName& find) {
    layout_.rules = ParseRowRules(options_);
    for (const RowRule& rule : layout_.rules) layout_.rule_columns.push_back(find(rule.column));
    for (const std::string& column : options_.dedupe) {
      layout_.dedupe_text += (layout_.dedupe.empty() ? "dedupe " : ", ") + column;
      layout_.dedupe.push_back(find(column));
    }
  }

  void SetTimes() {
    const auto clock = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
    const std::int64_t now = options_.now != 0 ? options_.now : clock;
    constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max() / 4;
    layout_.earliest = options_.allow_any_time ? -kFar : 0;
    layout_.latest = options_.allow_any_time ? kFar : now + kSecondsPerDay;
    layout_.time_format =
        options_.time_format != TimeFormat::kAuto ? options_.time_format : DetectTimeFormat();
  }

  // Looks at the times of the first rows; they must agree.
  TimeFormat DetectTimeFormat() {
    TimeFormat found = TimeFormat::kAuto;
    std::string example, unreadable;
    for (const std::string& text : SampleTimes()) {
      const TimeFormat guess = GuessTimeFormat(text);
      if (guess == TimeFormat::kAuto) {
        if (unreadable.empty()) unreadable = text;
        continue;
      }
      if (found == TimeFormat::kAuto) {
        found = guess;
        example = text;
      } else if (guess != found) {
        Refuse("the first times do not agree: '" + example + "' looks like " +
               std::string(DescribeTimeFormat(found)) + ", '" + text + "' like " +
               std::string(DescribeTimeFormat(guess)) +
               "; --set read.time_format=seconds, milliseconds or iso says which");
      }
    }
    if (found == TimeFormat::kAuto && !unreadable.empty()) {
      RefuseFile("time '" + ShortenRow(unreadable) + "' in " + layout_.ColumnName(layout_.time) +
                 " is none of " + std::string(DescribeTimeFormat(TimeFormat::kAuto)) +
                 "; is the time in another column, or the separator another one?");
    }
    return found == TimeFormat::kAuto ? TimeFormat::kSeconds : found;
  }

  std::vector<std::string> SampleTimes() const {
    std::vector<std::string> times;
    std::string_view text = sample_.text;
    text.remove_prefix(std::min(text.size(), layout_.header ? header_end_ : 0));
    const TextBlock block{text, sample_.complete};
    const RecordCutter cutter(layout_.separator, layout_.quoting);
    JsonRecordReader json(layout_.names);
    std::vector<std::string_view> fields;
    std::deque<std::string> unescaped;
    for (std::size_t place = 0; place < text.size() && times.size() < kMostSampleRows;) {
      std::size_t next = 0;
      if (layout_.json) {
        const std::size_t end = std::min(text.find('\n', place), text.size());
        if (end == text.size() && !sample_.complete) break;
        next = std::min(end + 1, text.size());
        if (!json.Read(text.substr(place, end - place), text.data() + end, fields).empty()) {
          fields.clear();
        }
      } else {
        const RecordEnd end = cutter.Cut(block, place, fields, unescaped);
        if (end.state == RecordState::kIncomplete) break;
        if (end.state != RecordState::kRecord) fields.clear();
        next = end.end;
      }
      if (fields.size() == layout_.num_fields && layout_.num_fields > 0) {
        const std::string_view time = fields[static_cast<std::size_t>(layout_.time)];
        if (!time.empty()) times.emplace_back(time);
      }
      place = next;
    }
    return times;
  }

  Sample sample_;
  const std::string& name_;
  const ReadOptions& options_;
  Layout layout_;
  std::map<std::string, std::string> roles_;
  std::vector<std::string> said_;  // roles the options named
  std::vector<std::string> first_fields_;
  std::size_t header_end_ = 0;
  std::int64_t header_lines_ = 0;
};

}  // namespace

std::string Layout::ColumnName(int column) const {
  const auto place = static_cast<std::size_t>(column);
  if (place < names.size()) return (json ? "key '" : "column '") + names[place] + "'";
  return "column " + std::to_string(column);
}

Layout FindLayout(const Sample& sample, const std::string& name, const ReadOptions& options) {
  return LayoutFinder(sample, name, options).Find();
}

}  // namespace raie
