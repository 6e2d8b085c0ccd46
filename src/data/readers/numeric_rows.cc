#include "data/readers/numeric_rows.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "data/readers/number_text.h"

namespace raie {
namespace {

// The longest row read here (8 + 8 digits, 3 of a rating, 12 of a time, separators, line end),
// and what a look at 8 characters may go beyond it.
constexpr std::size_t kMostRowBytes = 64;
constexpr std::size_t kFewestRowBytes = 8;  // "1,1,1,1\n"

template <int kSeparatorBytes>
bool IsSeparator(const char* text, std::uint16_t separator) {
  if constexpr (kSeparatorBytes == 1) return *text == static_cast<char>(separator);
  std::uint16_t found;
  std::memcpy(&found, text, 2);
  return found == separator;
}

struct Row {
  std::uint32_t user;
  std::uint32_t item;
  float rating;
  std::int64_t time;
};

// Reads an id and the separator behind it; an id another number could also be is refused.
template <int kSeparatorBytes>
const char* ReadId(const char* place, std::uint16_t separator, std::uint32_t* id) {
  const DigitRun run = ReadDigits(place);
  if (run.digits == 0 || (*place == '0' && run.digits > 1)) return nullptr;
  place += run.digits;
  if (!IsSeparator<kSeparatorBytes>(place, separator)) return nullptr;
  *id = run.value;
  return place + kSeparatorBytes;
}

constexpr auto kTenths = [] {
  std::array<float, 100> table{};
  for (int i = 0; i < 100; ++i) {
    table[static_cast<std::size_t>(i)] = static_cast<float>(static_cast<double>(i) / 10.0);
  }
  return table;
}();

// Reads "5" or "3.5" and the separator behind it.
template <int kSeparatorBytes>
const char* ReadRating(const char* place, std::uint16_t separator, float* rating) {
  const auto digit = static_cast<unsigned>(static_cast<unsigned char>(*place)) - '0';
  if (digit > 9) return nullptr;
  if (IsSeparator<kSeparatorBytes>(place + 1, separator)) {
    *rating = static_cast<float>(digit);
    return place + 1 + kSeparatorBytes;
  }
  const auto tenth = static_cast<unsigned>(static_cast<unsigned char>(place[2])) - '0';
  if (place[1] != '.' || tenth > 9 || !IsSeparator<kSeparatorBytes>(place + 3, separator)) {
    return nullptr;
  }
  *rating = kTenths[digit * 10 + tenth];
  return place + 3 + kSeparatorBytes;
}

// Reads seconds of up to 12 digits and the line end.
const char* ReadTime(const char* place, std::int64_t* time) {
  const DigitRun run = ReadDigits(place);
  if (run.digits == 0) return nullptr;
  place += run.digits;
  std::int64_t value = run.value;
  if (run.digits == 8) {
    for (int more = 0; more < 4; ++more) {
      const auto digit = static_cast<unsigned>(static_cast<unsigned char>(*place)) - '0';
      if (digit > 9) break;
      value = value * 10 + digit;
      ++place;
    }
  }
  place += *place == '\r' ? 1 : 0;
  if (*place != '\n') return nullptr;
  *time = value;
  return place + 1;
}

template <int kSeparatorBytes>
const char* ReadRow(const char* place, std::uint16_t separator, Row* row) {
  place = ReadId<kSeparatorBytes>(place, separator, &row->user);
  if (place == nullptr) return nullptr;
  place = ReadId<kSeparatorBytes>(place, separator, &row->item);
  if (place == nullptr) return nullptr;
  place = ReadRating<kSeparatorBytes>(place, separator, &row->rating);
  if (place == nullptr) return nullptr;
  return ReadTime(place, &row->time);
}

template <int kSeparatorBytes>
std::size_t ReadRows(const Layout& layout, std::string_view text, TextRange range,
                     ReaderScratch& scratch, ChunkRows& chunk) {
  std::uint16_t separator = static_cast<unsigned char>(layout.separator[0]);
  if (kSeparatorBytes == 2) std::memcpy(&separator, layout.separator.data(), 2);
  const char* const start = text.data();
  const char* place = start + range.begin;
  const char* const end = start + std::min(range.end, text.size() - kMostRowBytes);
  std::int64_t size = chunk.size;
  while (place < end) {
    Row row;
    const char* const next = ReadRow<kSeparatorBytes>(place, separator, &row);
    if (next == nullptr || row.time < layout.earliest || row.time > layout.latest) break;
    const auto at = static_cast<std::size_t>(size++);
    chunk.users[at] = scratch.users.AddNumber(chunk.user_ids, row.user);
    chunk.items[at] = scratch.items.AddNumber(chunk.item_ids, row.item);
    chunk.ratings[at] = row.rating;
    chunk.times[at] = row.time;
    place = next;
  }
  const std::int64_t read = size - chunk.size;
  chunk.size = size;
  chunk.rows += read;
  chunk.lines += read;
  return static_cast<std::size_t>(place - start);
}

}  // namespace

bool IsNumericLayout(const Layout& layout) {
  return !layout.json && layout.user == 0 && layout.item == 1 && layout.rating == 2 &&
         layout.time == 3 && layout.num_fields == 4 && layout.title == kNoColumn &&
         layout.category == kNoColumn && layout.time_format == TimeFormat::kSeconds &&
         layout.rules.empty() && layout.dedupe.empty() &&
         (layout.separator.size() == 1 || layout.separator.size() == 2);
}

std::size_t ReadNumericRows(const Layout& layout, std::string_view text, TextRange range,
                            ReaderScratch& scratch, ChunkRows& chunk) {
  if (text.size() < range.begin + kMostRowBytes) return range.begin;
  // One check for all rows of the range instead of one a row.
  chunk.EnsureRoom(chunk.size +
                   static_cast<std::int64_t>((range.end - range.begin) / kFewestRowBytes) + 1);
  return layout.separator.size() == 1 ? ReadRows<1>(layout, text, range, scratch, chunk)
                                      : ReadRows<2>(layout, text, range, scratch, chunk);
}

}  // namespace raie
