// What can be chosen about each method RAIE is compared with?
//
// Concept: the knobs of METHOD section 5, one struct a method, so that they can be tuned and swept
//          by name (replay.weight, lwf.weight, lsat.long_share, ...). What holds for every method
//          alike is in adapt_options.h.
// Source:  METHOD section 5; defaults are its values.
#pragma once

#include <cstdint>

#include "adapters/adapter.h"
#include "base/options.h"

namespace raie {

struct ReplayOptions {
  double weight = 0.3;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.weight, Field{.name = "weight",
                             .help = "w of lora_replay: loss = (1 - w) of the slice's rows + w of "
                                     "the memory's; more keeps the old taste",
                             .minimum = 0,
                             .maximum = 1});
  }
};

struct LwfOptions {
  double weight = 0.5;
  double temperature = 2;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.weight, Field{.name = "weight",
                             .help = "of T^2 KL(teacher, student) in lora_lwf; more keeps the old "
                                     "taste",
                             .minimum = 0,
                             .maximum = 1e3});
    visit(self.temperature, Field{.name = "temperature",
                                  .help = "T that softens both distributions of lora_lwf",
                                  .minimum = 0.1,
                                  .maximum = 100});
  }
};

struct LsatOptions {
  double long_share = 0.6;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.long_share, Field{.name = "long_share",
                                 .help = "share of the long-term adapter's log-probabilities in "
                                         "lsat; more keeps the old taste",
                                 .minimum = 0,
                                 .maximum = 1});
  }
};

struct MoleOptions {
  MixtureOptions mixture;
  double balance = 0.01;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.mixture, Field{.name = "mixture", .help = ""});
    visit(self.balance, Field{.name = "balance",
                              .help = "weight of KL(uniform, mean gate) in mole",
                              .minimum = 0,
                              .maximum = 1e3});
  }
};

struct RecentPopularityOptions {
  std::int64_t days = 0;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.days, Field{.name = "days",
                           .help = "length of the window recent_popularity counts; 0: chosen on "
                                   "validation",
                           .unit = "days",
                           .minimum = 0,
                           .maximum = 36500});
  }
};

}  // namespace raie
