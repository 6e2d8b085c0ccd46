// How are directions on a sphere of many dimensions drawn on a page so that angles keep their
// meaning?
//
// Concept: one degree of angle is one unit of length everywhere on the map. Centres are placed by
//          scaling of their mutual angles: classical scaling for a start, then SMACOF (stress
//          majorisation), which no longer shrinks what two dimensions cannot hold. Any other point
//          is placed around one anchor: its distance to the anchor is its angle to it, exactly; its
//          direction is the one that fits its angles to all other centres best, where being drawn
//          too near to a centre (as if it belonged there) counts kTooNear times as much as too far.
// Source:  docs/decisions/014-report.md; Torgerson 1952; de Leeuw 1977; Kruskal 1964 (stress-1).
// Units:   degrees.
// Threads: pure functions; the same input gives the same bytes.
// Cost:    O(N^2) an iteration, 300 of them; a point O(90 N).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace raie {

struct MapPlace {
  double x_deg = 0;
  double y_deg = 0;
};

double DistanceDeg(const MapPlace& a, const MapPlace& b);

struct AngleMap {
  std::vector<MapPlace> places;
  double stress = 0;          // Kruskal's stress-1: 0 is exact
  double mean_error_deg = 0;  // of the angle of a pair
  double worst_error_deg = 0;
};

// Places points whose mutual angles are angles_NN [N, N], row-major, symmetric, 0 on the diagonal.
// The longest axis lies along x.
AngleMap PlaceByAngles(std::span<const double> angles_NN, std::int64_t count);

inline constexpr double kTooNear = 10;

struct AnchoredPoint {
  std::size_t anchor = 0;
  std::span<const double> angles_N;  // to every centre
  std::int64_t tie = 0;              // which of equally good directions is taken
};

// Semantics: |p - places[anchor]| = angles[anchor]; the direction minimises
//            sum_j w_j (|p - places[j]| - angles[j])^2 / max(angles[j], 1)^2 over j != anchor,
//            w_j = kTooNear where |p - places[j]| < angles[j], else 1.
MapPlace PlaceAround(std::span<const MapPlace> places_N, const AnchoredPoint& point);

}  // namespace raie
