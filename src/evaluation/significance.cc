#include "evaluation/significance.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <string>

#include "base/random.h"
#include "base/statistics.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kExactLimit = 25;
constexpr std::int64_t kReplicatesPerTask = 32;

[[noreturn]] void RefuseSample(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, message);
}

// One replicate of the crossed bootstrap.
double DrawMean(const CrossedValues& values, RandomStream& random) {
  const std::vector<double> seeds = DrawCounts(values.num_seeds, random);
  return WeightedMean(values, seeds, DrawCounts(values.num_users(), random));
}

// Differences on a grid of kEqualDifference, so that equal ones are equal in every bit.
std::vector<double> OnGrid(std::span<const double> differences) {
  std::vector<double> result;
  for (const double difference : differences) {
    if (!std::isfinite(difference)) RefuseSample("Wilcoxon test: a difference is not finite");
    result.push_back(std::round(difference / kEqualDifference) * kEqualDifference);
  }
  return result;
}

// P(|W+ - E| at least as large) when each rank is positive with probability 1/2. Doubled ranks are
// whole numbers, ties or not.
double ExactTwoSided(std::span<const double> ranks, double plus) {
  std::int64_t total = 0;
  std::vector<double> ways(1, 1.0);  // of W+ = i / 2 over the ranks so far, as probability
  for (const double rank : ranks) {
    const std::int64_t step = std::llround(2 * rank);
    total += step;
    ways.resize(total + 1);
    for (std::int64_t sum = total; sum >= 0; --sum) {
      ways[sum] = 0.5 * (ways[sum] + (sum >= step ? ways[sum - step] : 0));
    }
  }
  const std::int64_t observed = std::llround(2 * plus);
  const double below = std::accumulate(ways.begin(), ways.begin() + observed + 1, 0.0);
  const double above = std::accumulate(ways.begin() + observed, ways.end(), 0.0);
  return std::min(1.0, 2 * std::min(below, above));
}

// Sum of t^3 - t over the groups of t equal ranks.
double TieSum(std::vector<double> ranks) {
  std::sort(ranks.begin(), ranks.end());
  double sum = 0;
  for (std::size_t begin = 0; begin < ranks.size();) {
    std::size_t end = begin;
    while (end < ranks.size() && ranks[end] == ranks[begin]) ++end;
    const auto t = static_cast<double>(end - begin);
    sum += t * (t * t - 1);
    begin = end;
  }
  return sum;
}

double NormalScore(const WilcoxonResult& test, const std::vector<double>& ranks) {
  const auto squares = [](double n) { return n * (n + 1) * (2 * n + 1); };
  const auto zeros = static_cast<double>(test.zeros);
  const double all = zeros + static_cast<double>(test.nonzero);
  const double mean = 0.25 * (all * (all + 1) - zeros * (zeros + 1));
  const double variance = (squares(all) - squares(zeros) - 0.5 * TieSum(ranks)) / 24;
  return (std::min(test.plus, test.minus) - mean) / std::sqrt(variance);
}

}  // namespace

std::vector<double> DrawCounts(std::int64_t size, RandomStream& random) {
  std::vector<double> counts(size);
  for (std::int64_t i = 0; i < size; ++i) ++counts[random.Below(size)];
  return counts;
}

double WeightedMean(const CrossedValues& values, std::span<const double> seeds,
                    std::span<const double> users_U) {
  const std::int64_t users = values.num_users();
  double windows = 0;
  for (std::int64_t u = 0; u < users; ++u) windows += users_U[u] * values.windows_U[u];
  double sum = 0;
  double drawn = 0;
  for (std::int64_t s = 0; s < values.num_seeds; ++s) {
    drawn += seeds[s];
    if (seeds[s] == 0) continue;
    double of_seed = 0;
    const double* sums_U = values.sums_SU.data() + s * users;
    for (std::int64_t u = 0; u < users; ++u) of_seed += users_U[u] * sums_U[u];
    sum += seeds[s] * of_seed;
  }
  return sum / (windows * drawn);
}

void ForEachReplicate(const BootstrapOptions& options, TaskPool& pool,
                      const std::function<void(std::int64_t, RandomStream&)>& body) {
  if (options.replicates < 2 || !(options.level > 0 && options.level < 1)) {
    RefuseSample("bootstrap: at least 2 replicates and a level between 0 and 1 are needed");
  }
  const std::int64_t tasks = (options.replicates + kReplicatesPerTask - 1) / kReplicatesPerTask;
  pool.ForEach(tasks, [&](std::int64_t task, int) {
    const std::int64_t end = std::min(options.replicates, (task + 1) * kReplicatesPerTask);
    for (std::int64_t r = task * kReplicatesPerTask; r < end; ++r) {
      RandomStream random(options.seed, static_cast<std::uint64_t>(r));
      body(r, random);
    }
  });
}

