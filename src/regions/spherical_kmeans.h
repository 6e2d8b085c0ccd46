// Which K directions serve a cloud of unit vectors best?
//
// Concept: spherical k-means: maximise sum_k sum_{i in C_k} mu_k . z_i with |mu_k| = 1 and
//          mu_k = normalise(sum of members), on all points. Seeds are drawn by k-means++ with
//          distance 1 - cos; the best of several restarts is kept; a cluster that becomes empty
//          restarts at the point that is served worst.
// Source:  METHOD section 4, Eq. 1. Dhillon & Modha 2001; Arthur & Vassilvitskii 2007.
// Shapes:  z_ND [N, D] unit rows; centres_KD [K, D] unit rows; labels [N].
// Errors:  kInvalidArgument if k < 1 or exceeds the number of distinct points, or a row is zero,
//          not finite or not of unit norm.
// Threads: parallel in chunks that depend on N only: the same bytes for any number of threads.
// Cost:    O(N K D) an iteration and to seed; one read of z an iteration and for 16 seeds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/options.h"
#include "base/task_pool.h"

namespace raie {

struct KMeansOptions {
  std::int64_t k = 3;
  std::int64_t restarts = 4;
  std::int64_t max_iterations = 100;
  double tolerance = 1e-6;
  std::uint64_t seed = 0;  // comes from the run's seed, so it is not a field of its own

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.k, Field{.name = "k",
                        .help = "number of preference regions K to start with",
                        .minimum = 1,
                        .maximum = 100000,
                        .paper = "3 (ML-10M), 5 (Yelp)"});
    visit(self.restarts, Field{.name = "restarts",
                               .help = "seedings tried; the best objective is kept",
                               .minimum = 1,
                               .maximum = 1000});
    visit(self.max_iterations, Field{.name = "max_iterations",
                                     .help = "most passes of one restart",
                                     .minimum = 1,
                                     .maximum = 100000});
    visit(self.tolerance,
          Field{.name = "tolerance",
                .help = "stop when a pass raises the objective by less than this share of it; 0: "
                        "stop when no point moves",
                .minimum = 0,
                .maximum = 1});
  }
};

// One pass: assign every point to its nearest centre, then move the centres to the means.
struct KMeansIteration {
  double objective = 0;             // sum_k |sum of members|, after the move
  std::int64_t moved_points = 0;    // points whose cluster changed
  std::int64_t empty_reseeded = 0;  // empty clusters restarted in this pass
};

struct KMeansResult {
  std::vector<float> centres_KD;
  std::vector<std::int32_t> labels;       // the assignment whose means the centres are
  std::vector<std::int64_t> counts;       // [K] members, each >= 1
  std::vector<double> resultant_lengths;  // [K] |sum of members|
  double objective = 0;                   // sum of resultant_lengths
  std::int64_t best_restart = 0;
  std::vector<KMeansIteration> iterations;  // of the best restart; its objective never falls
};

KMeansResult SphericalKMeans(std::span<const float> z_ND, std::int64_t dim,
                             const KMeansOptions& options, TaskPool& pool);

}  // namespace raie
