#include "evaluation/frontier.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/random.h"
#include "base/statistics.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kReplicatesPerFrontierTask = 32;

// How often each seed and each user is drawn.
struct DrawnSample {
  std::vector<double> seeds;
  std::vector<double> users;  // of all sets of windows
};

// One set of windows whose users have places among all users.
struct PlacedValues {
  const CrossedValues* values;
  std::vector<std::size_t> place_U;

  double Mean(const DrawnSample& drawn) const {
    const std::int64_t users = values->num_users();
    double windows = 0;
    for (std::int64_t u = 0; u < users; ++u) {
      windows += drawn.users[place_U[u]] * values->windows_U[u];
    }
    if (windows == 0) return 0;
    double sum = 0;
    double seeds = 0;
    for (std::int64_t s = 0; s < values->num_seeds; ++s) {
      seeds += drawn.seeds[s];
      if (drawn.seeds[s] == 0) continue;
      double of_seed = 0;
      const double* sums_U = values->sums_SU.data() + s * users;
      for (std::int64_t u = 0; u < users; ++u) of_seed += drawn.users[place_U[u]] * sums_U[u];
      sum += drawn.seeds[s] * of_seed;
    }
    return sum / (windows * seeds);
  }
};

struct PlacedPoint {
  PlacedValues held_out;
  PlacedValues test;

  TradeOff Means(const DrawnSample& drawn) const {
    return {held_out.Mean(drawn), test.Mean(drawn)};
  }
};

class Frontiers {
 public:
  explicit Frontiers(const FrontierRequest& request) {
    num_seeds_ = request.frozen.test.num_seeds;
    frozen_ = Place(request.frozen);
    for (const auto& curve : request.curves) {
      auto& placed = curves_.emplace_back();
      for (const TradeOffValues& point : curve) placed.push_back(Place(point));
    }
  }

  std::int64_t num_seeds() const { return num_seeds_; }
  std::int64_t num_users() const { return std::ssize(places_); }

  // Returns the gain of every curve for one draw.
  std::vector<double> Gains(const DrawnSample& drawn) const {
    const TradeOff frozen = frozen_.Means(drawn);
    LevelRange levels = {frozen.held_out, frozen.held_out};
    std::vector<std::vector<TradeOff>> curves;
    for (const auto& placed : curves_) {
      auto& curve = curves.emplace_back();
      for (const PlacedPoint& point : placed) {
        curve.push_back(point.Means(drawn));
        levels.low = std::min(levels.low, curve.back().held_out);
        levels.high = std::max(levels.high, curve.back().held_out);
      }
    }
    std::vector<double> gains;
    for (const auto& curve : curves) gains.push_back(GainOverLevels(curve, frozen.test, levels));
    return gains;
  }

 private:
  PlacedPoint Place(const TradeOffValues& point) {
    return {Place(point.held_out), Place(point.test)};
  }

  PlacedValues Place(const CrossedValues& values) {
    if (values.num_seeds != num_seeds_) {
      throw Error(ErrorCode::kInvalidArgument,
                  "frontier: points of " + std::to_string(values.num_seeds) + " and of " +
                      std::to_string(num_seeds_) + " seeds cannot be compared");
    }
    PlacedValues placed{&values, {}};
    for (const UserId user : values.users) {
      placed.place_U.push_back(places_.emplace(user, places_.size()).first->second);
    }
    return placed;
  }

  std::int64_t num_seeds_ = 0;
  std::map<UserId, std::size_t> places_;
  PlacedPoint frozen_;
  std::vector<std::vector<PlacedPoint>> curves_;
};

std::vector<double> DrawCounts(std::int64_t size, RandomStream& random) {
  std::vector<double> counts(size);
  for (std::int64_t i = 0; i < size; ++i) ++counts[random.Below(size)];
  return counts;
}

}  // namespace

double GainOverLevels(std::span<const TradeOff> curve, double base, const LevelRange& levels) {
  if (levels.high <= levels.low) return 0;
  std::vector<TradeOff> points(curve.begin(), curve.end());
  std::ranges::sort(points, std::greater(), &TradeOff::held_out);
  double area = 0;
  double best = 0;             // gain of the points that keep more than `above`
  double above = levels.high;  // what is left of the range is [low, above]
  for (const TradeOff& point : points) {
    const double level = std::clamp(point.held_out, levels.low, above);
    area += best * (above - level);
    above = level;
    best = std::max(best, point.test - base);
  }
  area += best * (above - levels.low);
  return area / (levels.high - levels.low);
}

std::vector<FrontierArea> MeasureFrontiers(const FrontierRequest& request, TaskPool& pool) {
  if (request.curves.empty() || request.reference >= request.curves.size()) {
    throw Error(ErrorCode::kInvalidArgument, "frontier: no curve, or no reference among them");
  }
  const Frontiers frontiers(request);
  const DrawnSample once{std::vector<double>(frontiers.num_seeds(), 1.0),
                         std::vector<double>(frontiers.num_users(), 1.0)};
  const std::vector<double> gains = frontiers.Gains(once);
  const std::int64_t replicates = request.bootstrap.replicates;
  std::vector<std::vector<double>> drawn(replicates);
  pool.ForEach((replicates + kReplicatesPerFrontierTask - 1) / kReplicatesPerFrontierTask,
               [&](std::int64_t task, int) {
                 const std::int64_t begin = task * kReplicatesPerFrontierTask;
                 const std::int64_t end = std::min(replicates, begin + kReplicatesPerFrontierTask);
                 for (std::int64_t r = begin; r < end; ++r) {
                   RandomStream random(request.bootstrap.seed, static_cast<std::uint64_t>(r));
                   const auto seeds = DrawCounts(frontiers.num_seeds(), random);
                   drawn[r] = frontiers.Gains({seeds, DrawCounts(frontiers.num_users(), random)});
                 }
               });
  const double tail = (1 - request.bootstrap.level) / 2;
  const auto interval = [&](const auto& of) {
    std::vector<double> values;
    for (const auto& replicate : drawn) values.push_back(of(replicate));
    return Interval{.low = Quantile(values, tail), .high = Quantile(values, 1 - tail)};
  };
  std::vector<FrontierArea> areas;
  const std::size_t ref = request.reference;
  for (std::size_t c = 0; c < gains.size(); ++c) {
    areas.push_back({.gain = gains[c],
                     .interval = interval([c](const auto& replicate) { return replicate[c]; }),
                     .difference = gains[c] - gains[ref],
                     .difference_interval = interval([c, ref](const auto& replicate) {
                       return replicate[c] - replicate[ref];
                     })});
  }
  return areas;
}

}  // namespace raie
