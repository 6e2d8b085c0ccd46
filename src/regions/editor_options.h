// What can be chosen about editing regions, and what do the paper and this project choose?
//
// Concept: one struct with two presets. `paper` follows the paper's text (reconstructed equations 4
//          to 6); `raie`, the default, replaces the rules that shrink the radius without drift and
//          that forget all but the last few users.
// Source:  METHOD section 4. Symbols: tau, delta, eps, a, b, eta, q, r_max, N_min.
// Units:   radii and angles in radians.
#pragma once

#include <cstdint>
#include <span>

#include "base/options.h"
#include "regions/router.h"

namespace raie {

enum class EditorPreset { kRaie, kPaper };
inline std::span<const char* const> EnumNames(EditorPreset) {
  static constexpr const char* kNames[] = {"raie", "paper"};
  return kNames;
}

enum class AddRule {
  kDefault,  // c(1) < tau
  kRadius,   // angle to the nearest centre > (1 + eps) r; tau is not read
};
inline std::span<const char* const> EnumNames(AddRule) {
  static constexpr const char* kNames[] = {"default", "radius"};
  return kNames;
}

enum class RadiusRule {
  kEma,       // r <- (1 - b) r + b theta: tends to the mean angle
  kQuantile,  // r <- r + b r(0) (q - [theta <= r]): tends to the q-quantile
  kFixed,     // Update leaves r; Expand still moves it
};
inline std::span<const char* const> EnumNames(RadiusRule) {
  static constexpr const char* kNames[] = {"ema", "quantile", "fixed"};
  return kNames;
}

enum class CentreRule {
  kEma,   // mu <- normalise((1 - a) mu + a z)
  kMean,  // a = 1 / (l + 1): the spherical mean of all members and edits
};
inline std::span<const char* const> EnumNames(CentreRule) {
  static constexpr const char* kNames[] = {"ema", "mean"};
  return kNames;
}

enum class AcceptRule {
  kAll,
  kChecked,  // enough users, and enough members near the candidate's centre
};
inline std::span<const char* const> EnumNames(AcceptRule) {
  static constexpr const char* kNames[] = {"all", "checked"};
  return kNames;
}

struct EditorOptions {
  ConfidenceKind confidence = ConfidenceKind::kCosine;
  double temperature = 0.05;
  double tau_quantile = 0.01;
  double delta_quantile = 0.10;
  AddRule add_rule = AddRule::kDefault;
  double eps = 0.1;
  CentreRule centre = CentreRule::kMean;
  double a = 0.05;
  RadiusRule radius = RadiusRule::kQuantile;
  double b = 0.05;
  double eta = 0.1;
  double r_max_factor = 1.5;
  std::int64_t add_min_windows = 100;
  double add_min_share = 0.01;
  std::int64_t add_clusters = 1;
  AcceptRule accept = AcceptRule::kChecked;
  std::int64_t accept_min_users = 10;
  double accept_min_share = 0.5;
  double max_regions_factor = 2;
  std::uint64_t seed = 0;  // of the clustering of the Add buffer; comes from the run's seed

  static EditorOptions Preset(EditorPreset preset);

  // Throws one error listing every field outside its range.
  void Validate() const;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.confidence, Field{.name = "confidence",
                                 .help = "confidence of a region: its cosine, or a softmax of all "
                                         "cosines over `temperature`",
                                 .paper = "not stated"});
    visit(self.temperature, Field{.name = "temperature",
                                  .help = "T of the softmax confidence",
                                  .minimum = 1e-4,
                                  .maximum = 100});
    visit(self.tau_quantile, Field{.name = "tau_quantile",
                                   .help = "tau is this quantile of the best confidence of the S "
                                           "held-out windows",
                                   .minimum = 0,
                                   .maximum = 1});
    visit(self.delta_quantile, Field{.name = "delta_quantile",
                                     .help = "delta is this quantile of their margin",
                                     .minimum = 0,
                                     .maximum = 1});
    visit(self.add_rule, Field{.name = "add_rule",
                               .help = "what makes a window an Add: confidence below tau "
                                       "(default), or an angle above (1 + eps) radius",
                               .paper = "default"});
    visit(self.eps, Field{.name = "eps",
                          .help = "tolerance of add_rule = radius, as a share of the radius",
                          .minimum = 0,
                          .maximum = 10});
    visit(self.centre, Field{.name = "centre",
                             .help = "how an edit moves the centre: a step of constant size a "
                                     "(ema), or the mean of all windows so far (mean)",
                             .paper = "ema"});
    visit(self.a, Field{.name = "a",
                        .help = "step of centre = ema; .05 remembers 39 windows",
                        .minimum = 0,
                        .maximum = 1,
                        .paper = "not stated"});
    visit(self.radius, Field{.name = "radius",
                             .help = "how Update moves the radius: towards the mean angle (ema), "
                                     "towards the q-quantile (quantile), not at all (fixed)",
                             .paper = "ema"});
    visit(self.b, Field{.name = "b",
                        .help = "step of the radius in Update",
                        .minimum = 0,
                        .maximum = 1,
                        .paper = "not stated"});
    visit(self.eta, Field{.name = "eta",
                          .help = "step of the radius in Expand, as a share of what it lacks",
                          .minimum = 0,
                          .maximum = 1,
                          .paper = "not stated"});
    visit(self.r_max_factor, Field{.name = "r_max_factor",
                                   .help = "r_max of a region = this times its first radius",
                                   .minimum = 1,
                                   .maximum = 100,
                                   .paper = "a cap, value not stated"});
    visit(self.add_min_windows, Field{.name = "add_min_windows",
                                      .help = "N_min, the size of the Add buffer, is at least this",
                                      .unit = "windows",
                                      .minimum = 1,
                                      .maximum = 1e9});
    visit(self.add_min_share, Field{.name = "add_min_share",
                                    .help = "... and at least this share of the slice's windows",
                                    .minimum = 0,
                                    .maximum = 1});
    visit(self.add_clusters, Field{.name = "add_clusters",
                                   .help = "candidate regions a full Add buffer is clustered into "
                                           "(1: its spherical mean)",
                                   .minimum = 1,
                                   .maximum = 1000});
    visit(self.accept, Field{.name = "accept",
                             .help = "which candidates become regions: all, or those that pass the "
                                     "two checks below",
                             .paper = "all"});
    visit(self.accept_min_users, Field{.name = "accept_min_users",
                                       .help = "least number of users of a candidate",
                                       .unit = "users",
                                       .minimum = 1,
                                       .maximum = 1e9});
    visit(self.accept_min_share,
          Field{.name = "accept_min_share",
                .help = "least share of its members whose cosine to it reaches the 1 % quantile of "
                        "the best cosine of the S held-out windows",
                .minimum = 0,
                .maximum = 1});
    visit(self.max_regions_factor, Field{.name = "max_regions_factor",
                                         .help = "at most this times the starting K regions",
                                         .minimum = 1,
                                         .maximum = 1000});
  }
};

Confidence ConfidenceOf(const EditorOptions& options);

}  // namespace raie
