#include "compare/time_book.h"

#include <gtest/gtest.h>

namespace raie {
namespace {

TEST(TimeBookTest, TheMostParticularMeasurementWins) {
  TimeBook book;
  const WorkNames lora = {"cell sasrec lora", "cell sasrec", "cell"};
  const WorkNames raie = {"cell sasrec raie", "cell sasrec", "cell"};
  EXPECT_FALSE(book.Estimate(lora).has_value());
  book.Guessed({"cell sasrec", "cell"}, 100);
  EXPECT_EQ(book.Estimate(lora), 100);
  book.Measured(raie, 10);
  book.Measured(raie, 20);
  EXPECT_EQ(book.Estimate(raie), 15);
  EXPECT_EQ(book.Estimate(lora), 15);  // of the same backbone, rather than the guess
  book.Measured(lora, 3);
  EXPECT_EQ(book.Estimate(lora), 3);
  EXPECT_EQ(book.Estimate({"cell bert4rec lora", "cell bert4rec", "cell"}), 11);
  EXPECT_FALSE(book.Estimate({"fit sasrec", "fit"}).has_value());
}

TEST(TimeBookTest, TotalsAreOfWhatWasMeasured) {
  TimeBook book;
  book.Guessed({"cell sasrec", "cell"}, 100);
  EXPECT_EQ(book.Total("cell").count, 0);
  book.Measured({"cell sasrec lora", "cell sasrec", "cell"}, 10);
  book.Measured({"cell bert4rec lora", "cell bert4rec", "cell"}, 20);
  EXPECT_EQ(book.Total("cell").count, 2);
  EXPECT_EQ(book.Total("cell").seconds, 30);
  EXPECT_EQ(book.Total("fit").count, 0);
}

TEST(TimeBookTest, DurationsAreReadable) {
  EXPECT_EQ(DurationText(39.2), "about 40 s");
  EXPECT_EQ(DurationText(40 * 60), "about 40 min");
  EXPECT_EQ(DurationText(3 * 3600 + 20 * 60), "about 3 h 20 min");
}

}  // namespace
}  // namespace raie
