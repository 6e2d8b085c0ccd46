// How fast is spherical k-means, and against the obvious way?
//
// Concept: one pass (assign all points, sum the members of each cluster) over 500,000 points of 128
//          dimensions. `Naive` stores all cosines of a product of matrices (oneDNN), then takes the
//          argmax and sums the members; `Ours` is the difference of two runs of SphericalKMeans, so
//          that seeding does not count. Both are checked against each other first. `Whole` is a fit
//          with its seeding.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <vector>

#include "base/random.h"
#include "base/task_pool.h"
#include "regions/nearest.h"
#include "regions/spherical_kmeans.h"

namespace raie {
namespace {

constexpr std::int64_t kPoints = 500000;
constexpr std::int64_t kDim = 128;

// Points around 50 centres, made once.
const std::vector<float>& Points() {
  static const std::vector<float> points = [] {
    std::vector<float> z(kPoints * kDim);
    TaskPool pool(AvailableThreads());
    pool.ForEach(500, [&](std::int64_t task, int) {
      RandomStream random(1, static_cast<std::uint64_t>(task));
      for (std::int64_t i = task * kPoints / 500; i < (task + 1) * kPoints / 500; ++i) {
        RandomStream centre(2, random.Below(50));
        double square = 0;
        for (std::int64_t d = 0; d < kDim; ++d) {
          const double x = centre.Normal() + random.Normal();
          z[i * kDim + d] = static_cast<float>(x);
          square += x * x;
        }
        for (std::int64_t d = 0; d < kDim; ++d) {
          z[i * kDim + d] /= static_cast<float>(std::sqrt(square));
        }
      }
    });
    return z;
  }();
  return points;
}

// One pass of the obvious way: cosines of all pairs, argmax, sums.
struct NaivePass {
  std::vector<float> cosines_NK;
  std::vector<std::int32_t> labels = std::vector<std::int32_t>(kPoints);
  std::vector<double> sums_KD;

  void Run(const std::vector<float>& centres_KD) {
    const std::int64_t k = static_cast<std::int64_t>(centres_KD.size()) / kDim;
    cosines_NK.resize(kPoints * k);
    sums_KD.assign(k * kDim, 0.0);
    const std::vector<float>& z = Points();
    dnnl_sgemm('N', 'T', kPoints, k, kDim, 1.0F, z.data(), kDim, centres_KD.data(), kDim, 0.0F,
               cosines_NK.data(), k);
    for (std::int64_t i = 0; i < kPoints; ++i) {
      const float* row = &cosines_NK[i * k];
      labels[i] = static_cast<std::int32_t>(std::max_element(row, row + k) - row);
      double* sum = &sums_KD[labels[i] * kDim];
      for (std::int64_t d = 0; d < kDim; ++d) sum[d] += z[i * kDim + d];
    }
  }
};

double Seconds(const KMeansOptions& options, TaskPool& pool) {
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(SphericalKMeans(Points(), kDim, options, pool));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

KMeansOptions OneRestart(std::int64_t k, std::int64_t iterations) {
  KMeansOptions options;
  options.k = k;
  options.restarts = 1;
  options.max_iterations = iterations;
  options.tolerance = 0;
  return options;
}

void Naive(benchmark::State& state) {
  TaskPool one(1);
  omp_set_num_threads(1);
  const std::vector<float> centres =
      SphericalKMeans(Points(), kDim, OneRestart(state.range(0), 1), one).centres_KD;
  NaivePass pass;
  pass.Run(centres);
  std::vector<std::int32_t> labels(kPoints);
  std::vector<float> cosines(kPoints);
  FindNearest(Points(), centres, kDim, one, labels, cosines);
  std::int64_t different = 0;  // ties within rounding
  for (std::int64_t i = 0; i < kPoints; ++i) different += labels[i] != pass.labels[i] ? 1 : 0;
  if (different > kPoints / 10000) throw std::runtime_error("the two ways differ");
  for (auto _ : state) pass.Run(centres);
}

void Ours(benchmark::State& state) {
  TaskPool pool(static_cast<int>(state.range(1)));
  for (auto _ : state) {
    const double one = Seconds(OneRestart(state.range(0), 1), pool);
    const double six = Seconds(OneRestart(state.range(0), 6), pool);
    state.SetIterationTime(std::max(1e-9, (six - one) / 5));
  }
}

void Whole(benchmark::State& state) {
  TaskPool pool(static_cast<int>(state.range(1)));
  KMeansOptions options;
  options.k = state.range(0);
  for (auto _ : state) state.SetIterationTime(Seconds(options, pool));
}

BENCHMARK(Naive)->ArgName("k")->Arg(3)->Arg(10)->Arg(100)->Unit(benchmark::kMillisecond);
BENCHMARK(Ours)
    ->ArgNames({"k", "threads"})
    ->ArgsProduct({{3, 10, 100}, {1, 2}})
    ->UseManualTime()
    ->Iterations(2)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(Whole)
    ->ArgNames({"k", "threads"})
    ->ArgsProduct({{3, 10, 100}, {2}})
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace raie
