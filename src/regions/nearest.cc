#include "regions/nearest.h"

#include <algorithm>
#include <array>

namespace raie {

float FloatDot(const float* a, const float* b, std::int64_t dim) {
  constexpr std::int64_t kLanes = 16;
  std::array<float, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (std::int64_t lane = 0; i < dim; ++i, ++lane) sums[lane] += a[i] * b[i];
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

void FindNearest(std::span<const float> z_ND, std::span<const float> centres_KD, std::int64_t dim,
                 TaskPool& pool, std::span<std::int32_t> labels_N, std::span<float> cosines_N) {
  constexpr std::int64_t kRowsPerTask = 1024;
  const auto rows = static_cast<std::int64_t>(labels_N.size());
  const std::int64_t num_centres = static_cast<std::int64_t>(centres_KD.size()) / dim;
  pool.ForEach((rows + kRowsPerTask - 1) / kRowsPerTask, [&](std::int64_t task, int) {
    const std::int64_t end = std::min(rows, (task + 1) * kRowsPerTask);
    for (std::int64_t row = task * kRowsPerTask; row < end; ++row) {
      const float* z = &z_ND[row * dim];
      labels_N[row] = 0;
      cosines_N[row] = FloatDot(z, centres_KD.data(), dim);
      for (std::int64_t k = 1; k < num_centres; ++k) {
        const float cosine = FloatDot(z, &centres_KD[k * dim], dim);
        if (cosine <= cosines_N[row]) continue;
        cosines_N[row] = cosine;
        labels_N[row] = static_cast<std::int32_t>(k);
      }
    }
  });
}

}  // namespace raie
