// What does the published code make of its regions: which one scores highest, is a window an
// Update, an Expand or an Add, and what is left after all windows?
//
// Concept: protocol `as-released` only; nothing else in raie uses it. A region is the sum of its
//          members' unit vectors, pulled towards where it began; its concentration kappa is
//          estimated from how long that sum is. A window's score of a region is log pi_k + kappa_k
//          cos, which is a mixture's posterior without its normaliser, so the region of the largest
//          kappa attracts what lies near it. The share of each region is softmax(8 score).
// Semantics: Shat_k = S_k + 5 mu_k(0), mu_k = Shat_k / |Shat_k|, r_k = |Shat_k| / (n_k + 5)
//          kappa_k = r (d - r^2) / (1 - r^2) in [1, 1e6]; a later estimate counts .2, the old one
//          .8 pi_k = (n_k + 5) / sum_j (n_j + 5);   s_k = log pi_k + kappa_k mu_k . z
// Source:  fengaogao/RAIE, SASRec_RAIE.py; docs/decisions/010. Not METHOD section 4.
// Shapes:  z [D] or [N, D], unit rows.
// Errors:  kInvalidArgument for one region (the published code stops there) and those of
//          SphericalKMeans.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/task_pool.h"
#include "regions/discovery.h"

namespace raie {

struct PosteriorRegion {
  std::vector<double> sum;          // S_k
  double count = 0;                 // n_k
  std::vector<float> prior_centre;  // mu_k(0)
  std::vector<float> centre;        // mu_k
  double kappa = 0;                 // 0: not estimated yet
  double log_weight = 0;            // log pi_k
};

struct PosteriorRegions {
  std::int64_t dim = 0;
  std::vector<PosteriorRegion> regions;

  std::int64_t size() const { return std::ssize(regions); }
};

// kappa of a mean of unit vectors of length `mean_length` in `dim` dimensions.
double EstimateKappa(double mean_length, std::int64_t dim);

// Estimates centres, kappas and weights from sums and counts.
void Refresh(PosteriorRegions& regions);

PosteriorRegions MakePosteriorRegions(std::span<const float> z_ND, std::int64_t dim,
                                      std::span<const float> centres_KD,
                                      std::span<const std::int32_t> labels);

struct FoundRegions {
  PosteriorRegions regions;
  std::vector<std::int32_t> labels;  // [N] nearest centre by cosine
};

// Spherical k-means on at most 256 K of the points (as faiss draws them: a sample), then all points
// to their nearest centre.
FoundRegions FindPosteriorRegions(std::span<const float> z_ND, std::int64_t dim,
                                  const DiscoveryOptions& options, TaskPool& pool);

// The two regions of highest score; `second` is -1 if there is one region only.
struct PosteriorScore {
  std::int32_t first = -1;
  std::int32_t second = -1;
  double score = 0;   // s(1)
  double share = 0;   // p(1)
  double share2 = 0;  // p(2)
  double cosine = 0;  // to `first`
};
PosteriorScore ScorePosterior(const PosteriorRegions& regions, std::span<const float> z_D);
std::vector<PosteriorScore> ScoreAllPosteriors(const PosteriorRegions& regions,
                                               std::span<const float> z_ND, TaskPool& pool);

// tau of a region: sigmoid(.5 + .1 ln kappa), at least .62.
double ReleasedTau(double kappa);

// Expand never comes out: p(1) >= tau > .62 leaves p(2) <= .38, and so a margin of .24 where Expand
// asks for less than .05.
enum class ReleasedAction { kUpdate, kExpand, kAdd };
ReleasedAction DecideAsReleased(const PosteriorRegions& regions, const PosteriorScore& score);

struct ReleasedEdits {
  std::vector<ReleasedAction> actions;  // by row
  std::vector<PosteriorScore> scores;   // at the decision
  std::int64_t updated = 0;
  std::int64_t expanded = 0;
  std::int64_t added = 0;  // into the pool
  std::int64_t regions_added = 0;
  std::int64_t candidates_refused = 0;
  std::int64_t regions_merged = 0;
};

// Decides on every row against the regions as they came in, then moves them: sums, the gate of new
// regions, and a merge of the nearest two if they are within 12 degrees.
ReleasedEdits EditAsReleased(PosteriorRegions& regions, std::span<const float> z_MD,
                             std::uint64_t seed, TaskPool& pool);

// The candidates for a pool of windows: its mean direction and the first of two k-means centres.
std::vector<std::vector<float>> ProposeRegions(std::span<const float> pool_PD, std::int64_t dim,
                                               std::uint64_t seed, TaskPool& pool);

// Change of the released "BIC": (log-likelihood of the best region - D/2 ln P a region) with the
// candidates against without. They are accepted if it is above 1e4.
double ReleasedBicGain(const PosteriorRegions& regions,
                       std::span<const std::vector<float>> candidates,
                       std::span<const float> pool_PD);

}  // namespace raie
