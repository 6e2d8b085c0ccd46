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
  EXPECT_NEAR(metrics.next_accuracy, .11, 1e-12);                 // (.11 + .13 + .09) / 3
  EXPECT_NEAR(metrics.average_accuracy, .34, 1e-12);              // (.40 + .34 + .30 + .32) / 4
  EXPECT_NEAR(metrics.backward_transfer, -.22 / 3, 1e-12);        // -.10, -.06, -.06
  EXPECT_NEAR(metrics.forgetting, .22 / 3, 1e-12);                // .10, .06, .06
  EXPECT_NEAR(metrics.forward_transfer.value(), .13 / 2, 1e-12);  // .12 - .06, .10 - .03
}

TEST(StreamMetricsTest, ForgettingTakesTheBestEarlierResultAlsoFromBeforeTheSlice) {
  StreamMatrix matrix = ByHand();
  matrix.after[0][2] = .90;  // better before slice 2 was learnt than after it
  const StreamMetrics metrics = MetricsOfStream(matrix);
  EXPECT_NEAR(metrics.forgetting, (.10 + .06 + .60) / 3, 1e-12);
  EXPECT_NEAR(metrics.backward_transfer, -.22 / 3, 1e-12);  // reads the diagonal only
  matrix.after[3][2] = .95;                                 // the last row is no "earlier" result
  EXPECT_NEAR(MetricsOfStream(matrix).forgetting, (.10 + .06 - .05) / 3, 1e-12);
}

TEST(StreamMetricsTest, OneSliceHasNoForwardTransfer) {
  const StreamMetrics metrics =
      MetricsOfStream({.after = {{.5, .1}, {.4, .6}}, .next = {.2}, .frozen = {0, 0}});
  EXPECT_FALSE(metrics.forward_transfer.has_value());
  EXPECT_NEAR(metrics.forgetting, .1, 1e-12);
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
