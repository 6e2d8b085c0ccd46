#include "report/angle_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace raie {
namespace {

constexpr int kPowerIterations = 300;
constexpr int kMajorisations = 300;
constexpr int kDirections = 90;
constexpr int kRefinements = 40;

using Axis = std::vector<double>;

// Row and column means taken off -angles^2 / 2: the scalar products of classical scaling.
std::vector<double> DoubleCentred(std::span<const double> angles, std::size_t n) {
  std::vector<double> products(n * n);
  std::vector<double> means(n);
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      products[i * n + j] = -angles[i * n + j] * angles[i * n + j] / 2;
      means[i] += products[i * n + j] / static_cast<double>(n);
    }
    mean += means[i] / static_cast<double>(n);
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) products[i * n + j] += mean - means[i] - means[j];
  }
  return products;
}

double DotOf(const Axis& a, const Axis& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Makes `axis` a unit vector at right angles to `other`; false if nothing is left of it.
bool Normalise(Axis& axis, const Axis* other) {
  if (other != nullptr) {
    const double along = DotOf(axis, *other);
    for (std::size_t i = 0; i < axis.size(); ++i) axis[i] -= along * (*other)[i];
  }
  const double norm = std::sqrt(DotOf(axis, axis));
  if (norm < 1e-12) return false;
  for (double& value : axis) value /= norm;
  return true;
}

// The eigenvector of the largest eigenvalue at right angles to `other`, times its square root.
Axis LargestAxis(const std::vector<double>& products, std::size_t n, const Axis* other) {
  Axis axis(n);
  for (std::size_t i = 0; i < n; ++i) axis[i] = std::cos(1.0 + 2.0 * static_cast<double>(i));
  double value = 0;
  for (int round = 0; round < kPowerIterations; ++round) {
    if (!Normalise(axis, other)) return Axis(n, 0.0);
    Axis next(n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) next[i] += products[i * n + j] * axis[j];
    }
    value = DotOf(axis, next);
    axis = std::move(next);
  }
  if (value <= 0 || !Normalise(axis, other)) return Axis(n, 0.0);
  for (double& entry : axis) entry *= std::sqrt(value);
  return axis;
}

Axis UnitOf(Axis axis) {
  Normalise(axis, nullptr);
  return axis;
}

std::vector<MapPlace> ClassicalScaling(std::span<const double> angles, std::size_t n) {
  const std::vector<double> products = DoubleCentred(angles, n);
  const Axis x = LargestAxis(products, n, nullptr);
  const Axis unit = UnitOf(x);
  const Axis y = LargestAxis(products, n, &unit);
  std::vector<MapPlace> places(n);
  for (std::size_t i = 0; i < n; ++i) places[i] = {x[i], y[i]};
  return places;
}

// One step of SMACOF with equal weights (the Guttman transform): stress never rises.
std::vector<MapPlace> Majorise(std::span<const double> angles, const std::vector<MapPlace>& from) {
  const std::size_t n = from.size();
  std::vector<MapPlace> to(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j) continue;
      const double distance = std::max(DistanceDeg(from[i], from[j]), 1e-9);
      const double ratio = angles[i * n + j] / distance;
      to[i].x_deg += ratio * (from[i].x_deg - from[j].x_deg) / static_cast<double>(n);
      to[i].y_deg += ratio * (from[i].y_deg - from[j].y_deg) / static_cast<double>(n);
    }
  }
  return to;
}

// Turns the map so that its longest axis lies along x, and mirrors it so that the first places that
// are not on an axis lie right and up.
void Orient(std::vector<MapPlace>& places) {
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (const MapPlace& place : places) {
    xx += place.x_deg * place.x_deg;
    xy += place.x_deg * place.y_deg;
    yy += place.y_deg * place.y_deg;
  }
  const double turn = 0.5 * std::atan2(2 * xy, xx - yy);
  const double c = std::cos(turn);
  const double s = std::sin(turn);
  for (MapPlace& place : places) {
    place = {c * place.x_deg + s * place.y_deg, c * place.y_deg - s * place.x_deg};
  }
  for (const auto axis : {&MapPlace::x_deg, &MapPlace::y_deg}) {
    const auto first = std::ranges::find_if(
        places, [&](const MapPlace& place) { return std::abs(place.*axis) > 1e-6; });
    if (first == places.end() || (*first).*axis > 0) continue;
    for (MapPlace& place : places) place.*axis = -(place.*axis);
  }
}

void MeasureErrors(std::span<const double> angles, AngleMap& map) {
  const std::size_t n = map.places.size();
  double wrong = 0;
  double all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const double distance = DistanceDeg(map.places[i], map.places[j]);
      const double error = std::abs(distance - angles[i * n + j]);
      wrong += error * error;
      all += distance * distance;
      map.mean_error_deg += error;
      map.worst_error_deg = std::max(map.worst_error_deg, error);
    }
  }
  if (n > 1) map.mean_error_deg /= 0.5 * static_cast<double>(n * (n - 1));
  map.stress = all == 0 ? 0 : std::sqrt(wrong / all);
}

}  // namespace

double DistanceDeg(const MapPlace& a, const MapPlace& b) {
  const double x = a.x_deg - b.x_deg;
  const double y = a.y_deg - b.y_deg;
  return std::sqrt(x * x + y * y);
}

AngleMap PlaceByAngles(std::span<const double> angles_NN, std::int64_t count) {
  AngleMap map;
  map.places = ClassicalScaling(angles_NN, static_cast<std::size_t>(count));
  for (int step = 0; step < kMajorisations; ++step) map.places = Majorise(angles_NN, map.places);
  Orient(map.places);
  MeasureErrors(angles_NN, map);
  return map;
}

MapPlace PlaceAround(std::span<const MapPlace> places_N, const AnchoredPoint& point) {
  const MapPlace anchor = places_N[point.anchor];
  const double radius = point.angles_N[point.anchor];
  const auto at = [&](double direction) {
    return MapPlace{anchor.x_deg + radius * std::cos(direction),
                    anchor.y_deg + radius * std::sin(direction)};
  };
  const auto misfit = [&](double direction) {
    const MapPlace place = at(direction);
    double sum = 0;
    for (std::size_t j = 0; j < places_N.size(); ++j) {
      if (j == point.anchor) continue;
      const double error =
          (DistanceDeg(place, places_N[j]) - point.angles_N[j]) / std::max(point.angles_N[j], 1.0);
      sum += (error < 0 ? kTooNear : 1) * error * error;
    }
    return sum;
  };
  constexpr double kStep = 2 * std::numbers::pi / kDirections;
  // The golden angle: points without a preference spread evenly.
  const double start = std::fmod(static_cast<double>(point.tie) * 2.399963229728653, kStep) +
                       static_cast<double>(point.tie % kDirections) * kStep;
  double best = start;
  double least = misfit(start);
  for (int i = 1; i < kDirections; ++i) {
    const double direction = start + i * kStep;
    const double value = misfit(direction);
    if (value >= least) continue;
    least = value;
    best = direction;
  }
  double low = best - kStep;
  double high = best + kStep;
  for (int i = 0; i < kRefinements; ++i) {
    const double third = (high - low) / 3;
    misfit(low + third) <= misfit(high - third) ? high -= third : low += third;
  }
  const double refined = (low + high) / 2;
  return at(misfit(refined) < least ? refined : best);
}

}  // namespace raie
