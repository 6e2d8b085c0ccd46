#include "data/readers/time_text.h"

#include <cmath>

#include "data/readers/number_text.h"

namespace raie {
namespace {

constexpr double kLeastMilliseconds = 1e11;
constexpr double kMostSeconds = 9e15;  // whole numbers stay exact in a double

// Days since 1970-01-01 of a date of the Gregorian calendar.
std::int64_t DaysSinceEpoch(std::int64_t year, int month, int day) {
  // Years begin in March, so that the leap day is the last of its year.
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

// Takes text apart from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool AtEnd() const { return text_.empty(); }
  bool Take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeNumber(int digits, int* value) {
    if (text_.size() < static_cast<std::size_t>(digits)) return false;
    *value = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = text_[static_cast<std::size_t>(i)] - '0';
      if (digit < 0 || digit > 9) return false;
      *value = *value * 10 + digit;
    }
    text_.remove_prefix(static_cast<std::size_t>(digits));
    return true;
  }
  bool TakeDigits() {  // at least one
    std::size_t count = 0;
    while (count < text_.size() && text_[count] >= '0' && text_[count] <= '9') ++count;
    text_.remove_prefix(count);
    return count > 0;
  }

 private:
  std::string_view text_;
};

// HH:MM[:SS[.fraction]] as seconds of the day.
std::optional<int> TakeTimeOfDay(Cursor& cursor) {
  int hour = 0, minute = 0, second = 0;
  if (!cursor.TakeNumber(2, &hour) || !cursor.Take(':') || !cursor.TakeNumber(2, &minute)) {
    return std::nullopt;
  }
  if (cursor.Take(':')) {
    if (!cursor.TakeNumber(2, &second)) return std::nullopt;
    if ((cursor.Take('.') || cursor.Take(',')) && !cursor.TakeDigits()) return std::nullopt;
  }
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;  // 60: a leap second
  return hour * 3600 + minute * 60 + second;
}

// Z, +hh:mm, +hhmm, +hh or nothing, as seconds east of UTC.
std::optional<int> TakeOffset(Cursor& cursor) {
  cursor.Take(' ');
  if (cursor.AtEnd() || cursor.Take('Z') || cursor.Take('z')) return 0;
  const bool east = cursor.Take('+');
  if (!east && !cursor.Take('-')) return std::nullopt;
  int hours = 0, minutes = 0;
  if (!cursor.TakeNumber(2, &hours)) return std::nullopt;
  const bool colon = cursor.Take(':');
  if ((colon || !cursor.AtEnd()) && !cursor.TakeNumber(2, &minutes)) return std::nullopt;
  if (hours > 23 || minutes > 59) return std::nullopt;
  return (east ? 1 : -1) * (hours * 3600 + minutes * 60);
}

std::optional<std::int64_t> ParseIso(std::string_view text) {
  Cursor cursor(TrimBlanks(text));
  int year = 0, month = 0, day = 0;
  if (!cursor.TakeNumber(4, &year) || !cursor.Take('-') || !cursor.TakeNumber(2, &month) ||
      !cursor.Take('-') || !cursor.TakeNumber(2, &day)) {
    return std::nullopt;
  }
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) return std::nullopt;
  const std::int64_t midnight = DaysSinceEpoch(year, month, day) * 86400;
  if (cursor.AtEnd()) return midnight;
  if (!cursor.Take('T') && !cursor.Take(' ')) return std::nullopt;
  const std::optional<int> of_day = TakeTimeOfDay(cursor);
  if (!of_day) return std::nullopt;
  const std::optional<int> offset = TakeOffset(cursor);
  if (!offset || !cursor.AtEnd()) return std::nullopt;
  return midnight + *of_day - *offset;
}

}  // namespace

std::optional<std::int64_t> ParseTime(std::string_view text, TimeFormat format) {
  if (format == TimeFormat::kIso) return ParseIso(text);
  const std::int64_t unit = format == TimeFormat::kMilliseconds ? 1000 : 1;
  if (const auto whole = CanonicalNumber(text)) {
    return static_cast<std::int64_t>(*whole) / unit;
  }
  const std::optional<double> value = ParseDecimal(text);
  if (!value || !(std::abs(*value) < kMostSeconds)) return std::nullopt;
  return static_cast<std::int64_t>(std::floor(*value / static_cast<double>(unit)));
}

TimeFormat GuessTimeFormat(std::string_view text) {
  if (ParseIso(text)) return TimeFormat::kIso;
  const std::optional<double> value = ParseDecimal(text);
  if (!value || !std::isfinite(*value)) return TimeFormat::kAuto;
  return *value >= kLeastMilliseconds ? TimeFormat::kMilliseconds : TimeFormat::kSeconds;
}

std::string_view DescribeTimeFormat(TimeFormat format) {
  switch (format) {
    case TimeFormat::kSeconds:
      return "epoch seconds";
    case TimeFormat::kMilliseconds:
      return "epoch milliseconds";
    case TimeFormat::kIso:
      return "ISO-8601 (YYYY-MM-DD[ HH:MM:SS][Z|+hh:mm])";
    case TimeFormat::kAuto:
      break;
  }
  return "epoch seconds, epoch milliseconds or ISO-8601 (YYYY-MM-DD[ HH:MM:SS][Z|+hh:mm])";
}

}  // namespace raie
