#include "regions/nearest.h"

#include <algorithm>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/matrix.h"

namespace raie {
namespace {

constexpr std::int64_t kTileRows = 256;
constexpr std::int64_t kTileCentres = 4 * kernels::PackedWeights::kRowAlignment;

}  // namespace

void ForCosineTiles(std::span<const float> z_ND, std::span<const float> centres_KD,
                    std::int64_t dim, TaskPool& pool,
                    const std::function<void(const CosineTile&)>& visit) {
  const std::int64_t num_rows = static_cast<std::int64_t>(z_ND.size()) / dim;
  const std::int64_t num_centres = static_cast<std::int64_t>(centres_KD.size()) / dim;
  const kernels::ConstMatrix z = kernels::View(z_ND, num_rows, dim);
  const kernels::PackedWeights packed(kernels::View(centres_KD, num_centres, dim),
                                      kernels::PackFor::kForward);
  const std::int64_t width = std::min(kTileCentres, num_centres);
  std::vector<std::vector<float>> scratch(pool.threads());
  pool.ForEach((num_rows + kTileRows - 1) / kTileRows, [&](std::int64_t task, int worker) {
    std::vector<float>& cosines = scratch[worker];
    cosines.resize(kTileRows * width);
    const std::int64_t begin = task * kTileRows;
    const std::int64_t rows = std::min(kTileRows, num_rows - begin);
    for (std::int64_t first = 0; first < num_centres; first += width) {
      const std::int64_t count = std::min(width, num_centres - first);
      kernels::MultiplyTransposedRange(z.Rows(begin, begin + rows), packed, first,
                                       kernels::MutableView(cosines, rows, count));
      visit({begin, rows, first, count, cosines.data()});
    }
  });
}

void FindNearest(std::span<const float> z_ND, std::span<const float> centres_KD, std::int64_t dim,
                 TaskPool& pool, std::span<std::int32_t> labels_N, std::span<float> cosines_N) {
  ForCosineTiles(z_ND, centres_KD, dim, pool, [&](const CosineTile& tile) {
    for (std::int64_t row = 0; row < tile.rows; ++row) {
      const float* cosines = tile.cosines + row * tile.count;
      float best = tile.first == 0 ? cosines[0] : cosines_N[tile.begin + row];
      std::int64_t label = tile.first == 0 ? 0 : labels_N[tile.begin + row];
      for (std::int64_t k = 0; k < tile.count; ++k) {
        if (cosines[k] <= best) continue;
        best = cosines[k];
        label = tile.first + k;
      }
      cosines_N[tile.begin + row] = best;
      labels_N[tile.begin + row] = static_cast<std::int32_t>(label);
    }
  });
}

}  // namespace raie
