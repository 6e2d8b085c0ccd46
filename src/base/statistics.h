// Which statistics do regions, gates and reports share, each defined once?
//
// Concept: quantile is an order statistic, never interpolated; the tests are one-sided where the
//          question is ("did it get worse?"); p-values of a family are adjusted by Holm.
// Source:  METHOD section 2 (quantile), section 4 (Welch, Holm, drift gate). Welch 1947,
//          Holm 1979, Hubert & Arabie 1985.
// Errors:  kInvalidArgument on empty input, NaN, p outside [0, 1], or lists of different lengths.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace raie {

// Returns min(floor(p n), n - 1), the place of the p-quantile among n sorted values.
std::int64_t QuantileIndex(std::int64_t n, double p);

// Returns sorted[QuantileIndex(n, p)].
double Quantile(std::span<const double> values, double p);
std::int64_t Quantile(std::span<const std::int64_t> values, double p);

double Mean(std::span<const double> values);
double SampleVariance(std::span<const double> values);  // divided by n - 1; needs n >= 2

// Student's t: P(T > t) and the t with P(T <= t) = p.
double StudentTail(double t, double degrees_of_freedom);
double StudentQuantile(double p, double degrees_of_freedom);

struct WelchResult {
  double difference = 0;  // mean(a) - mean(b)
  double standard_error = 0;
  double degrees_of_freedom = 0;
  double t = 0;
  double p_greater = 1;  // one-sided: H0 mean(a) <= mean(b)
};

// Welch's test that mean(a) > mean(b). nullopt if a side has fewer than two values (its variance
// is unknown). With no variance on either side p is 0 or 1 by the sign of the difference.
std::optional<WelchResult> WelchTest(std::span<const double> a, std::span<const double> b);

// Returns Welch-Satterthwaite degrees of freedom of a difference of two means with these squared
// standard errors.
double WelchDegrees(double square_error_a, double degrees_a, double square_error_b,
                    double degrees_b);

// Returns Holm's adjusted p-values, in the order given.
std::vector<double> HolmAdjust(std::span<const double> p_values);

// Returns the adjusted Rand index of two labellings: 1 the same partition, 0 what chance gives.
// Two partitions that are both trivial in the same way (all one, or all apart) give 1.
double AdjustedRandIndex(std::span<const std::int64_t> a, std::span<const std::int64_t> b);

// Returns average ranks (1-based; ties share their mean rank).
std::vector<double> AverageRanks(std::span<const double> values);

// Returns Spearman's rank correlation; nullopt if a side is constant or has fewer than two values.
std::optional<double> SpearmanCorrelation(std::span<const double> a, std::span<const double> b);

}  // namespace raie
