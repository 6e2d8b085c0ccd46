// Which centre is nearest to each point?
//
// Semantics: cosine[n] = max_k z[n] . centre[k];  label[n] = the smallest k that reaches it.
// Shapes:    z_ND [N, D], centres_KD [K, D].
// Threads:   a row's result depends on that row only.
#pragma once

#include <cstdint>
#include <span>

#include "base/task_pool.h"

namespace raie {

float FloatDot(const float* a, const float* b, std::int64_t dim);

void FindNearest(std::span<const float> z_ND, std::span<const float> centres_KD, std::int64_t dim,
                 TaskPool& pool, std::span<std::int32_t> labels_N, std::span<float> cosines_N);

}  // namespace raie
