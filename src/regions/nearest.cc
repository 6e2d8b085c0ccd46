#include "regions/nearest.h"

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

void NearestCentres::Find(std::span<const float> z_ND, std::span<std::int32_t> labels,
                          std::span<float> best) const {
  const std::int64_t num_centres = static_cast<std::int64_t>(centres_KD_.size()) / dim_;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    const float* z = &z_ND[row * dim_];
    labels[row] = 0;
    best[row] = FloatDot(z, centres_KD_.data(), dim_);
    for (std::int64_t k = 1; k < num_centres; ++k) {
      const float cosine = FloatDot(z, &centres_KD_[k * dim_], dim_);
      if (cosine > best[row]) {
        best[row] = cosine;
        labels[row] = static_cast<std::int32_t>(k);
      }
    }
  }
}

}  // namespace raie
