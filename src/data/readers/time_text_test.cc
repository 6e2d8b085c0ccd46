#include "data/readers/time_text.h"

#include <gtest/gtest.h>

#include <ctime>

#include "base/random.h"

namespace raie {
namespace {

using ParsedSeconds = std::optional<std::int64_t>;

TEST(TimeText, EpochSecondsAndMilliseconds) {
  EXPECT_EQ(ParseTime("978300019", TimeFormat::kSeconds), ParsedSeconds(978300019));
  EXPECT_EQ(ParseTime("0", TimeFormat::kSeconds), ParsedSeconds(0));
  EXPECT_EQ(ParseTime("978300019.9", TimeFormat::kSeconds), ParsedSeconds(978300019));
  EXPECT_EQ(ParseTime("-0.5", TimeFormat::kSeconds), ParsedSeconds(-1));
  EXPECT_EQ(ParseTime("9.78300019e8", TimeFormat::kSeconds), ParsedSeconds(978300019));
  EXPECT_EQ(ParseTime(" 978300019 ", TimeFormat::kSeconds), ParsedSeconds(978300019));
  EXPECT_EQ(ParseTime("978300019999", TimeFormat::kMilliseconds), ParsedSeconds(978300019));
  EXPECT_EQ(ParseTime("-1", TimeFormat::kMilliseconds), ParsedSeconds(-1));
  for (const char* bad : {"", "x", "12x", "nan", "inf", "1e300", "2020-01-01", "--1"}) {
    EXPECT_EQ(ParseTime(bad, TimeFormat::kSeconds), std::nullopt) << bad;
    EXPECT_EQ(ParseTime(bad, TimeFormat::kMilliseconds), std::nullopt) << bad;
  }
}

TEST(TimeText, IsoForms) {
  const auto iso = [](const char* text) { return ParseTime(text, TimeFormat::kIso); };
  EXPECT_EQ(iso("1970-01-01"), ParsedSeconds(0));
  EXPECT_EQ(iso("2010-12-01 08:26:00"), ParsedSeconds(1291191960));
  EXPECT_EQ(iso("2010-12-01T08:26:00"), ParsedSeconds(1291191960));
  EXPECT_EQ(iso("2010-12-01 08:26"), ParsedSeconds(1291191960));
  EXPECT_EQ(iso("2010-12-01T08:26:00Z"), ParsedSeconds(1291191960));
  EXPECT_EQ(iso("2010-12-01T08:26:00.999Z"), ParsedSeconds(1291191960));
  EXPECT_EQ(iso("2010-12-01T08:26:00+01:30"), ParsedSeconds(1291191960 - 5400));
  EXPECT_EQ(iso("2010-12-01T08:26:00-0130"), ParsedSeconds(1291191960 + 5400));
  EXPECT_EQ(iso("2010-12-01 08:26:00+02"), ParsedSeconds(1291191960 - 7200));
  EXPECT_EQ(iso("2016-02-29"), ParsedSeconds(1456704000));
  EXPECT_EQ(iso("1969-12-31 23:59:59"), ParsedSeconds(-1));
  for (const char* bad :
       {"", "2010", "2010-13-01", "2010-00-01", "2010-02-30", "2015-02-29", "1900-02-29",
        "2010-12-01X08:26", "2010-12-01 24:00:00", "2010-12-01 08:60", "2010-12-01 08",
        "2010-12-01 08:26:00.", "2010-12-01 08:26:00+1", "2010-12-01 08:26:00Zx", "12/1/2010 8:26",
        "2010-1-1", "1291191960"}) {
    EXPECT_EQ(iso(bad), std::nullopt) << bad;
  }
}

TEST(TimeText, IsoAgreesWithTheCalendarOfTheSystem) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 0);
    const auto time = static_cast<std::time_t>(random.Below(8'000'000'000)) - 2'000'000'000;
    std::tm parts{};
    ASSERT_NE(gmtime_r(&time, &parts), nullptr);
    char text[32];
    ASSERT_GT(std::strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts), 0U);
    EXPECT_EQ(ParseTime(text, TimeFormat::kIso), ParsedSeconds(time)) << text;
  }
}

TEST(TimeText, GuessesByShapeAndSize) {
  EXPECT_EQ(GuessTimeFormat("978300019"), TimeFormat::kSeconds);
  EXPECT_EQ(GuessTimeFormat("978300019.5"), TimeFormat::kSeconds);
  EXPECT_EQ(GuessTimeFormat("978300019000"), TimeFormat::kMilliseconds);
  EXPECT_EQ(GuessTimeFormat("2010-12-01"), TimeFormat::kIso);
  EXPECT_EQ(GuessTimeFormat("timestamp"), TimeFormat::kAuto);
  EXPECT_EQ(GuessTimeFormat(""), TimeFormat::kAuto);
}

}  // namespace
}  // namespace raie
