// Which centre is nearest to each row of a block?
//
// Semantics: best[n] = max_k z[n] . centre[k];  labels[n] = the smallest k that reaches it.
// Shapes:    z_ND [N, D], centres_KD [K, D].
// Threads:   const; a row's result does not depend on the other rows of its block.
#pragma once

#include <cstdint>
#include <span>

namespace raie {

float FloatDot(const float* a, const float* b, std::int64_t dim);

class NearestCentres {
 public:
  // Reads `centres_KD` as long as it lives.
  NearestCentres(std::span<const float> centres_KD, std::int64_t dim)
      : centres_KD_(centres_KD), dim_(dim) {}

  void Find(std::span<const float> z_ND, std::span<std::int32_t> labels,
            std::span<float> best) const;

 private:
  std::span<const float> centres_KD_;
  std::int64_t dim_;
};

}  // namespace raie
