#include "evaluation/stream_metrics.h"

#include <gtest/gtest.h>

#include "raie/error.h"

namespace raie {
namespace {

// N = 3, computed by hand.
StreamMatrix ByHand() {
  return {.after = {{.50, .10, .05, .02},
                    {.44, .40, .12, .04},
                    {.46, .30, .36, .10},
                    {.40, .34, .30, .32}},
          .next = {.11, .13, .09},
          .frozen = {9, 9, .06, .03}};
}

TEST(StreamMetricsTest, EqualTheFormulasWorkedByHand) {
  const StreamMetrics metrics = MetricsOfStream(ByHand());
  EXPECT_NEAR(metrics.next_accuracy, .11, 1e-12);                   // (.11 + .13 + .09) / 3
  EXPECT_NEAR(metrics.average_accuracy, .34, 1e-12);                // (.40 + .34 + .30 + .32) / 4
  EXPECT_NEAR(metrics.backward_transfer.value(), -.22 / 3, 1e-12);  // -.10, -.06, -.06
  EXPECT_NEAR(metrics.forgetting.value(), .22 / 3, 1e-12);          // .10, .06, .06
  EXPECT_NEAR(metrics.forward_transfer.value(), .13 / 2, 1e-12);    // .12 - .06, .10 - .03
}

TEST(StreamMetricsTest, ForgettingStartsFromTheBestResultSinceTheSliceWasLearnt) {
  StreamMatrix matrix = ByHand();
  matrix.after[2][1] = .47;  // better after slice 2 than after slice 1 itself
  EXPECT_NEAR(MetricsOfStream(matrix).forgetting.value(), (.10 + .13 + .06) / 3, 1e-12);
  matrix.after[0][2] = .90;  // before slice 2 was learnt: over fewer items, nothing to forget
  EXPECT_NEAR(MetricsOfStream(matrix).forgetting.value(), (.10 + .13 + .06) / 3, 1e-12);
  EXPECT_NEAR(MetricsOfStream(matrix).backward_transfer.value(), -.22 / 3, 1e-12);
  matrix.after[3][2] = .95;  // the last row is no "earlier" result
  EXPECT_NEAR(MetricsOfStream(matrix).forgetting.value(), (.10 + .13 - .59) / 3, 1e-12);
}

TEST(StreamMetricsTest, PartsBeforeTheFirstLearntAreLeftOut) {
  StreamMatrix matrix = ByHand();
  matrix.first_learnt = 1;
  const StreamMetrics metrics = MetricsOfStream(matrix);
  EXPECT_NEAR(metrics.backward_transfer.value(), -.06, 1e-12);
  EXPECT_NEAR(metrics.forgetting.value(), .06, 1e-12);
  EXPECT_NEAR(metrics.forward_transfer.value(), .13 / 2, 1e-12);
  EXPECT_NEAR(metrics.average_accuracy, .34, 1e-12);
  const StreamMetrics one = MetricsOfStream(
      {.after = {{.5, .1}, {.4, .6}}, .next = {.2}, .frozen = {0, 0}, .first_learnt = 1});
  EXPECT_FALSE(one.backward_transfer.has_value());
  EXPECT_FALSE(one.forgetting.has_value());
}

TEST(StreamMetricsTest, OneSliceHasNoForwardTransfer) {
  const StreamMetrics metrics =
      MetricsOfStream({.after = {{.5, .1}, {.4, .6}}, .next = {.2}, .frozen = {0, 0}});
  EXPECT_FALSE(metrics.forward_transfer.has_value());
  EXPECT_NEAR(metrics.forgetting.value(), .1, 1e-12);
  EXPECT_NEAR(metrics.average_accuracy, .5, 1e-12);
}

TEST(StreamMetricsTest, RaggedInputIsRefused) {
  StreamMatrix matrix = ByHand();
  matrix.after[1].pop_back();
  EXPECT_THROW(MetricsOfStream(matrix), Error);
  matrix = ByHand();
  matrix.next.push_back(0);
  EXPECT_THROW(MetricsOfStream(matrix), Error);
  EXPECT_THROW(MetricsOfStream({}), Error);
}

}  // namespace
}  // namespace raie
