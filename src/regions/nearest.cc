#include "regions/nearest.h"

#include <algorithm>
#include <vector>

#include "kernels/gemm.h"
#include "kernels/matrix.h"
#include "kernels/nearest.h"

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
  const auto num_rows = static_cast<std::int64_t>(labels_N.size());
  const std::int64_t num_centres = static_cast<std::int64_t>(centres_KD.size()) / dim;
  kernels::NearestCentres(kernels::View(z_ND, num_rows, dim),
                          kernels::View(centres_KD, num_centres, dim), pool,
                          {.best_N = labels_N, .best_cos_N = cosines_N, .second_cos_N = {}});
}

}  // namespace raie
