#include "base/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void Refuse(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message);
}

void CheckNumbers(std::span<const double> values, const char* what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      Refuse(std::string(what) + ": value " + std::to_string(i) + " is not a number");
    }
  }
}

void CheckSameLength(std::size_t a, std::size_t b, const char* what) {
  if (a != b) {
    Refuse(std::string(what) + ": " + std::to_string(a) + " values against " + std::to_string(b));
  }
}

template <class T>
T QuantileOf(std::span<const T> values, double p) {
  std::vector<T> copy(values.begin(), values.end());
  const auto place = copy.begin() + QuantileIndex(static_cast<std::int64_t>(copy.size()), p);
  std::nth_element(copy.begin(), place, copy.end());
  return *place;
}

double Pairs(std::int64_t n) { return 0.5 * static_cast<double>(n) * static_cast<double>(n - 1); }

}  // namespace

std::int64_t QuantileIndex(std::int64_t n, double p) {
  if (n < 1) Refuse("quantile of no values");
  if (!(p >= 0 && p <= 1)) {
    Refuse("quantile p = " + std::to_string(p) + ": must be within 0 to 1");
  }
  return std::min(static_cast<std::int64_t>(std::floor(p * static_cast<double>(n))), n - 1);
}

double Quantile(std::span<const double> values, double p) {
  CheckNumbers(values, "quantile");
  return QuantileOf(values, p);
}

std::int64_t Quantile(std::span<const std::int64_t> values, double p) {
  return QuantileOf(values, p);
}

double Mean(std::span<const double> values) {
  if (values.empty()) Refuse("mean of no values");
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double SampleVariance(std::span<const double> values) {
  if (values.size() < 2) Refuse("variance needs at least two values");
  const double mean = Mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / static_cast<double>(values.size() - 1);
}

double StudentTail(double t, double degrees_of_freedom) {
  const boost::math::students_t distribution(degrees_of_freedom);
  if (std::isinf(t)) return t > 0 ? 0 : 1;
  return boost::math::cdf(boost::math::complement(distribution, t));
}

double StudentQuantile(double p, double degrees_of_freedom) {
  return boost::math::quantile(boost::math::students_t(degrees_of_freedom), p);
}

double WelchDegrees(double square_error_a, double degrees_a, double square_error_b,
                    double degrees_b) {
  const double total = square_error_a + square_error_b;
  if (total == 0) return degrees_a + degrees_b;
  // Shares instead of squares: no underflow when the errors are tiny.
  const double share_a = square_error_a / total;
  const double share_b = square_error_b / total;
  return 1.0 / (share_a * share_a / degrees_a + share_b * share_b / degrees_b);
}

std::optional<WelchResult> WelchTest(std::span<const double> a, std::span<const double> b) {
  CheckNumbers(a, "Welch test");
  CheckNumbers(b, "Welch test");
  if (a.size() < 2 || b.size() < 2) return std::nullopt;
  const auto n_a = static_cast<double>(a.size());
  const auto n_b = static_cast<double>(b.size());
  const double square_a = SampleVariance(a) / n_a;
  const double square_b = SampleVariance(b) / n_b;
  WelchResult result;
  result.difference = Mean(a) - Mean(b);
  result.standard_error = std::sqrt(square_a + square_b);
  result.degrees_of_freedom = WelchDegrees(square_a, n_a - 1, square_b, n_b - 1);
  if (result.standard_error == 0) {
    result.t = result.difference == 0
                   ? 0
                   : std::copysign(std::numeric_limits<double>::infinity(), result.difference);
    result.p_greater = result.difference > 0 ? 0 : 1;
    return result;
  }
  result.t = result.difference / result.standard_error;
  result.p_greater = StudentTail(result.t, result.degrees_of_freedom);
  return result;
}

std::vector<double> HolmAdjust(std::span<const double> p_values) {
  for (const double p : p_values) {
    if (!(p >= 0 && p <= 1)) Refuse("p-value " + std::to_string(p) + ": must be within 0 to 1");
  }
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
  std::vector<double> adjusted(p_values.size());
  double running = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const auto left = static_cast<double>(order.size() - rank);
    running = std::max(running, std::min(1.0, left * p_values[order[rank]]));
    adjusted[order[rank]] = running;
  }
  return adjusted;
}

double AdjustedRandIndex(std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
  CheckSameLength(a.size(), b.size(), "adjusted Rand index");
  if (a.empty()) Refuse("adjusted Rand index of no points");
  std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> both;
  std::map<std::int64_t, std::int64_t> rows;
  std::map<std::int64_t, std::int64_t> columns;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ++both[{a[i], b[i]}];
    ++rows[a[i]];
    ++columns[b[i]];
  }
  double together = 0;
  double in_a = 0;
  double in_b = 0;
  for (const auto& [labels, count] : both) together += Pairs(count);
  for (const auto& [label, count] : rows) in_a += Pairs(count);
  for (const auto& [label, count] : columns) in_b += Pairs(count);
  const double all = Pairs(static_cast<std::int64_t>(a.size()));
  const double expected = all == 0 ? 0 : in_a * in_b / all;
  const double largest = 0.5 * (in_a + in_b);
  if (largest == expected) return 1;  // both trivial in the same way
  return (together - expected) / (largest - expected);
}

std::vector<double> AverageRanks(std::span<const double> values) {
  CheckNumbers(values, "ranks");
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = 0.5 * static_cast<double>(begin + 1 + end);
    for (std::size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

std::optional<double> SpearmanCorrelation(std::span<const double> a, std::span<const double> b) {
  CheckSameLength(a.size(), b.size(), "rank correlation");
  if (a.size() < 2) return std::nullopt;
  const std::vector<double> ranks_a = AverageRanks(a);
  const std::vector<double> ranks_b = AverageRanks(b);
  const double middle = 0.5 * static_cast<double>(a.size() + 1);
  double cross = 0;
  double square_a = 0;
  double square_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    cross += (ranks_a[i] - middle) * (ranks_b[i] - middle);
    square_a += (ranks_a[i] - middle) * (ranks_a[i] - middle);
    square_b += (ranks_b[i] - middle) * (ranks_b[i] - middle);
  }
  if (square_a == 0 || square_b == 0) return std::nullopt;
  return cross / std::sqrt(square_a * square_b);
}

}  // namespace raie