Interval PercentileInterval(std::span<const double> replicates, double level) {
  const double tail = (1 - level) / 2;
  return {.low = Quantile(replicates, tail), .high = Quantile(replicates, 1 - tail)};
}

CrossedValues SumByUser(std::span<const UserId> users,
                        std::span<const std::vector<double>> values_by_seed) {
  if (users.empty() || values_by_seed.empty()) RefuseSample("statistics of no windows");
  std::map<UserId, std::int64_t> slots;
  for (const UserId user : users) slots.emplace(user, 0);
  CrossedValues result;
  for (auto& [user, slot] : slots) {
    slot = std::ssize(result.users);
    result.users.push_back(user);
  }
  result.num_seeds = std::ssize(values_by_seed);
  result.windows_U.resize(slots.size());
  result.sums_SU.resize(slots.size() * values_by_seed.size());
  std::vector<std::int64_t> slot_of_window;
  for (const UserId user : users) {
    slot_of_window.push_back(slots.at(user));
    ++result.windows_U[slot_of_window.back()];
  }
  for (std::size_t s = 0; s < values_by_seed.size(); ++s) {
    const std::vector<double>& values = values_by_seed[s];
    if (values.size() != users.size()) {
      RefuseSample("statistics: " + std::to_string(values.size()) + " values of " +
                   std::to_string(users.size()) + " windows");
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(values[i])) RefuseSample("statistics: a value is not a number");
      result.sums_SU[s * slots.size() + slot_of_window[i]] += values[i];
    }
  }
  return result;
}

CrossedValues Difference(const CrossedValues& a, const CrossedValues& b) {
  if (a.num_seeds != b.num_seeds || a.users != b.users || a.windows_U != b.windows_U) {
    RefuseSample("statistics: two methods were not run on the same windows with as many seeds");
  }
  CrossedValues result = a;
  for (std::size_t i = 0; i < result.sums_SU.size(); ++i) result.sums_SU[i] -= b.sums_SU[i];
  return result;
}

double WindowMean(const CrossedValues& values) {
  const double windows = std::accumulate(values.windows_U.begin(), values.windows_U.end(), 0.0);
  return std::accumulate(values.sums_SU.begin(), values.sums_SU.end(), 0.0) /
         (windows * static_cast<double>(values.num_seeds));
}

std::vector<double> UserMeans(const CrossedValues& values) {
  std::vector<double> means(values.num_users());
  for (std::int64_t u = 0; u < values.num_users(); ++u) {
    for (std::int64_t s = 0; s < values.num_seeds; ++s) {
      means[u] += values.sums_SU[s * values.num_users() + u];
    }
    means[u] /= values.windows_U[u] * static_cast<double>(values.num_seeds);
  }
  return means;
}

Interval CrossedBootstrap(const CrossedValues& values, const BootstrapOptions& options,
                          TaskPool& pool) {
  if (values.num_users() == 0 || values.num_seeds == 0) RefuseSample("bootstrap of no values");
  std::vector<double> means(std::max<std::int64_t>(0, options.replicates));
  ForEachReplicate(options, pool, [&](std::int64_t r, RandomStream& random) {
    means[r] = DrawMean(values, random);
  });
  return PercentileInterval(means, options.level);
}

WilcoxonResult WilcoxonSignedRank(std::span<const double> differences) {
  if (differences.empty()) RefuseSample("Wilcoxon test of no differences");
  const std::vector<double> grid = OnGrid(differences);
  std::vector<double> sizes;
  for (const double difference : grid) sizes.push_back(std::abs(difference));
  const std::vector<double> all_ranks = AverageRanks(sizes);
  WilcoxonResult result;
  std::vector<double> ranks;  // of those that are not zero
  for (std::size_t i = 0; i < grid.size(); ++i) {
    if (grid[i] == 0) {
      ++result.zeros;
      continue;
    }
    ranks.push_back(all_ranks[i]);
    (grid[i] > 0 ? result.plus : result.minus) += all_ranks[i];
  }
  result.nonzero = std::ssize(ranks);
  result.exact = result.nonzero <= kExactLimit;
  if (result.exact) {
    result.p_value = ExactTwoSided(ranks, result.plus);
  } else {
    result.z = NormalScore(result, ranks);
    result.p_value = std::min(1.0, std::erfc(-result.z / std::sqrt(2.0)));
  }
  return result;
}

}  // namespace raie
