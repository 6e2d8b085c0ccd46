#include "regions/posterior.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <utility>

#include "base/random.h"
#include "raie/error.h"
#include "regions/nearest.h"
#include "regions/sphere.h"

namespace raie {
namespace {

// The published values, by their names there.
constexpr double kPriorCount = 5;               // n0
constexpr double kSharpness = 8;                // beta_post
constexpr double kKappaShare = 0.2;             // kappa_ema
constexpr double kMinMargin = 0.05;             // delta_min
constexpr double kNewScore = -1;                // lam_new
constexpr double kExpandShare = 0.25;           // of a member, for Expand
constexpr std::int64_t kPoolSize = 200;         // pool_min
constexpr double kMinBicGain = 1e4;             // bic_gain
constexpr double kNewWeight = 0.1;              // eps
constexpr double kMergeDegrees = 12;            // angle_thr
constexpr double kSmallestWeight = 1e-8;        // of pi inside the logarithm
constexpr std::int64_t kPointsPerRegion = 256;  // faiss: max_points_per_centroid
constexpr std::int64_t kPoolForTwo = 50;
constexpr std::uint64_t kSampleStream = 0x706f73;

std::span<const float> RowOf(std::span<const float> z_ND, std::int64_t row, std::int64_t dim) {
  return z_ND.subspan(row * dim, dim);
}

void AddTo(std::vector<double>& sum, std::span<const float> z_D, double weight) {
  for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += weight * static_cast<double>(z_D[d]);
}

double LogWeight(double weight) { return std::log(std::max(weight, kSmallestWeight)); }

std::vector<float> MeanDirection(std::span<const float> z_ND, std::int64_t dim) {
  std::vector<double> sum(dim);
  for (std::int64_t i = 0; i < std::ssize(z_ND) / dim; ++i) AddTo(sum, RowOf(z_ND, i, dim), 1);
  double squares = 0;
  for (const double value : sum) squares += value * value;
  const double scale = 1 / (std::sqrt(squares) + 1e-12);
  std::vector<float> direction;
  for (const double value : sum) direction.push_back(static_cast<float>(scale * value));
  return direction;
}

void AppendRegion(PosteriorRegions& regions, std::vector<float> centre) {
  PosteriorRegion region;
  region.sum.assign(centre.begin(), centre.end());
  region.count = 1;
  region.prior_centre = std::move(centre);
  regions.regions.push_back(std::move(region));
}

// The published limit of 0 pairs is tested after a merge, so one pair is merged.
std::int64_t MergeNearestPair(PosteriorRegions& regions) {
  auto& list = regions.regions;
  double nearest = kMergeDegrees / 180 * std::numbers::pi;
  std::size_t a = 0;
  std::size_t b = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (std::size_t j = i + 1; j < list.size(); ++j) {
      const double angle = AngleRad(list[i].centre, list[j].centre);
      if (angle >= nearest) continue;
      nearest = angle;
      a = i;
      b = j;
    }
  }
  if (b == 0) return 0;
  for (std::size_t d = 0; d < list[a].sum.size(); ++d) list[a].sum[d] += list[b].sum[d];
  list[a].count += list[b].count;
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(b));
  return 1;
}

}  // namespace

double EstimateKappa(double mean_length, std::int64_t dim) {
  const double square = mean_length * mean_length;
  const double kappa =
      mean_length * (static_cast<double>(dim) - square) / std::max(1 - square, 1e-6);
  return std::clamp(kappa, 1.0, 1e6);
}

void Refresh(PosteriorRegions& regions) {
  double total = 0;
  for (const PosteriorRegion& region : regions.regions) total += region.count + kPriorCount;
  for (PosteriorRegion& region : regions.regions) {
    std::vector<double> pulled = region.sum;
    AddTo(pulled, region.prior_centre, kPriorCount);
    double squares = 0;
    for (const double value : pulled) squares += value * value;
    const double length = std::sqrt(squares);
    const double count = region.count + kPriorCount;
    region.centre.clear();
    for (const double value : pulled) {
      region.centre.push_back(static_cast<float>(value / (length + 1e-12)));
    }
    const double kappa = EstimateKappa(length / count, regions.dim);
    region.kappa =
        region.kappa == 0 ? kappa : (1 - kKappaShare) * region.kappa + kKappaShare * kappa;
    region.log_weight = LogWeight(count / total);
  }
}

