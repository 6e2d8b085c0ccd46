#include "data/readers/delimited.h"

#include <algorithm>
#include <utility>

#include "data/readers/numeric_rows.h"
#include "data/readers/row_builder.h"

namespace raie {
namespace {

std::string_view TrimLineEnd(std::string_view record) {
  if (!record.empty() && record.back() == '\n') record.remove_suffix(1);
  if (!record.empty() && record.back() == '\r') record.remove_suffix(1);
  return record;
}

// What a row with too many or too few fields probably needs.
std::string SeparatorHint(std::string_view row, const Layout& layout) {
  if (layout.num_fields < 2 || row.find(layout.separator) != std::string_view::npos) return "";
  for (const char* other : {"::", "\t", ",", ";", "|"}) {
    if (other == layout.separator || row.find(other) == std::string_view::npos) continue;
    return std::string("; the row has '") + (other[0] == '\t' ? "tab" : other) +
           "': perhaps option separator should be that";
  }
  return "";
}

}  // namespace

bool RecordCutter::AtSeparator(std::string_view text, std::size_t place) const {
  return text.compare(place, separator_.size(), separator_) == 0;
}

// Cuts the field whose opening quote is at `place`; leaves `place` after the field's end mark.
RecordCutter::FieldEnd RecordCutter::CutQuoted(const TextBlock& block, std::size_t& place,
                                               std::string_view& field,
                                               std::deque<std::string>& unescaped) const {
  const std::string_view text = block.text;
  const std::size_t begin = place + 1;
  const std::size_t most = std::min(text.size(), begin + kMostQuotedBytes);
  const bool cut_short = most == text.size() && !block.complete;
  std::string* plain = nullptr;  // the text without doubled quotes, where there are any
  std::size_t from = begin;
  for (;;) {
    const std::size_t quote = text.substr(0, most).find('"', from);
    if (quote == std::string_view::npos) {
      return cut_short ? FieldEnd::kIncomplete : FieldEnd::kBadQuote;
    }
    if (quote + 1 >= text.size() && !block.complete) return FieldEnd::kIncomplete;
    if (quote + 1 < text.size() && text[quote + 1] == '"') {
      if (plain == nullptr) plain = &unescaped.emplace_back();
      plain->append(text.substr(from, quote + 1 - from));
      from = quote + 2;
      continue;
    }
    if (plain != nullptr) plain->append(text.substr(from, quote - from));
    field = plain != nullptr ? std::string_view(*plain) : text.substr(begin, quote - begin);
    place = quote + 1;
    break;
  }
  if (!block.complete && text.size() - place < std::max<std::size_t>(2, separator_.size())) {
    return FieldEnd::kIncomplete;
  }
  if (AtSeparator(text, place)) {
    place += separator_.size();
    return FieldEnd::kSeparator;
  }
  // Behind a closing quote there may be \n, \r\n or the end of the text, nothing else.
  if (place < text.size() && text[place] == '\r') ++place;
  if (place < text.size() && text[place] != '\n') return FieldEnd::kBadQuote;
  place = std::min(place + 1, text.size());
  return FieldEnd::kRecord;
}

RecordEnd RecordCutter::Cut(const TextBlock& block, std::size_t begin,
                            std::vector<std::string_view>& fields,
                            std::deque<std::string>& unescaped) const {
  fields.clear();
  unescaped.clear();
  const std::string_view text = block.text;
  const std::size_t newline = text.find('\n', begin);
  const std::size_t line_end = std::min(newline, text.size());
  const std::size_t next_line = std::min(line_end + 1, text.size());
  if (newline == std::string_view::npos && !block.complete)
    return {RecordState::kIncomplete, begin};
  if (TrimLineEnd(text.substr(begin, next_line - begin)).empty()) {
    return {RecordState::kBlank, next_line};
  }
  std::size_t place = begin;
  std::size_t end_of_line = line_end;  // of the line `place` is in
  for (;;) {
    if (quoting_ && place < text.size() && text[place] == '"') {
      std::string_view field;
      const FieldEnd outcome = CutQuoted(block, place, field, unescaped);
      if (outcome == FieldEnd::kBadQuote) return {RecordState::kBadQuote, next_line};
      if (outcome == FieldEnd::kIncomplete) return {RecordState::kIncomplete, begin};
      fields.push_back(field);
      if (outcome == FieldEnd::kRecord) break;
      if (place > end_of_line) {
        end_of_line = std::min(text.find('\n', place), text.size());
        if (end_of_line == text.size() && !block.complete) return {RecordState::kIncomplete, begin};
      }
      continue;
    }
    const std::string_view rest = text.substr(place, end_of_line - place);
    const std::size_t length = rest.find(separator_);
    if (length == std::string_view::npos) {
      fields.push_back(TrimLineEnd(rest));
      place = std::min(end_of_line + 1, text.size());
      break;
    }
    fields.push_back(rest.substr(0, length));
    place += length + separator_.size();
  }
  const auto record = text.substr(begin, place - begin);
  const auto line_ends = static_cast<std::size_t>(std::count(record.begin(), record.end(), '\n'));
  return {RecordState::kRecord, place, std::max<std::size_t>(1, line_ends)};
}

DelimitedParser::DelimitedParser(const Layout& layout)
    : layout_(layout),
      cutter_(layout.separator, layout.quoting),
      numeric_(IsNumericLayout(layout)) {}

void DelimitedParser::Parse(const TextBlock& block, std::size_t limit, ReaderScratch& scratch,
                            ChunkRows& chunk) const {
  RowBuilder builder(layout_, scratch, chunk);
  std::size_t place = chunk.begin;
  while (place < limit) {
    if (numeric_) place = ReadNumericRows(layout_, block.text, {place, limit}, scratch, chunk);
    if (place >= limit) break;
    const RecordEnd end = cutter_.Cut(block, place, scratch.fields, scratch.unescaped);
    if (end.state == RecordState::kIncomplete) {
      chunk.incomplete = true;
      break;
    }
    const std::string_view row = TrimLineEnd(block.text.substr(place, end.end - place));
    const Record record{scratch.fields, chunk.lines, row};
    if (end.state == RecordState::kBlank) {
      ++chunk.blank_lines;
    } else if (end.state == RecordState::kBadQuote) {
      builder.Reject(record, BadRowKind::kQuote,
                     "a field that begins with a quote does not end with one",
                     "a closing quote before the separator or the end of the row, and \"\" for a "
                     "quote inside");
    } else if (record.fields.size() != layout_.num_fields) {
      builder.Reject(
          record, BadRowKind::kFields,
          std::to_string(record.fields.size()) + (record.fields.size() == 1 ? " field" : " fields"),
          std::to_string(layout_.num_fields) + " fields separated by '" +
              (layout_.separator == "\t" ? "tab" : layout_.separator) + "'" +
              SeparatorHint(row, layout_));
    } else {
      builder.Add(record);
    }
    chunk.lines += static_cast<std::int64_t>(end.num_lines);
    place = end.end;
  }
  chunk.end = place;
  scratch.users.Forget(chunk.user_ids);
  scratch.items.Forget(chunk.item_ids);
}

}  // namespace raie
