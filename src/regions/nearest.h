// Which centre is nearest to each point?
//
// Concept: tiles of points times packed centres; a tile's cosines are reduced while they are in
//          cache, so the [N, K] matrix is never stored.
// Shapes:  z_ND [N, D], centres_KD [K, D].
// Threads: a row's result depends on that row only.
// Cost:    2 N K D flops, one read of z.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/task_pool.h"

namespace raie {

// A tile of cosines: rows begin .. begin + rows - 1 of z against centres first .. first + count
// - 1.
struct CosineTile {
  std::int64_t begin;
  std::int64_t rows;
  std::int64_t first;
  std::int64_t count;
  const float* cosines;  // [rows, count]
};

// Calls visit(tile) for all tiles. Tiles of the same rows come one after the other, centres
// ascending, in one task; others at the same time.
void ForCosineTiles(std::span<const float> z_ND, std::span<const float> centres_KD,
                    std::int64_t dim, TaskPool& pool,
                    const std::function<void(const CosineTile&)>& visit);

// Semantics: cosine[n] = max_k z[n] . centre[k];  label[n] = the smallest k that reaches it.
void FindNearest(std::span<const float> z_ND, std::span<const float> centres_KD, std::int64_t dim,
                 TaskPool& pool, std::span<std::int32_t> labels_N, std::span<float> cosines_N);

}  // namespace raie
