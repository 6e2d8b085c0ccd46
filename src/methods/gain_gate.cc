#include "methods/gain_gate.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/statistics.h"

namespace raie {
namespace {

// One-sided p of H0: the mean is not below 0.
double PBelowZero(std::span<const double> changes) {
  if (changes.size() < 2) return 1;
  const auto users = static_cast<double>(changes.size());
  const double mean = Mean(changes);
  const double error = std::sqrt(SampleVariance(changes) / users);
  if (error == 0) return mean < 0 ? 0 : 1;
  return StudentTail(-mean / error, users - 1);
}

}  // namespace

std::vector<double> UserChanges(const PairedLosses& losses, std::span<const RegionId> regions) {
  std::map<UserId, std::pair<double, std::int64_t>> users;
  for (std::size_t i = 0; i < losses.now.size(); ++i) {
    const double change = losses.now[i] - losses.then[i];
    if (std::isnan(change) || std::ranges::count(regions, losses.regions[i]) == 0) continue;
    auto& [sum, count] = users[losses.windows.windows[i].user];
    sum += change;
    ++count;
  }
  std::vector<double> changes;
  for (const auto& [user, change] : users) {
    changes.push_back(change.first / static_cast<double>(change.second));
  }
  return changes;
}

std::vector<RegionGain> MeasureGains(std::span<const RegionId> regions, const PairedLosses& losses,
                                     const GainGateOptions& options) {
  std::vector<RegionGain> gains;
  std::vector<double> p_values;
  for (const RegionId region : regions) {
    const std::vector<double> changes = UserChanges(losses, std::span(&region, 1));
    gains.push_back({.region = region,
                     .users = std::ssize(changes),
                     .change = changes.empty() ? 0 : Mean(changes),
                     .p_value = PBelowZero(changes)});
    p_values.push_back(gains.back().p_value);
  }
  const std::vector<double> adjusted = HolmAdjust(p_values);
  for (std::size_t k = 0; k < gains.size(); ++k) {
    gains[k].p_adjusted = adjusted[k];
    gains[k].gains = gains[k].change < 0 && adjusted[k] < options.level;
  }
  return gains;
}

}  // namespace raie