PosteriorRegions MakePosteriorRegions(std::span<const float> z_ND, std::int64_t dim,
                                      std::span<const float> centres_KD,
                                      std::span<const std::int32_t> labels) {
  PosteriorRegions regions;
  regions.dim = dim;
  for (std::int64_t k = 0; k < std::ssize(centres_KD) / dim; ++k) {
    const auto centre = RowOf(centres_KD, k, dim);
    PosteriorRegion region;
    region.sum.resize(dim);
    region.prior_centre.assign(centre.begin(), centre.end());
    regions.regions.push_back(std::move(region));
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    PosteriorRegion& region = regions.regions[labels[i]];
    AddTo(region.sum, RowOf(z_ND, static_cast<std::int64_t>(i), dim), 1);
    region.count += 1;
  }
  Refresh(regions);
  return regions;
}

FoundRegions FindPosteriorRegions(std::span<const float> z_ND, std::int64_t dim,
                                  const DiscoveryOptions& options, TaskPool& pool) {
  if (options.k < 2) {
    throw Error(ErrorCode::kInvalidArgument,
                "as-released: regions.k = " + std::to_string(options.k) +
                    ", and the published code stops with fewer than two regions; set regions.k to "
                    "2 or more");
  }
  const std::int64_t points = std::ssize(z_ND) / dim;
  const std::int64_t wanted = std::min(points, kPointsPerRegion * options.k);
  RandomStream random(options.seed, kSampleStream);
  std::vector<std::int64_t> drawn = SampleWithoutReplacement(points, wanted, random);
  std::ranges::sort(drawn);
  std::vector<float> sample;
  for (const std::int64_t i : drawn) {
    const auto z_D = RowOf(z_ND, i, dim);
    sample.insert(sample.end(), z_D.begin(), z_D.end());
  }
  const KMeansResult clusters = SphericalKMeans(sample, dim, options, pool);
  FoundRegions found;
  found.labels.resize(points);
  std::vector<float> cosines(points);
  FindNearest(z_ND, clusters.centres_KD, dim, pool, found.labels, cosines);
  found.regions = MakePosteriorRegions(z_ND, dim, clusters.centres_KD, found.labels);
  return found;
}

PosteriorScore ScorePosterior(const PosteriorRegions& regions, std::span<const float> z_D) {
  PosteriorScore result;
  double second = -std::numeric_limits<double>::infinity();
  result.score = second;
  std::vector<double> scores;
  std::vector<double> cosines;
  for (const PosteriorRegion& region : regions.regions) {
    cosines.push_back(Dot(region.centre, z_D));
    scores.push_back(region.log_weight + region.kappa * cosines.back());
    const auto k = static_cast<std::int32_t>(std::ssize(scores) - 1);
    if (scores.back() > result.score) {
      result.second = result.first;
      second = result.score;
      result.first = k;
      result.score = scores.back();
    } else if (scores.back() > second) {
      result.second = k;
      second = scores.back();
    }
  }
  double total = 0;
  for (const double score : scores) total += std::exp(kSharpness * (score - result.score));
  result.share = 1 / total;
  result.share2 = result.second < 0 ? 0 : std::exp(kSharpness * (second - result.score)) / total;
  result.cosine = cosines[result.first];
  return result;
}

std::vector<PosteriorScore> ScoreAllPosteriors(const PosteriorRegions& regions,
                                               std::span<const float> z_ND, TaskPool& pool) {
  std::vector<PosteriorScore> scores(z_ND.size() / regions.dim);
  pool.ForEach(std::ssize(scores), [&](std::int64_t row, int) {
    scores[row] = ScorePosterior(regions, RowOf(z_ND, row, regions.dim));
  });
  return scores;
}

double ReleasedTau(double kappa) { return 1 / (1 + std::exp(-(0.5 + 0.1 * std::log(kappa)))); }

