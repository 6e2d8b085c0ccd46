// What can be chosen about each method RAIE is compared with?
//
// Concept: the knobs of METHOD section 5, one struct a method, so that they can be tuned and swept
//          by name (replay.weight, lwf.weight, lsat.long_share, ...). What holds for every method
//          alike is in adapt_options.h.
// Source:  METHOD section 5; defaults are its values.
#pragma once

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

}  // namespace raie
