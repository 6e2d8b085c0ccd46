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

// k-means++ in batches. The next seed must be drawn in proportion to the distance to the nearest
// seed so far; distances only fall as seeds are added, so those to an earlier set of seeds are
// upper bounds: draw by the bound, accept with probability distance / bound. That is exact, and z
// is read once for kBatch seeds instead of once for each.
class Seeding {
 public:
  Seeding(const Points& points, std::uint64_t seed, std::int64_t restart)
      : points_(points),
        random_(seed, static_cast<std::uint64_t>(restart)),
        bounds_(points.size, 2.0F),
        sums_(points.num_tasks) {
    for (std::int64_t task = 0; task < points_.num_tasks; ++task) SumTask(task);
  }

  std::vector<float> Draw(std::int64_t k, TaskPool& pool) {
    Append(centres_, points_.Row(DrawAny()));
    std::int64_t rejected = 0;
    for (std::int64_t drawn = 1; drawn < k;) {
      if (drawn - counted_ >= kBatch || rejected >= kMaxRejected) {
        Refresh(drawn, pool);
        rejected = 0;
      }
      const std::int64_t point = DrawByBound();
      if (!Accept(point, drawn)) {
        ++rejected;
        continue;
      }
      Append(centres_, points_.Row(point));
      ++drawn;
      rejected = 0;
    }
    return std::move(centres_);
  }

 private:
  static constexpr std::int64_t kBatch = 16;
  static constexpr std::int64_t kMaxRejected = 64;

  std::int64_t DrawAny() { return static_cast<std::int64_t>(random_.Below(points_.size)); }

  void SumTask(std::int64_t task) {
    sums_[task] = std::accumulate(bounds_.begin() + points_.Begin(task),
                                  bounds_.begin() + points_.End(task), 0.0);
  }

  // Makes the bounds the distances to all seeds so far.
  void Refresh(std::int64_t drawn, TaskPool& pool) {
    const auto newest = std::span(centres_).subspan(counted_ * points_.dim);
    ForCosineTiles(points_.z_ND, newest, points_.dim, pool, [&](const CosineTile& tile) {
      for (std::int64_t row = 0; row < tile.rows; ++row) {
        const float* cosines = tile.cosines + row * tile.count;
        const float distance = 1.0F - *std::max_element(cosines, cosines + tile.count);
        float& bound = bounds_[tile.begin + row];
        bound = std::min(bound, std::max(0.0F, distance));
      }
    });
    pool.ForEach(points_.num_tasks, [&](std::int64_t task, int) { SumTask(task); });
    counted_ = drawn;
  }

  std::int64_t DrawByBound() {
    double left = std::accumulate(sums_.begin(), sums_.end(), 0.0) * random_.Uniform();
    std::int64_t task = 0;
    while (task + 1 < points_.num_tasks && left >= sums_[task]) left -= sums_[task++];
    std::int64_t chosen = -1;  // the last point with a positive bound, if rounding overshoots
    for (std::int64_t i = points_.Begin(task); i < points_.End(task); ++i) {
      if (bounds_[i] <= 0) continue;
      chosen = i;
      if (left < bounds_[i]) break;
      left -= bounds_[i];
    }
    // All points as near as rounding tells: any will do, empty clusters are reseeded.
    return chosen >= 0 ? chosen : DrawAny();
  }

  bool Accept(std::int64_t point, std::int64_t drawn) {
    if (counted_ == drawn) return true;
    double distance = bounds_[point];
    for (std::int64_t seed = counted_; seed < drawn; ++seed) {
      const auto centre = std::span(centres_).subspan(seed * points_.dim, points_.dim);
      distance = std::min(distance, 1.0 - Dot(points_.Row(point), centre));
    }
    return random_.Uniform() * bounds_[point] < distance;
  }

  const Points& points_;
  RandomStream random_;
  std::vector<float> bounds_;  // of each point: distance to the first counted_ seeds
  std::vector<double> sums_;   // of bounds_, by task
  std::vector<float> centres_;
  std::int64_t counted_ = 0;
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
  KMeansResult best;
  for (std::int64_t restart = 0; restart < options.restarts; ++restart) {
    std::vector<float> seeds = Seeding(points, options.seed, restart).Draw(options.k, pool);
    KMeansResult result = Lloyd(points, options.k, std::move(seeds)).Run(options, pool);
    if (restart > 0 && result.objective <= best.objective) continue;
    best = std::move(result);
    best.best_restart = restart;
  }
  return best;
}

}  // namespace raie
