#include "regions/discovery.h"

#include <algorithm>

#include "base/statistics.h"
#include "regions/sphere.h"

namespace raie {

Discovery DiscoverRegions(std::span<const float> z_ND, std::int64_t dim,
                          const DiscoveryOptions& options, TaskPool& pool) {
  DiscoveryOptions copy = options;
  CheckRanges(FieldsOf(copy), "region discovery");
  Discovery found;
  found.clustering = SphericalKMeans(z_ND, dim, options, pool);
  const KMeansResult& clusters = found.clustering;
  RegionSet& set = found.regions;
  set.dim = dim;
  set.starting_count = options.k;
  set.next_id = static_cast<std::int32_t>(options.k);
  set.quantile = options.quantile;
  std::vector<std::vector<double>> angles(options.k);
  for (std::int64_t k = 0; k < options.k; ++k) angles[k].reserve(clusters.counts[k]);
  for (std::size_t i = 0; i < clusters.labels.size(); ++i) {
    const std::int32_t k = clusters.labels[i];
    const auto centre = std::span(clusters.centres_KD).subspan(k * dim, dim);
    angles[k].push_back(AngleRad(centre, z_ND.subspan(i * dim, dim)));
  }
  for (std::int64_t k = 0; k < options.k; ++k) {
    Region region;
    region.id = RegionId{static_cast<std::int32_t>(k)};
    const auto centre = std::span(clusters.centres_KD).subspan(k * dim, dim);
    region.centre.assign(centre.begin(), centre.end());
    region.resultant_length = clusters.resultant_lengths[k];
    region.radius_rad = Quantile(angles[k], options.quantile);
    region.initial_radius_rad = region.radius_rad;
    region.num_members = clusters.counts[k];
    set.regions.push_back(std::move(region));
  }
  return found;
}

}  // namespace raie
