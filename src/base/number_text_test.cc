#include "base/number_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace raie {
namespace {

TEST(NumberTextTest, NumbersAreGroupedAndCutToTheirLength) {
  EXPECT_EQ(Count(1234567), "1,234,567");
  EXPECT_EQ(Count(-999), "-999");
  EXPECT_EQ(Fixed(0.12345, 3), "0.123");
  EXPECT_EQ(Shortest(0.1), "0.1");
  EXPECT_EQ(Shortest(4), "4");
  EXPECT_EQ(Shortest(1e-7), "1e-07");
  EXPECT_EQ(Fixed(std::numeric_limits<double>::quiet_NaN(), 3), "n/a");
  EXPECT_EQ(Percent(0.1234), "12.3 %");
}

TEST(NumberTextTest, MomentsAreUtc) {
  EXPECT_EQ(Moment(1314878400), "2011-09-01 12:00:00 UTC");
  EXPECT_EQ(Day(1314878400), "2011-09-01");
}

TEST(NumberTextTest, CsvIsQuotedWhereItMustBe) {
  EXPECT_EQ(CsvField("plain text"), "plain text");
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("say \"a\""), "\"say \"\"a\"\"\"");
}

TEST(NumberTextTest, NamesAreCutByCharactersNotBytes) {
  EXPECT_EQ(Characters("Amélie"), 6U);
  EXPECT_EQ(Shorten("Amélie", 6), "Amélie");
  EXPECT_EQ(Shorten("Amélie", 4), "Amé…");
}

}  // namespace
}  // namespace raie
