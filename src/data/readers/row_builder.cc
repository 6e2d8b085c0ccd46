#include "data/readers/row_builder.h"

#include <simdjson.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "data/readers/number_text.h"
#include "data/readers/time_text.h"

namespace raie {
namespace {

constexpr std::size_t kMostCharactersShown = 120;

std::string Quoted(std::string_view text) { return "'" + ShortenRow(text) + "'"; }

bool IsPlainText(std::string_view text) {
  unsigned char all = 0;
  bool nul = false;
  for (const char c : text) {
    all |= static_cast<unsigned char>(c);
    nul |= c == '\0';
  }
  if (nul) return false;
  return all < 0x80 || simdjson::validate_utf8(text.data(), text.size());
}

// Keeps the first text that says something.
void NoteFirst(std::vector<std::string>& texts, std::int32_t index, std::string_view text) {
  const auto place = static_cast<std::size_t>(index);
  if (place >= texts.size()) texts.resize(place + 1);
  if (texts[place].empty()) texts[place] = text;
}

}  // namespace

std::string ShortenRow(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    if (shown.size() >= kMostCharactersShown) return shown + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t') {
      shown += "\\t";
    } else if (c == '\n') {
      shown += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      constexpr char kDigits[] = "0123456789abcdef";
      shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      shown += c;
    }
  }
  return shown;
}

void RowBuilder::Reject(const Record& record, BadRowKind kind, std::string detail,
                        std::string expected) {
  ++rows_.rows;
  ++rows_.bad_rows[static_cast<std::size_t>(kind)];
  if (rows_.num_bad_rows++ > 0) return;
  rows_.first_bad_row = {kind, record.line, std::move(detail), ShortenRow(record.text),
                         std::move(expected)};
}

bool RowBuilder::DroppedByRule(const Record& record) {
  for (std::size_t r = 0; r < layout_.rules.size(); ++r) {
    const RowRule& rule = layout_.rules[r];
    const std::string_view field = Field(record, layout_.rule_columns[r]);
    const RuleVerdict verdict = Apply(rule, field);
    if (verdict == RuleVerdict::kKeep) continue;
    if (verdict == RuleVerdict::kNotANumber) {
      Reject(record, BadRowKind::kNumber,
             layout_.ColumnName(layout_.rule_columns[r]) + " is " + Quoted(field),
             "a number, because of the rule '" + rule.text + "'");
      return true;
    }
    ++rows_.dropped[r];
    ++rows_.rows;
    return true;
  }
  return false;
}

bool RowBuilder::CheckId(const Record& record, int column, const char* role) {
  const std::string_view id = Field(record, column);
  if (id.data() == nullptr) {
    Reject(record, BadRowKind::kMissingField, layout_.ColumnName(column) + " is not there",
           "a key " + layout_.ColumnName(column) + " with the " + role + " id");
    return false;
  }
  if (id.empty()) {
    Reject(record, BadRowKind::kEmptyId, std::string(role) + " is empty",
           std::string("an id in ") + layout_.ColumnName(column) +
               " (or the rule drop_missing = " + role + ", if such rows are to be left out)");
    return false;
  }
  if (!IsPlainText(id)) {
    Reject(record, BadRowKind::kText, std::string(role) + " is " + Quoted(id),
           "UTF-8 text without NUL bytes (is the file binary, or Latin-1 or UTF-16? iconv "
           "converts those)");
    return false;
  }
  return true;
}

bool RowBuilder::ReadRating(const Record& record, float* rating) {
  const std::string_view text = Field(record, layout_.rating);
  if (text.data() == nullptr) {
    Reject(record, BadRowKind::kMissingField, layout_.ColumnName(layout_.rating) + " is not there",
           "a key " + layout_.ColumnName(layout_.rating) + " with the rating");
    return false;
  }
  const std::optional<double> value = ParseDecimal(text);
  const auto narrow = static_cast<float>(value.value_or(0));
  if (value && std::isfinite(narrow)) {
    *rating = narrow;
    return true;
  }
  Reject(record, value ? BadRowKind::kNotFinite : BadRowKind::kNumber, "rating is " + Quoted(text),
         std::string("a ") + (value ? "finite " : "") + "decimal number such as 3.5");
  return false;
}

bool RowBuilder::ReadTime(const Record& record, std::int64_t* time) {
  const std::string_view text = Field(record, layout_.time);
  if (text.data() == nullptr) {
    Reject(record, BadRowKind::kMissingField, layout_.ColumnName(layout_.time) + " is not there",
           "a key " + layout_.ColumnName(layout_.time) + " with the time");
    return false;
  }
  const std::optional<std::int64_t> value = ParseTime(text, layout_.time_format);
  if (!value) {
    Reject(record, BadRowKind::kTime, "time is " + Quoted(text),
           std::string(DescribeTimeFormat(layout_.time_format)) +
               " (--set read.time_format=... says which)");
    return false;
  }
  if (*value < layout_.earliest || *value > layout_.latest) {
    Reject(record, BadRowKind::kTime,
           "time " + Quoted(text) + " is " +
               (*value < layout_.earliest ? "before 1970" : "in the future"),
           "a time between 1970 and a day after now, read as " +
               std::string(DescribeTimeFormat(layout_.time_format)) +
               " (--set read.time_format=... reads it otherwise, --set read.allow_any_time=true "
               "accepts it)");
    return false;
  }
  *time = *value;
  return true;
}

void RowBuilder::NoteTexts(const Record& record, std::int32_t item) {
  if (layout_.title != kNoColumn) NoteFirst(rows_.titles, item, Field(record, layout_.title));
  if (layout_.category != kNoColumn) {
    NoteFirst(rows_.categories, item, Field(record, layout_.category));
  }
}

void RowBuilder::NoteKey(const Record& record) {
  std::string& bytes = scratch_.key_bytes;
  bytes.clear();
  for (const int column : layout_.dedupe) {
    const std::string_view field = Field(record, column);
    const auto size = static_cast<std::uint64_t>(field.size());
    bytes.append(reinterpret_cast<const char*>(&size), sizeof(size));  // "ab","c" is not "a","bc"
    bytes += field;
  }
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  rows_.keys.push_back({hash.low64, hash.high64});
}

void RowBuilder::Add(const Record& record) {
  if (DroppedByRule(record)) return;
  float rating = 0;
  std::int64_t time = 0;
  if (!CheckId(record, layout_.user, "user") || !CheckId(record, layout_.item, "item")) return;
  if (layout_.rating != kNoColumn && !ReadRating(record, &rating)) return;
  if (!ReadTime(record, &time)) return;
  ++rows_.rows;
  rows_.EnsureRoom(rows_.size + 1);
  const auto place = static_cast<std::size_t>(rows_.size++);
  rows_.users[place] = scratch_.users.AddText(rows_.user_ids, Field(record, layout_.user));
  rows_.items[place] = scratch_.items.AddText(rows_.item_ids, Field(record, layout_.item));
  rows_.ratings[place] = rating;
  rows_.times[place] = time;
  NoteTexts(record, rows_.items[place]);
  if (!layout_.dedupe.empty()) NoteKey(record);
}

}  // namespace raie
