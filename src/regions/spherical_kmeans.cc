#include "regions/spherical_kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/random.h"
#include "raie/error.h"
#include "regions/nearest.h"
#include "regions/sphere.h"

namespace raie {
namespace {

constexpr std::int64_t kMaxTasks = 64;
constexpr std::int64_t kRowsPerBlock = 256;  // a block of rows stays in the cache of one core

// The points and how they are cut: the cut depends on their number only.
struct Points {
  std::span<const float> z_ND;
  std::int64_t dim;
  std::int64_t size;
  std::int64_t rows_per_task;
  std::int64_t num_tasks;

  Points(std::span<const float> z, std::int64_t d, std::int64_t n) : z_ND(z), dim(d), size(n) {
    const std::int64_t blocks = (n + kRowsPerBlock - 1) / kRowsPerBlock;
    rows_per_task = std::max<std::int64_t>(1, (blocks + kMaxTasks - 1) / kMaxTasks) * kRowsPerBlock;
    num_tasks = (n + rows_per_task - 1) / rows_per_task;
  }
  std::span<const float> Row(std::int64_t i) const { return z_ND.subspan(i * dim, dim); }
  std::int64_t Begin(std::int64_t task) const { return task * rows_per_task; }
  std::int64_t End(std::int64_t task) const { return std::min(size, (task + 1) * rows_per_task); }
};

void CheckDistinct(const Points& points, std::int64_t k) {
  std::unordered_set<std::string_view> seen;
  for (std::int64_t i = 0; i < points.size; ++i) {
    const auto bytes = std::as_bytes(points.Row(i));
    seen.emplace(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (static_cast<std::int64_t>(seen.size()) >= k) return;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "k-means: k = " + std::to_string(k) + " regions, but there are only " +
                  std::to_string(seen.size()) + " distinct points among " +
                  std::to_string(points.size) + "; choose k <= " + std::to_string(seen.size()));
}

void Append(std::vector<float>& centres, std::span<const float> row) {
  centres.insert(centres.end(), row.begin(), row.end());
}

// Draws the seeds of all restarts side by side, so that z is read once for each of the K seeds.
class Seeding {
 public:
  Seeding(const Points& points, const KMeansOptions& options)
      : points_(points),
        restarts_(options.restarts),
        distances_(restarts_, std::vector<float>(points.size, 2.0F)),
        sums_(restarts_, std::vector<double>(points.num_tasks)),
        centres_(restarts_) {
    for (std::int64_t r = 0; r < restarts_; ++r) {
      random_.emplace_back(options.seed, static_cast<std::uint64_t>(r));
    }
  }

  std::vector<std::vector<float>> Draw(std::int64_t k, TaskPool& pool) {
    for (std::int64_t drawn = 0; drawn < k; ++drawn) {
      for (std::int64_t r = 0; r < restarts_; ++r) {
        const std::int64_t chosen = drawn == 0
                                        ? static_cast<std::int64_t>(random_[r].Below(points_.size))
                                        : DrawByDistance(r);
        Append(centres_[r], points_.Row(chosen));
      }
      if (drawn + 1 < k) UpdateDistances(drawn, pool);
    }
    return std::move(centres_);
  }

 private:
  void UpdateDistances(std::int64_t last, TaskPool& pool) {
    const std::int64_t dim = points_.dim;
    pool.ForEach(points_.num_tasks, [&](std::int64_t task, int) {
      for (std::int64_t r = 0; r < restarts_; ++r) sums_[r][task] = 0;
      for (std::int64_t i = points_.Begin(task); i < points_.End(task); ++i) {
        for (std::int64_t r = 0; r < restarts_; ++r) {
          const float cosine = FloatDot(points_.Row(i).data(), &centres_[r][last * dim], dim);
          float& distance = distances_[r][i];
          distance = std::min(distance, std::max(0.0F, 1.0F - cosine));
          sums_[r][task] += distance;
        }
      }
    });
  }

  std::int64_t DrawByDistance(std::int64_t r) {
    double left = std::accumulate(sums_[r].begin(), sums_[r].end(), 0.0) * random_[r].Uniform();
    std::int64_t task = 0;
    while (task + 1 < points_.num_tasks && left >= sums_[r][task]) left -= sums_[r][task++];
    std::int64_t chosen = -1;  // the last point with a positive distance, if rounding overshoots
    for (std::int64_t i = points_.Begin(task); i < points_.End(task); ++i) {
      if (distances_[r][i] <= 0) continue;
      chosen = i;
      if (left < distances_[r][i]) break;
      left -= distances_[r][i];
    }
    // All points as near as rounding tells: any will do, empty clusters are reseeded.
    return chosen >= 0 ? chosen : static_cast<std::int64_t>(random_[r].Below(points_.size));
  }

  const Points& points_;
  std::int64_t restarts_;
  std::vector<RandomStream> random_;
  std::vector<std::vector<float>> distances_;  // [restart][point] to the nearest seed so far
  std::vector<std::vector<double>> sums_;      // [restart][task] of distances
  std::vector<std::vector<float>> centres_;    // [restart][drawn, D]
};

// Alternates assignment and means from one seeding.
class Lloyd {
 public:
  Lloyd(const Points& points, std::int64_t k, std::vector<float> seeds)
      : points_(points),
        k_(k),
        nearest_(points.size),
        cosines_(points.size),
        parts_(points.num_tasks) {
    result_.centres_KD = std::move(seeds);
    result_.labels.assign(points.size, -1);
    ClearParts();
  }

  KMeansResult Run(const KMeansOptions& options, TaskPool& pool) {
    while (static_cast<std::int64_t>(result_.iterations.size()) < options.max_iterations) {
      KMeansResult before = result_;
      KMeansIteration iteration;
      iteration.moved_points = Assign(pool);
      if (iteration.moved_points == 0) break;
      SumParts();
      iteration.empty_reseeded = ReseedEmpty();
      MoveCentres();
      iteration.objective = result_.objective;
      const double gain = result_.objective - before.objective;
      if (gain < 0) {  // only the rounding of cosines can do that: nothing is left to gain
        result_ = std::move(before);
        break;
      }
      result_.iterations.push_back(iteration);
      if (iteration.empty_reseeded == 0 && gain < options.tolerance * result_.objective) break;
    }
    return std::move(result_);
  }

  // Sums of members kept for one task; only moved points change them.
  struct Part {
    std::vector<double> sums_KD;
    std::vector<std::int64_t> counts;
    std::int64_t moved = 0;
  };

 private:
  void ClearParts() {
    for (Part& part : parts_) {
      part.sums_KD.assign(k_ * points_.dim, 0.0);
      part.counts.assign(k_, 0);
    }
  }

  // Returns how many points changed their cluster.
  std::int64_t Assign(TaskPool& pool) {
    FindNearest(points_.z_ND, result_.centres_KD, points_.dim, pool, nearest_, cosines_);
    pool.ForEach(points_.num_tasks, [&](std::int64_t task, int) {
      parts_[task].moved = 0;
      for (std::int64_t i = points_.Begin(task); i < points_.End(task); ++i) {
        Move(parts_[task], i, nearest_[i]);
      }
    });
    std::int64_t moved = 0;
    for (const Part& part : parts_) moved += part.moved;
    return moved;
  }

  void Move(Part& part, std::int64_t point, std::int32_t to) {
    const std::int32_t from = std::exchange(result_.labels[point], to);
    if (from == to) return;
    ++part.moved;
    AddRow(part, to, point, 1);
    if (from >= 0) AddRow(part, from, point, -1);
  }

  void AddRow(Part& part, std::int32_t cluster, std::int64_t point, int sign) {
    part.counts[cluster] += sign;
    double* sum = &part.sums_KD[cluster * points_.dim];
    const float* row = points_.Row(point).data();
    for (std::int64_t d = 0; d < points_.dim; ++d) sum[d] += sign * double{row[d]};
  }

  void SumParts() {
    sums_KD_.assign(k_ * points_.dim, 0.0);
    result_.counts.assign(k_, 0);
    for (const Part& part : parts_) {
      for (std::size_t i = 0; i < sums_KD_.size(); ++i) sums_KD_[i] += part.sums_KD[i];
      for (std::int64_t k = 0; k < k_; ++k) result_.counts[k] += part.counts[k];
    }
  }

  // Gives every empty cluster the point with the lowest cosine to its centre among clusters of at
  // least two points. The objective cannot fall: |S - z| + 1 >= |S|.
  std::int64_t ReseedEmpty() {
    std::int64_t reseeded = 0;
    for (std::int64_t k = 0; k < k_; ++k) {
      if (result_.counts[k] > 0) continue;
      std::int64_t worst = -1;
      for (std::int64_t i = 0; i < points_.size; ++i) {
        if (result_.counts[result_.labels[i]] < 2) continue;
        if (worst < 0 || cosines_[i] < cosines_[worst]) worst = i;
      }
      Part& part = parts_[worst / points_.rows_per_task];
      Move(part, worst, static_cast<std::int32_t>(k));
      cosines_[worst] = 1;
      SumParts();
      ++reseeded;
    }
    return reseeded;
  }

  void MoveCentres() {
    result_.resultant_lengths.assign(k_, 0);
    result_.objective = 0;
    for (std::int64_t k = 0; k < k_; ++k) {
      const double* sum = &sums_KD_[k * points_.dim];
      double square = 0;
      for (std::int64_t d = 0; d < points_.dim; ++d) square += sum[d] * sum[d];
      const double length = std::sqrt(square);
      result_.resultant_lengths[k] = length;
      result_.objective += length;
      if (length < 1e-12 * static_cast<double>(result_.counts[k])) continue;  // no direction: stay
      for (std::int64_t d = 0; d < points_.dim; ++d) {
        result_.centres_KD[k * points_.dim + d] = static_cast<float>(sum[d] / length);
      }
    }
  }

  const Points& points_;
  std::int64_t k_;
  std::vector<std::int32_t> nearest_;
  std::vector<float> cosines_;  // of each point to its centre
  std::vector<Part> parts_;
  std::vector<double> sums_KD_;
  KMeansResult result_;
};

}  // namespace

KMeansResult SphericalKMeans(std::span<const float> z_ND, std::int64_t dim,
                             const KMeansOptions& options, TaskPool& pool) {
  KMeansOptions copy = options;
  CheckRanges(FieldsOf(copy), "k-means");
  const Points points(z_ND, dim, CheckUnitRows(z_ND, dim, "k-means"));
  CheckDistinct(points, options.k);
  std::vector<std::vector<float>> seeds = Seeding(points, options).Draw(options.k, pool);
  KMeansResult best;
  for (std::int64_t restart = 0; restart < options.restarts; ++restart) {
    KMeansResult result = Lloyd(points, options.k, std::move(seeds[restart])).Run(options, pool);
    if (restart > 0 && result.objective <= best.objective) continue;
    best = std::move(result);
    best.best_restart = restart;
  }
  return best;
}

}  // namespace raie