ReleasedAction DecideAsReleased(const PosteriorRegions& regions, const PosteriorScore& score) {
  const double tau = ReleasedTau(regions.regions[score.first].kappa);
  if (score.score < kNewScore && score.share < 0.7 * tau) return ReleasedAction::kAdd;
  if (score.share < tau) return ReleasedAction::kAdd;
  return score.share - score.share2 >= kMinMargin ? ReleasedAction::kUpdate
                                                  : ReleasedAction::kExpand;
}

std::vector<std::vector<float>> ProposeRegions(std::span<const float> pool_PD, std::int64_t dim,
                                               std::uint64_t seed, TaskPool& pool) {
  std::vector<std::vector<float>> candidates = {MeanDirection(pool_PD, dim)};
  if (std::ssize(pool_PD) / dim < kPoolForTwo) return candidates;
  KMeansOptions two;
  two.k = 2;
  two.restarts = 2;
  two.max_iterations = 20;
  two.seed = seed;
  const auto centres = SphericalKMeans(pool_PD, dim, two, pool).centres_KD;
  candidates.emplace_back(centres.begin(), centres.begin() + dim);
  return candidates;
}

double ReleasedBicGain(const PosteriorRegions& regions,
                       std::span<const std::vector<float>> candidates,
                       std::span<const float> pool_PD) {
  const std::int64_t dim = regions.dim;
  const std::int64_t rows = std::ssize(pool_PD) / dim;
  std::vector<double> kappas;
  std::vector<double> weights;
  double total_weight = 0;
  for (const std::vector<float>& candidate : candidates) {
    double mean = 0;
    for (std::int64_t i = 0; i < rows; ++i) mean += Dot(candidate, RowOf(pool_PD, i, dim));
    mean /= static_cast<double>(rows);
    kappas.push_back(EstimateKappa(mean, dim));
    weights.push_back(std::max(kappas.back() * mean, 1e-6));
    total_weight += weights.back();
  }
  double gain = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto z_D = RowOf(pool_PD, i, dim);
    const double old_best = ScorePosterior(regions, z_D).score;
    double best = old_best + std::log(1 - kNewWeight);
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      best = std::max(best, LogWeight(kNewWeight * weights[c] / total_weight) +
                                kappas[c] * Dot(candidates[c], z_D));
    }
    gain += best - old_best;
  }
  return gain - 0.5 * static_cast<double>(std::ssize(candidates) * dim) *
                    std::log(static_cast<double>(rows));
}

ReleasedEdits EditAsReleased(PosteriorRegions& regions, std::span<const float> z_MD,
                             std::uint64_t seed, TaskPool& pool) {
  const std::int64_t dim = regions.dim;
  ReleasedEdits edits;
  edits.scores = ScoreAllPosteriors(regions, z_MD, pool);
  std::vector<float> waiting_PD;
  for (std::size_t i = 0; i < edits.scores.size(); ++i) {
    const PosteriorScore& score = edits.scores[i];
    edits.actions.push_back(DecideAsReleased(regions, score));
    const auto z_D = RowOf(z_MD, static_cast<std::int64_t>(i), dim);
    if (edits.actions.back() == ReleasedAction::kAdd) {
      ++edits.added;
      waiting_PD.insert(waiting_PD.end(), z_D.begin(), z_D.end());
      continue;
    }
    const bool update = edits.actions.back() == ReleasedAction::kUpdate;
    ++(update ? edits.updated : edits.expanded);
    PosteriorRegion& region = regions.regions[score.first];
    AddTo(region.sum, z_D, update ? 1 : kExpandShare);
    region.count += update ? 1 : kExpandShare;
  }
  Refresh(regions);
  if (edits.added >= kPoolSize) {
    const auto candidates = ProposeRegions(waiting_PD, dim, seed, pool);
    const std::int64_t count = std::ssize(candidates);
    if (ReleasedBicGain(regions, candidates, waiting_PD) > kMinBicGain) {
      for (const std::vector<float>& candidate : candidates) AppendRegion(regions, candidate);
      Refresh(regions);
      edits.regions_added = count;
    } else {
      edits.candidates_refused = count;
    }
  }
  if (regions.size() > 1) {
    edits.regions_merged = MergeNearestPair(regions);
    Refresh(regions);
  }
  return edits;
}

}  // namespace raie
