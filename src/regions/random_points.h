// Random unit vectors for the tests of this folder.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"

namespace raie::testing {

inline std::vector<float> Normalised(std::vector<double> x) {
  double square = 0;
  for (const double v : x) square += v * v;
  std::vector<float> unit;
  for (const double v : x) unit.push_back(static_cast<float>(v / std::sqrt(square)));
  return unit;
}

// Returns a unit vector near `centre`: normalise(centre + spread * N(0, 1)); spread in every
// dimension.
inline std::vector<float> Near(std::span<const float> centre, double spread, RandomStream& random) {
  std::vector<double> x;
  for (const float c : centre) x.push_back(c + spread * random.Normal());
  return Normalised(std::move(x));
}

inline std::vector<float> RandomUnit(std::int64_t dim, RandomStream& random) {
  return Near(std::vector<float>(dim, 0.0F), 1.0, random);
}

// Returns `count` rows around each of `clusters` random centres, cluster by cluster.
inline std::vector<float> RandomClusters(std::int64_t clusters, std::int64_t count,
                                         std::int64_t dim, double spread, RandomStream& random) {
  std::vector<float> z;
  for (std::int64_t c = 0; c < clusters; ++c) {
    const std::vector<float> centre = RandomUnit(dim, random);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::vector<float> row = Near(centre, spread, random);
      z.insert(z.end(), row.begin(), row.end());
    }
  }
  return z;
}

// A unit vector of the plane at this angle.
inline std::vector<float> AtAngle(double rad) {
  return {static_cast<float>(std::cos(rad)), static_cast<float>(std::sin(rad))};
}

}  // namespace raie::testing
