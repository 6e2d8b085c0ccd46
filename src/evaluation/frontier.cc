#include "evaluation/frontier.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "base/random.h"
#include "raie/error.h"

namespace raie {
namespace {

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
    std::vector<double> users_U;
    for (const std::size_t place : place_U) users_U.push_back(drawn.users[place]);
    return WeightedMean(*values, drawn.seeds, users_U);
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

  // A draw of users who have windows on both sides: without any there is no mean.
  std::vector<double> DrawUsers(RandomStream& random) const {
    const auto has_windows = [](const std::vector<double>& drawn, const PlacedValues& part) {
      return std::ranges::any_of(part.place_U, [&](std::size_t place) { return drawn[place] > 0; });
    };
    for (;;) {
      auto drawn = DrawCounts(num_users(), random);
      if (has_windows(drawn, frozen_.held_out) && has_windows(drawn, frozen_.test)) return drawn;
    }
  }

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

// Two-sided: how often a replicate lies on the other side of 0, the observed one counted as well.
double BootstrapPValue(std::span<const double> replicates) {
  const auto below = std::ranges::count_if(replicates, [](double value) { return value <= 0; });
  const auto above = std::ranges::count_if(replicates, [](double value) { return value >= 0; });
  const auto count = static_cast<double>(std::min(below, above) + 1);
  return std::min(1.0, 2 * count / static_cast<double>(std::ssize(replicates) + 1));
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
  // [curve][replicate]
  std::vector<std::vector<double>> drawn(
      gains.size(), std::vector<double>(std::max<std::int64_t>(0, request.bootstrap.replicates)));
  ForEachReplicate(request.bootstrap, pool, [&](std::int64_t r, RandomStream& random) {
    const auto seeds = DrawCounts(frontiers.num_seeds(), random);
    const auto of_draw = frontiers.Gains({seeds, frontiers.DrawUsers(random)});
    for (std::size_t c = 0; c < of_draw.size(); ++c) drawn[c][r] = of_draw[c];
  });
  std::vector<FrontierArea> areas;
  const double level = request.bootstrap.level;
  for (std::size_t c = 0; c < gains.size(); ++c) {
    std::vector<double> differences = drawn[c];
    for (std::size_t r = 0; r < differences.size(); ++r) {
      differences[r] -= drawn[request.reference][r];
    }
    areas.push_back({.gain = gains[c],
                     .interval = PercentileInterval(drawn[c], level),
                     .difference = gains[c] - gains[request.reference],
                     .difference_interval = PercentileInterval(differences, level),
                     .p_value = BootstrapPValue(differences)});
  }
  return areas;
}

}  // namespace raie
