#include "methods/drift.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace raie {
namespace {

constexpr std::size_t kTopItems = 10;

std::vector<UserLoss> LossesIn(RegionId region, const SliceLosses& losses) {
  std::vector<UserId> users;
  std::vector<double> nll;
  for (std::size_t i = 0; i < losses.windows.size(); ++i) {
    if (losses.regions[i] != region || std::isnan(losses.nll[i])) continue;
    users.push_back(losses.windows[i].user);
    nll.push_back(losses.nll[i]);
  }
  return GroupByUser(users, nll);
}

std::vector<std::pair<ItemId, std::int64_t>> TopTargets(const PreparedData& data, RegionId region,
                                                        const SliceLosses& recent) {
  std::map<ItemId, std::int64_t> counts;
  for (std::size_t i = 0; i < recent.windows.size(); ++i) {
    if (recent.regions[i] == region) ++counts[data.items()[recent.windows[i].target]];
  }
  std::vector<std::pair<ItemId, std::int64_t>> items(counts.begin(), counts.end());
  std::stable_sort(items.begin(), items.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (items.size() > kTopItems) items.resize(kTopItems);
  return items;
}

}  // namespace

DriftReport ReportDrift(const PreparedData& data, const RegionSet& regions,
                        const SliceLosses& recent, const SliceLosses& reference,
                        const DriftGateOptions& options) {
  std::vector<RegionLosses> losses;
  for (const Region& region : regions.regions) {
    losses.push_back({.region = region.id,
                      .recent = LossesIn(region.id, recent),
                      .held_out = LossesIn(region.id, reference)});
  }
  const std::vector<RegionDrift> drifts = MeasureDrift(losses, options);
  DriftReport report;
  for (const RegionDrift& drift : drifts) {
    const auto windows = std::count(recent.regions.begin(), recent.regions.end(), drift.region);
    const double all = std::max<double>(1, static_cast<double>(recent.windows.size()));
    report.regions.push_back({.drift = drift,
                              .share = static_cast<double>(windows) / all,
                              .top_items = TopTargets(data, drift.region, recent)});
  }
  return report;
}

}  // namespace raie
