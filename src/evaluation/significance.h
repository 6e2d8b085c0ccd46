// Is a difference between two methods more than luck of users and seeds?
//
// Concept: a method was run with several seeds and ranked the same windows of the same users each
//          time. Users and seeds are crossed: another set of users *and* other seeds would have
//          given another mean. The bootstrap draws both, independently: one set of users for all
//          drawn seeds, each user with all his windows. The test compares two methods user by user.
// Source:  METHOD section 2 ("Statistics"). Wilcoxon 1945; zeros: Pratt 1959 (they take part in the
//          ranking and then leave); crossed bootstrap: Owen 2007.
// Shapes:  sums_SU [seeds, users].
// Limit:   with few seeds the spread over seeds is underestimated by (S - 1) / S, as by every
//          bootstrap; it is the users that carry most of the variance here.
// Errors:  kInvalidArgument for lists of different lengths, no values, NaN, options out of range.
// Threads: same result for any number of threads.
// Cost:    O(replicates x users x seeds).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/task_pool.h"
#include "raie/types.h"

namespace raie {

// Values of windows, summed by user.
struct CrossedValues {
  std::int64_t num_seeds = 0;
  std::vector<UserId> users;      // [users] ascending
  std::vector<double> windows_U;  // the same windows with every seed
  std::vector<double> sums_SU;

  std::int64_t num_users() const { return static_cast<std::int64_t>(windows_U.size()); }
};

// values_by_seed[s][i] is the value of window i, a window of users[i], in any order.
CrossedValues SumByUser(std::span<const UserId> users,
                        std::span<const std::vector<double>> values_by_seed);

// Returns a - b; both are of the same windows and seeds.
CrossedValues Difference(const CrossedValues& a, const CrossedValues& b);

// Returns the mean over windows and seeds.
double WindowMean(const CrossedValues& values);

// Returns each user's mean over his windows and the seeds.
std::vector<double> UserMeans(const CrossedValues& values);

struct BootstrapOptions {
  std::int64_t replicates = 2000;
  double level = 0.95;
  std::uint64_t seed = 0;
};

struct Interval {
  double low = 0;
  double high = 0;
};

// Parts of a bootstrap of one's own. Returns how often each of `size` is drawn in `size` draws.
std::vector<double> DrawCounts(std::int64_t size, RandomStream& random);

// Returns the mean over windows and seeds that are there so many times. NaN if no window is.
double WeightedMean(const CrossedValues& values, std::span<const double> seeds,
                    std::span<const double> users_U);

// Calls body(replicate, its random numbers) for all replicates, on all threads.
void ForEachReplicate(const BootstrapOptions& options, TaskPool& pool,
                      const std::function<void(std::int64_t, RandomStream&)>& body);

Interval PercentileInterval(std::span<const double> replicates, double level);

// Returns the percentile interval of WindowMean.
// Semantics: replicate r draws seeds t_1..t_S and users v_1..v_U with replacement, independently:
//            mean_r = sum_ij sums[t_i, v_j] / (S sum_j windows[v_j]).
Interval CrossedBootstrap(const CrossedValues& values, const BootstrapOptions& options,
                          TaskPool& pool);

struct WilcoxonResult {
  std::int64_t zeros = 0;
  std::int64_t nonzero = 0;
  double plus = 0;  // sum of the ranks of positive differences
  double minus = 0;
  double z = 0;  // of the smaller sum, negative; 0 if the distribution was taken exactly
  double p_value = 1;
  bool exact = false;
};

// Differences nearer to each other than this are equal, so that sums taken in another order tie.
inline constexpr double kEqualDifference = 1e-12;

// Two-sided signed-rank test that differences are symmetric around 0; Pratt's zeros. Up to 25
// differences that are not zero: the exact distribution given the (tied) ranks; beyond that the
// normal approximation, its variance corrected for zeros and ties, no continuity correction.
WilcoxonResult WilcoxonSignedRank(std::span<const double> differences);

}  // namespace raie
