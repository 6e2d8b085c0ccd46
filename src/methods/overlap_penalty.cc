#include "methods/overlap_penalty.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "raie/error.h"

namespace raie {
namespace {

struct UnitRows {
  std::vector<double> rows_RI;
  std::vector<double> norms_R;
};

UnitRows Normalise(std::span<const float> a_RI, std::int64_t rank, std::int64_t inputs) {
  UnitRows unit{.rows_RI = std::vector<double>(a_RI.begin(), a_RI.end()),
                .norms_R = std::vector<double>(rank)};
  for (std::int64_t r = 0; r < rank; ++r) {
    const auto row = std::span(unit.rows_RI).subspan(r * inputs, inputs);
    double square = 0;
    for (const double value : row) square += value * value;
    unit.norms_R[r] = std::sqrt(square);
    for (double& value : row) value = square > 0 ? value / unit.norms_R[r] : 0;
  }
  return unit;
}

double Dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Adds scale * d/dA of sum_l cosines[i, l]^2 for every row i: the direction of steepest rise on the
// sphere, divided by the row's length.
void AddGradient(const UnitRows& own, const UnitRows& other, std::span<const double> cosines_RR,
                 double scale, std::span<float> gradient_RI) {
  const std::int64_t rank = std::ssize(own.norms_R);
  const std::int64_t inputs = std::ssize(own.rows_RI) / rank;
  std::vector<double> direction(inputs);
  for (std::int64_t i = 0; i < rank; ++i) {
    if (own.norms_R[i] == 0) continue;
    std::fill(direction.begin(), direction.end(), 0.0);
    for (std::int64_t l = 0; l < rank; ++l) {
      for (std::int64_t d = 0; d < inputs; ++d) {
        direction[d] += 2 * cosines_RR[i * rank + l] * other.rows_RI[l * inputs + d];
      }
    }
    const auto row = std::span(own.rows_RI).subspan(i * inputs, inputs);
    const double along = Dot(direction, row);
    for (std::int64_t d = 0; d < inputs; ++d) {
      gradient_RI[i * inputs + d] +=
          static_cast<float>(scale * (direction[d] - along * row[d]) / own.norms_R[i]);
    }
  }
}

void CheckSameLayout(const Adapter& a, const Adapter& b) {
  if (a.options().rank == b.options().rank && a.maps().size() == b.maps().size()) return;
  throw Error(ErrorCode::kInvalidArgument,
              "overlap penalty: the adapters have ranks " + std::to_string(a.options().rank) +
                  " and " + std::to_string(b.options().rank) +
                  "; it compares adapters of one rank: set overlap_penalty = 0 or refit");
}

}  // namespace

double AddOverlapPenalty(const Adapter& a, const Adapter& b, double weight,
                         std::span<float> gradient_a, std::span<float> gradient_b) {
  CheckSameLayout(a, b);
  const std::int64_t rank = a.options().rank;
  const double share = 1 / static_cast<double>(rank) / static_cast<double>(a.maps().size());
  double penalty = 0;
  for (std::size_t m = 0; m < a.maps().size(); ++m) {
    const Adapter::Map& map_a = a.maps()[m];
    const Adapter::Map& map_b = b.maps()[m];
    const std::int64_t inputs = map_a.inputs;
    const UnitRows rows_a = Normalise(a.a_RI(map_a), rank, inputs);
    const UnitRows rows_b = Normalise(b.a_RI(map_b), rank, inputs);
    std::vector<double> cosines(rank * rank);
    std::vector<double> transposed(rank * rank);
    for (std::int64_t i = 0; i < rank; ++i) {
      for (std::int64_t l = 0; l < rank; ++l) {
        const double cosine = Dot(std::span(rows_a.rows_RI).subspan(i * inputs, inputs),
                                  std::span(rows_b.rows_RI).subspan(l * inputs, inputs));
        cosines[i * rank + l] = cosine;
        transposed[l * rank + i] = cosine;
        penalty += share * cosine * cosine;
      }
    }
    if (!gradient_a.empty()) {
      AddGradient(rows_a, rows_b, cosines, weight * share,
                  gradient_a.subspan(map_a.a_begin, rank * inputs));
    }
    if (!gradient_b.empty()) {
      AddGradient(rows_b, rows_a, transposed, weight * share,
                  gradient_b.subspan(map_b.a_begin, rank * inputs));
    }
  }
  return penalty;
}

}  // namespace raie
