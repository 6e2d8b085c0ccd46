// What can be chosen about the popularity prior?
//
// Concept: off, or chosen for each method on the validation part of the slice, from all pairs of
// the
//          weights and half-lives listed here and weight 0, which is always among them: a prior
//          that does not help there is not used.
// Source:  ours (O), METHOD section 4 ("Option popularity_prior").
// Units:   half-lives as shares of the time the slice lasts before its validation part, so that one
//          list suits a shop's quarter and a film site's decade.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/options.h"

namespace raie {

enum class PriorUse { kOff, kOn };
inline std::span<const char* const> EnumNames(PriorUse) {
  static constexpr const char* kNames[] = {"off", "on"};
  return kNames;
}

struct PriorOptions {
  PriorUse use = PriorUse::kOff;
  std::vector<double> weights = {0.1, 0.2, 0.4, 0.8, 1.6, 3.2};
  std::vector<double> half_lives = {0.02, 0.05, 0.15, 0.5, 1.5};

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.use, Field{.name = "use",
                          .help = "on: scores get w log(1 + c), c the fading count of the item's "
                                  "events up to the end of the slice; w and the half-life are "
                                  "chosen on validation, w = 0 always among the candidates",
                          .paper = "off"});
    visit(self.weights,
          Field{.name = "weights",
                .help = "candidates of w besides 0; a tie goes to 0, then to what is listed first",
                .minimum = 1e-3,
                .maximum = 100});
    visit(self.half_lives, Field{.name = "half_lives",
                                 .help = "candidates of the half-life of an event's count",
                                 .unit = "shares of the slice's span before its validation part",
                                 .minimum = 1e-4,
                                 .maximum = 1000});
  }
};

}  // namespace raie
