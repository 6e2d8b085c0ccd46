// What is TiSASRec: a causal transformer that knows how long ago each item was?
//
// Concept: SASRec whose input carries no positions; instead the keys and values of its attention
//          get a row for the position of the key and a row for the time interval between query and
//          key, in the user's own measure (time_intervals.h). The four tables are shared by all
//          blocks and heads, and trained with the model; adapters leave them as they are.
// Source:  Li et al. 2020. `norm`, `activation`, `ffn_width` and `input_scale` choose their blocks
//          (pre-norm, ReLU, width D, sqrt(D)) or SASRec's default ones. Deviations: the scale of
//          intervals reads no later events (time_intervals.h); no dropout on the rows of positions
//          and intervals, which would need a mask [L, L, D] a sequence (attention weights are
//          dropped, so a pair's row goes with its weight); see also sasrec.h.
// Shapes:  see item_transformer.h; tables [L, D] of positions and [max_interval + 1, D] of
//          intervals.
// Errors:  Forward refuses a tile without times, or with times that decrease (kInvalidArgument).
#pragma once

#include <cstdint>
#include <memory>

#include "backbones/sasrec.h"

namespace raie {

struct TisasrecOptions : SasrecOptions {
  std::int64_t max_interval = 256;

  static void VisitFields(auto& self, auto&& visit) {
    SasrecOptions::VisitFields(self, visit);
    visit(self.max_interval,
          Field{.name = "max_interval",
                .help = "longer intervals count as this one; a table row for each",
                .unit = "times the user's shortest interval",
                .minimum = 1,
                .maximum = 65535,
                .paper = "1 to 2048, by data set"});
  }
};

// Returns a TiSASRec with parameters drawn from `seed`.
std::unique_ptr<Backbone> MakeTisasrec(const TisasrecOptions& options, std::uint64_t seed);

}  // namespace raie
