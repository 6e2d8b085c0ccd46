#include "evaluation/stream_metrics.h"

#include <algorithm>
#include <string>

#include "base/statistics.h"
#include "raie/error.h"

namespace raie {
namespace {

void Check(const StreamMatrix& matrix) {
  const std::size_t size = matrix.after.size();
  bool agree = size >= 2 && matrix.next.size() + 1 == size && matrix.frozen.size() == size;
  for (const auto& row : matrix.after) agree &= row.size() == size;
  if (agree) return;
  throw Error(ErrorCode::kInvalidArgument,
              "stream metrics need a square matrix of at least two slices, one NextAcc fewer and "
              "one frozen result each; got " +
                  std::to_string(size) + " rows, " + std::to_string(matrix.next.size()) + " and " +
                  std::to_string(matrix.frozen.size()));
}

}  // namespace

StreamMetrics MetricsOfStream(const StreamMatrix& matrix) {
  Check(matrix);
  const auto& r = matrix.after;
  const std::size_t last = r.size() - 1;
  std::vector<double> backward;
  std::vector<double> forgotten;
  std::vector<double> forward;
  for (std::size_t j = matrix.first_learnt; j < last; ++j) {
    backward.push_back(r[last][j] - r[j][j]);
    double best = r[j][j];
    for (std::size_t i = j + 1; i < last; ++i) best = std::max(best, r[i][j]);
    forgotten.push_back(best - r[last][j]);
  }
  for (std::size_t j = 2; j <= last; ++j) forward.push_back(r[j - 1][j] - matrix.frozen[j]);
  const auto mean_if_any = [](const std::vector<double>& values) {
    return values.empty() ? std::nullopt : std::optional(Mean(values));
  };
  return {.next_accuracy = Mean(matrix.next),
          .average_accuracy = Mean(r[last]),
          .backward_transfer = mean_if_any(backward),
          .forgetting = mean_if_any(forgotten),
          .forward_transfer = mean_if_any(forward)};
}

}  // namespace raie
