#include "evaluation/truth_agreement.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/statistics.h"

namespace raie {
namespace {

std::int64_t InterestOf(const Window& window, const EventTruth& truth) {
  return truth.interests[window.context_end - 1];
}

RegionTruth TruthOf(RegionId region, const SlicePlan& plan, const WindowSet& windows,
                    const EventTruth& truth) {
  RegionTruth result{.region = region};
  std::map<std::int64_t, std::int64_t> interests;
  std::int64_t count = 0;
  std::int64_t drifted = 0;
  for (std::int64_t i = 0; i < windows.size(); ++i) {
    if (plan.new_regions[i] != region) continue;
    ++count;
    ++interests[InterestOf(windows.windows[i], truth)];
    drifted += truth.versions[windows.windows[i].target] > 0;
  }
  if (count == 0) return result;
  const auto main =
      std::max_element(interests.begin(), interests.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  result.main_interest = main->first;
  result.main_share = static_cast<double>(main->second) / static_cast<double>(count);
  result.drifted_share = static_cast<double>(drifted) / static_cast<double>(count);
  return result;
}

}  // namespace

TruthAgreement CompareWithTruth(const SlicePlan& plan, const WindowSet& windows,
                                const EventTruth& truth) {
  TruthAgreement agreement;
  std::vector<std::int64_t> regions;
  std::vector<std::int64_t> interests;
  for (std::int64_t i = 0; i < windows.size(); ++i) {
    regions.push_back(Index(plan.new_regions[i]));
    interests.push_back(InterestOf(windows.windows[i], truth));
  }
  agreement.adjusted_rand = AdjustedRandIndex(regions, interests);
  std::vector<double> drifts;
  std::vector<double> shares;
  for (const RegionDriftReport& report : plan.drift->regions) {
    agreement.regions.push_back(TruthOf(report.drift.region, plan, windows, truth));
    if (std::isnan(report.drift.drift)) continue;
    drifts.push_back(report.drift.drift);
    shares.push_back(agreement.regions.back().drifted_share);
  }
  agreement.drift_correlation = SpearmanCorrelation(drifts, shares);
  return agreement;
}

}  // namespace raie
