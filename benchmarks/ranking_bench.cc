// How fast are ranking and the nearest-centre pass, against what they replace?
//
// Concept: 256 rows over 9k and 100k items, d = 128: scores by tiles and a count, against scores
// and
//          an argsort or a partial sort. 500k points on the sphere against K centres: the fused
//          pass against a product [N, K] and an argmax over it.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <oneapi/dnnl/dnnl.hpp>
#include <vector>

#include "base/random.h"
#include "kernels/gemm.h"
#include "kernels/nearest.h"
#include "kernels/ranking.h"

namespace raie::kernels {
namespace {

constexpr std::int64_t kDim = 128;
constexpr std::int64_t kRows = 256;
constexpr std::int64_t kItemTile = 512;

std::vector<float> RandomBuffer(std::int64_t n, std::uint64_t stream) {
  RandomStream random(1, stream);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

struct Catalogue {
  explicit Catalogue(std::int64_t n)
      : items(n),
        hidden(RandomBuffer(kRows * kDim, 1)),
        rows(RandomBuffer(n * kDim, 2)),
        packed(View(rows, n, kDim), PackFor::kForward) {
    for (std::int64_t r = 0; r < kRows; ++r) {
      targets.push_back(static_cast<std::int32_t>(r * 31 % n));
    }
  }
  std::int64_t items;
  std::vector<float> hidden, rows;
  PackedWeights packed;
  std::vector<std::int32_t> targets;
};

// Calls use(first item, scores of the tile).
template <class Use>
void ForTiles(const Catalogue& c, std::vector<float>& tile, const Use& use) {
  tile.resize(kRows * kItemTile);
  for (std::int64_t j = 0; j < c.items; j += kItemTile) {
    const std::int64_t n = std::min(kItemTile, c.items - j);
    const Matrix scores{tile.data(), kRows, n, kItemTile};
    MultiplyTransposedRange(View(c.hidden, kRows, kDim), c.packed, j, scores);
    use(j, scores);
  }
}

void BM_RankByCount(benchmark::State& state) {
  const Catalogue c(state.range(0));
  std::vector<float> tile, target_scores(kRows);
  ForTiles(c, tile, [&](std::int64_t first, ConstMatrix scores) {
    for (std::int64_t r = 0; r < kRows; ++r) {
      const std::int64_t j = c.targets[r] - first;
      if (j >= 0 && j < scores.cols) target_scores[r] = scores.row(r)[j];
    }
  });
  std::vector<std::int64_t> counts(kRows);
  for (auto _ : state) {
    ForTiles(c, tile, [&](std::int64_t first, ConstMatrix scores) {
      AddToRanks({.first_item = first, .targets_R = c.targets, .target_scores_R = target_scores},
                 scores, counts);
    });
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(BM_RankByCount)->Arg(9000)->Arg(100000);

void BM_TopTen(benchmark::State& state) {
  const Catalogue c(state.range(0));
  std::vector<float> tile;
  for (auto _ : state) {
    std::vector<TopK> best(kRows, TopK(10));
    ForTiles(c, tile, [&](std::int64_t first, ConstMatrix scores) {
      for (std::int64_t r = 0; r < kRows; ++r) {
        best[r].Add({scores.row(r), static_cast<std::size_t>(scores.cols)}, first);
      }
    });
    benchmark::DoNotOptimize(best.front().Best());
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(BM_TopTen)->Arg(9000)->Arg(100000);

// Scores in one piece, then an argsort (1) or a partial sort of ten (0) of every row.
void BM_RankBySorting(benchmark::State& state) {
  const Catalogue c(state.range(0));
  std::vector<float> scores(kRows * c.items);
  std::vector<std::int32_t> order(c.items);
  for (auto _ : state) {
    MultiplyTransposed(View(c.hidden, kRows, kDim), c.packed, {}, Store::kSet,
                       MutableView(scores, kRows, c.items));
    for (std::int64_t r = 0; r < kRows; ++r) {
      const float* row = scores.data() + r * c.items;
      std::iota(order.begin(), order.end(), 0);
      const auto better = [row](auto a, auto b) { return row[a] > row[b]; };
      const auto end = state.range(1) == 1 ? order.end() : order.begin() + 10;
      std::partial_sort(order.begin(), end, order.end(), better);
    }
    benchmark::DoNotOptimize(order.data());
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK(BM_RankBySorting)
    ->ArgNames({"items", "full"})
    ->Args({9000, 1})
    ->Args({9000, 0})
    ->Args({100000, 0});

constexpr std::int64_t kPoints = 500000;

void BM_NearestFused(benchmark::State& state) {
  const std::int64_t k = state.range(0);
  const std::vector<float> z = RandomBuffer(kPoints * kDim, 1), mu = RandomBuffer(k * kDim, 2);
  std::vector<std::int32_t> best(kPoints);
  std::vector<float> first(kPoints), second(kPoints);
  TaskPool pool(1);
  for (auto _ : state) {
    NearestCentres(View(z, kPoints, kDim), View(mu, k, kDim), pool, {best, first, second});
  }
  state.SetItemsProcessed(state.iterations() * kPoints);
}
BENCHMARK(BM_NearestFused)->Arg(3)->Arg(10)->Arg(100);

void BM_NearestByProduct(benchmark::State& state) {
  omp_set_num_threads(1);
  const std::int64_t k = state.range(0);
  const std::vector<float> z = RandomBuffer(kPoints * kDim, 1), mu = RandomBuffer(k * kDim, 2);
  constexpr std::int64_t kBlock = 4096;
  std::vector<float> cosines(kBlock * k);
  std::vector<std::int32_t> best(kPoints);
  for (auto _ : state) {
    for (std::int64_t i = 0; i < kPoints; i += kBlock) {
      const std::int64_t n = std::min(kBlock, kPoints - i);
      dnnl_sgemm('N', 'T', n, k, kDim, 1.0f, z.data() + i * kDim, kDim, mu.data(), kDim, 0.0f,
                 cosines.data(), k);
      for (std::int64_t r = 0; r < n; ++r) {
        const float* row = cosines.data() + r * k;
        best[i + r] = static_cast<std::int32_t>(std::max_element(row, row + k) - row);
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * kPoints);
}
BENCHMARK(BM_NearestByProduct)->Arg(3)->Arg(10)->Arg(100);

}  // namespace
}  // namespace raie::kernels
