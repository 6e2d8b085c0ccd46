// Which centre is nearest to each point on the sphere, and which comes second?
//
// Concept: one fused pass: the [N, K] matrix of cosines is never stored. Few centres: a block of
//          points against all centres in registers; many: packed panels.
// Shapes:  points [N, D], centres [K, D], both of unit norm (then the products are cosines).
// Threads: chunks of points are tasks of the pool; results do not depend on the number of threads.
// Cost:    2 N K D flops, one read of the points.
#pragma once

#include <cstdint>
#include <span>

#include "base/task_pool.h"
#include "kernels/matrix.h"

namespace raie::kernels {

struct NearestOutputs {
  std::span<std::int32_t> best_N = {};  // index; the smaller one on a tie
  std::span<float> best_cos_N = {};     // may be empty
  std::span<float> second_cos_N = {};   // of the others; -infinity if K = 1; may be empty
};

// Semantics: best[i] = argmax_k z[i] . mu[k];  best_cos[i] = max_k;  second_cos[i] = max_{k !=
// best}
void NearestCentres(ConstMatrix points_ND, ConstMatrix centres_KD, TaskPool& pool,
                    const NearestOutputs& outputs);

}  // namespace raie::kernels
