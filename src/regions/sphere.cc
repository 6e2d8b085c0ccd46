#include "regions/sphere.h"

#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "raie/error.h"

namespace raie {
namespace {

constexpr std::size_t kLanes = 8;
constexpr double kNormTolerance = 1e-3;

// Sums term(i) for i < n in eight interleaved sums, added in a fixed order at the end.
template <class Term>
double SumLanes(std::size_t n, Term&& term) {
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane] += term(i + lane);
  }
  for (std::size_t lane = 0; i < n; ++i, ++lane) sums[lane] += term(i);
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

}  // namespace

double Dot(std::span<const float> a, std::span<const float> b) {
  return SumLanes(a.size(), [&](std::size_t i) { return double{a[i]} * double{b[i]}; });
}

double Norm(std::span<const float> a) { return std::sqrt(Dot(a, a)); }

double AngleRad(std::span<const float> a, std::span<const float> b) {
  const double apart = SumLanes(a.size(), [&](std::size_t i) {
    const double difference = double{a[i]} - double{b[i]};
    return difference * difference;
  });
  const double together = SumLanes(a.size(), [&](std::size_t i) {
    const double sum = double{a[i]} + double{b[i]};
    return sum * sum;
  });
  return 2.0 * std::atan2(std::sqrt(apart), std::sqrt(together));
}

std::int64_t CheckUnitRows(std::span<const float> z_ND, std::int64_t dim, std::string_view what) {
  if (dim < 1 || z_ND.size() % static_cast<std::size_t>(dim) != 0) {
    throw Error(ErrorCode::kInvalidArgument, std::string(what) + ": " +
                                                 std::to_string(z_ND.size()) +
                                                 " values are no rows of " + std::to_string(dim));
  }
  const std::int64_t rows = static_cast<std::int64_t>(z_ND.size()) / dim;
  for (std::int64_t row = 0; row < rows; ++row) {
    const double norm = Norm(z_ND.subspan(row * dim, dim));
    if (std::abs(norm - 1) <= kNormTolerance) continue;  // false for NaN
    const std::string problem = !std::isfinite(norm) ? "is not finite"
                                : norm == 0          ? "is a zero vector"
                                            : "has norm " + std::to_string(norm) + " instead of 1";
    throw Error(ErrorCode::kInvalidArgument,
                std::string(what) + ": row " + std::to_string(row) + " " + problem +
                    "; hidden states must be finite and L2-normalised");
  }
  return rows;
}

}  // namespace raie
