#include "base/number_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace raie {
namespace {

bool StartsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::string TimeText(std::int64_t seconds, const char* format) {
  const std::time_t time = seconds;
  std::tm parts{};
  char text[48];
  if (::gmtime_r(&time, &parts) == nullptr ||
      std::strftime(text, sizeof text, format, &parts) == 0) {
    return std::to_string(seconds) + " s";
  }
  return text;
}

}  // namespace

std::size_t Characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, StartsCharacter));
}

std::string Fixed(double value, int decimals) {
  if (!std::isfinite(value)) return "n/a";
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string Shortest(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

std::string Count(std::int64_t value) {
  const std::string digits = std::to_string(value);
  const std::size_t first = value < 0 ? 1 : 0;
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > first && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string Percent(double share) {
  return std::isfinite(share) ? Fixed(100 * share, 1) + " %" : "n/a";
}

std::string Moment(std::int64_t seconds) { return TimeText(seconds, "%Y-%m-%d %H:%M:%S UTC"); }

std::string Day(std::int64_t seconds) { return TimeText(seconds, "%Y-%m-%d"); }

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

std::string Shorten(const std::string& text, std::size_t characters) {
  if (Characters(text) <= characters) return text;
  std::string shortened;
  std::size_t count = 0;
  for (const char byte : text) {
    if (StartsCharacter(byte) && ++count >= characters) break;
    shortened += byte;
  }
  return shortened + "…";
}

}  // namespace raie
