#include "report/blocks.h"

#include <gtest/gtest.h>

#include <limits>

namespace raie {
namespace {

TEST(BlocksTest, CsvHasEveryNumberInAColumnOfItsOwn) {
  const ReportJson block = FigureBlock(
      {.id = "f", .chart = "lines", .title = "t"},
      {.columns = {{"name", "Name"}, {"gain", "Gain", "change_interval"}, {"n", "N", "count"}},
       .rows = {{"a", {{"value", 0.5}, {"low", 0.25}, {"high", 0.75}}, 3},
                {"b, \"quoted\"", nullptr, nullptr}}});
  EXPECT_EQ(BlockCsv(block),
            "name,gain,gain_low,gain_high,n\n"
            "a,0.5,0.25,0.75,3\n"
            "\"b, \"\"quoted\"\"\",,,,\n");
}

TEST(BlocksTest, NamesAreListedAsPeopleDo) {
  EXPECT_EQ(ListOfNames({}), "none");
  EXPECT_EQ(ListOfNames({"a"}), "a");
  EXPECT_EQ(ListOfNames({"a", "b", "c"}), "a, b and c");
  EXPECT_EQ(ListOfNames({"a", "b", "c", "d", "e"}, 3), "a, b, c and 2 more");
  EXPECT_EQ(ListOfNames({"a", "b", "c", "d"}, 3), "a, b, c and d");  // "1 more" would save nothing
  EXPECT_EQ(CountOf(1, "region"), "1 region");
  EXPECT_EQ(CountOf(1200, "region"), "1,200 regions");
}

TEST(BlocksTest, WhatIsNotFiniteIsNull) {
  EXPECT_TRUE(FiniteOrNull(std::numeric_limits<double>::infinity()).is_null());
  EXPECT_EQ(FiniteOrNull(2.0), 2.0);
}

TEST(BlocksTest, SentencesOnWhatIsMissingAreNoContent) {
  EXPECT_FALSE(HasContent(SectionOf("a", "A", {MissingBlock("x")})));
  EXPECT_TRUE(HasContent(SectionOf("a", "A", {MissingBlock("x"), TextBlock("y")})));
}

}  // namespace
}  // namespace raie
