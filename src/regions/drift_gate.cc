#include "regions/drift_gate.h"

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string>

#include "base/statistics.h"
#include "raie/error.h"

namespace raie {
namespace {

// A sample of windows grouped by user: the mean over windows, and its error with users as clusters
// (a ratio estimator: windows of one user are not independent).
struct Sample {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double square_error = 0;
  std::int64_t windows = 0;
  std::vector<double> user_means;
};

Sample Summarise(const std::vector<UserLoss>& losses) {
  Sample sample;
  double sum = 0;
  for (const UserLoss& loss : losses) {
    sum += loss.mean_nll * static_cast<double>(loss.num_windows);
    sample.windows += loss.num_windows;
    sample.user_means.push_back(loss.mean_nll);
  }
  if (sample.windows == 0) return sample;
  const auto windows = static_cast<double>(sample.windows);
  sample.mean = sum / windows;
  if (losses.size() < 2) return sample;
  for (const UserLoss& loss : losses) {
    const double part =
        (loss.mean_nll - sample.mean) * static_cast<double>(loss.num_windows) / windows;
    sample.square_error += part * part;
  }
  const auto users = static_cast<double>(losses.size());
  sample.square_error *= users / (users - 1);
  return sample;
}

void Check(const RegionLosses& region, const std::vector<UserLoss>& losses, const char* part) {
  std::set<UserId> seen;
  for (const UserLoss& loss : losses) {
    const auto refuse = [&](const std::string& problem) {
      throw Error(ErrorCode::kInvalidArgument,
                  "drift of region " + std::to_string(Index(region.region)) + ", " + part +
                      ": user " + std::to_string(Index(loss.user)) + " " + problem);
    };
    if (!seen.insert(loss.user).second) refuse("occurs twice; group windows by user first");
    if (!std::isfinite(loss.mean_nll)) refuse("has a loss that is not finite");
    if (loss.num_windows < 1) refuse("has no windows");
  }
}

// The held-out windows of all regions, each user once.
std::vector<UserLoss> Pool(std::span<const RegionLosses> regions) {
  std::map<UserId, UserLoss> users;
  for (const RegionLosses& region : regions) {
    for (const UserLoss& loss : region.held_out) {
      UserLoss& pooled = users[loss.user];
      pooled.user = loss.user;
      const std::int64_t windows = pooled.num_windows + loss.num_windows;
      const double share = static_cast<double>(loss.num_windows) / static_cast<double>(windows);
      pooled.mean_nll += share * (loss.mean_nll - pooled.mean_nll);
      pooled.num_windows = windows;
    }
  }
  std::vector<UserLoss> all;
  for (const auto& [user, loss] : users) all.push_back(loss);
  return all;
}

void FillInterval(RegionDrift& drift, const Sample& recent, const Sample& held_out,
                  double coverage) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  drift.low = -kInfinity;
  drift.high = kInfinity;
  if (!drift.tested) return;
  const double degrees =
      WelchDegrees(recent.square_error, static_cast<double>(recent.user_means.size() - 1),
                   held_out.square_error, static_cast<double>(held_out.user_means.size() - 1));
  const double half = StudentQuantile(0.5 + coverage / 2, degrees) *
                      std::sqrt(recent.square_error + held_out.square_error);
  drift.low = drift.drift - half;
  drift.high = drift.drift + half;
}

RegionDrift Measure(const RegionLosses& region, const Sample& pool,
                    const DriftGateOptions& options) {
  const Sample recent = Summarise(region.recent);
  const Sample own = Summarise(region.held_out);
  RegionDrift drift;
  drift.region = region.region;
  drift.recent_windows = recent.windows;
  drift.held_out_windows = own.windows;
  drift.recent_users = static_cast<std::int64_t>(recent.user_means.size());
  drift.pooled = own.windows < options.min_held_out;
  const Sample& held_out = drift.pooled ? pool : own;
  drift.held_out_users = static_cast<std::int64_t>(held_out.user_means.size());
  drift.drift = recent.mean - held_out.mean;
  std::vector<double> allowed = held_out.user_means;  // of a region whose rise is just d_min
  for (double& mean : allowed) mean += options.d_min;
  const std::optional<WelchResult> test = WelchTest(recent.user_means, allowed);
  drift.tested = test.has_value();
  if (test) drift.p_value = test->p_greater;
  FillInterval(drift, recent, held_out, options.interval);
  return drift;
}

}  // namespace

std::vector<RegionDrift> MeasureDrift(std::span<const RegionLosses> regions,
                                      const DriftGateOptions& options) {
  DriftGateOptions copy = options;
  CheckRanges(FieldsOf(copy), "drift gate");
  for (const RegionLosses& region : regions) {
    Check(region, region.recent, "F windows");
    Check(region, region.held_out, "held-out windows");
  }
  const Sample pool = Summarise(Pool(regions));
  if (pool.windows == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "drift: there are no held-out windows to compare with; they need users with at "
                "least context + 2 events in S: shorten the context or switch the gate off");
  }
  std::vector<RegionDrift> drifts;
  std::vector<double> p_values;
  for (const RegionLosses& region : regions) {
    drifts.push_back(Measure(region, pool, options));
    p_values.push_back(drifts.back().p_value);
  }
  const std::vector<double> adjusted = HolmAdjust(p_values);
  for (std::size_t i = 0; i < drifts.size(); ++i) {
    drifts[i].p_adjusted = adjusted[i];
    drifts[i].drifts = drifts[i].drift > options.d_min && adjusted[i] < options.level;
  }
  return drifts;
}

std::vector<UserLoss> GroupByUser(std::span<const UserId> users, std::span<const double> nll) {
  if (users.size() != nll.size()) {
    throw Error(ErrorCode::kInvalidArgument, "drift: " + std::to_string(users.size()) +
                                                 " users but " + std::to_string(nll.size()) +
                                                 " losses");
  }
  std::map<UserId, UserLoss> groups;
  for (std::size_t i = 0; i < users.size(); ++i) {
    UserLoss& group = groups[users[i]];
    group.user = users[i];
    group.mean_nll += nll[i];  // the sum, until all are in
    ++group.num_windows;
  }
  std::vector<UserLoss> losses;
  for (auto& [user, group] : groups) {
    group.mean_nll /= static_cast<double>(group.num_windows);
    losses.push_back(group);
  }
  return losses;
}

}  // namespace raie
