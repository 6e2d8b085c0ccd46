#include "service/shop_truth.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <string>

#include "base/statistics.h"
#include "raie/error.h"

namespace raie {
namespace {

// The simulated event behind a row of the prepared data: users are named "u<n>", and times rise
// strictly within a user.
std::int64_t SimulatedEvent(const PreparedData& data, UserId user, std::int64_t row,
                            const SimulationTruth& truth) {
  const std::string_view name = data.user_id(user);
  std::int64_t number = -1;
  if (name.starts_with('u')) std::from_chars(name.data() + 1, name.data() + name.size(), number);
  if (number >= 0 && number + 1 < std::ssize(truth.user_starts)) {
    const auto begin = truth.times.begin() + truth.user_starts[number];
    const auto end = truth.times.begin() + truth.user_starts[number + 1];
    const auto found = std::lower_bound(begin, end, data.times()[row]);
    if (found != end && *found == data.times()[row]) return found - truth.times.begin();
  }
  throw Error(ErrorCode::kInternal, "event " + std::to_string(row) + " of user \"" +
                                        std::string(name) + "\" is not of this simulation");
}

}  // namespace

ShopTruth CompareWithTruth(const PreparedData& data, const WindowSet& windows,
                           std::span<const RegionId> region_of_window,
                           std::span<const RegionId> regions, const SimulationTruth& truth) {
  struct Tally {
    std::map<std::int64_t, std::int64_t> interests;
    std::int64_t windows = 0;
    std::int64_t drifted = 0;
  };
  std::map<RegionId, Tally> tallies;
  std::vector<std::int64_t> region_labels;
  std::vector<std::int64_t> interest_labels;
  for (std::int64_t i = 0; i < windows.size(); ++i) {
    const Window& window = windows.windows[i];
    const std::int64_t context = SimulatedEvent(data, window.user, window.context_end - 1, truth);
    const std::int64_t target = SimulatedEvent(data, window.user, window.target, truth);
    Tally& tally = tallies[region_of_window[i]];
    ++tally.interests[truth.interests[context]];
    ++tally.windows;
    tally.drifted += truth.versions[target] > 0;
    region_labels.push_back(Index(region_of_window[i]));
    interest_labels.push_back(truth.interests[context]);
  }
  ShopTruth result;
  for (const RegionId region : regions) {
    const Tally& tally = tallies[region];
    RegionTruth line{.region = region, .windows = tally.windows};
    for (const auto& [interest, count] : tally.interests) {
      const double share = static_cast<double>(count) / static_cast<double>(tally.windows);
      if (share > line.main_share) {
        line.main_interest = interest;
        line.main_share = share;
      }
    }
    if (tally.windows > 0) {
      line.drifted_share = static_cast<double>(tally.drifted) / static_cast<double>(tally.windows);
    }
    result.regions.push_back(line);
  }
  result.adjusted_rand = AdjustedRandIndex(region_labels, interest_labels);
  return result;
}

std::optional<double> DriftRankCorrelation(std::span<const double> drift,
                                           std::span<const RegionTruth> truth) {
  std::vector<double> measured;
  std::vector<double> true_share;
  for (std::size_t k = 0; k < drift.size(); ++k) {
    if (!std::isfinite(drift[k]) || truth[k].windows == 0) continue;
    measured.push_back(drift[k]);
    true_share.push_back(truth[k].drifted_share);
  }
  return SpearmanCorrelation(measured, true_share);
}

}  // namespace raie
