// What is SASRec: a causal transformer over the sequence of items?
//
// Concept: x = item row + position row; blocks of causal self-attention and a feed-forward net,
//          each with dropout, residual and LayerNorm; a final LayerNorm. The output vector is
//          multiplied with the item rows (tied, no bias).
// Source:  Kang & McAuley 2018 (`original`: pre-norm, ReLU, FFN width D, item rows scaled by
//          sqrt(D)); the RAIE authors' code (`released`: post-norm, GELU, FFN width 4D), the
//          default. Deviation from Kang & McAuley's code, which normalises queries only: pre-norm
//          normalises what queries, keys and values are made of, as their paper says.
// Shapes:  see item_transformer.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "backbones/item_transformer.h"

namespace raie {

struct SasrecOptions : TransformerOptions {
  InputScale input_scale = InputScale::kOne;

  static void VisitFields(auto& self, auto&& visit) {
    TransformerOptions::VisitFields(self, visit);
    visit(self.input_scale,
          Field{.name = "input_scale", .help = "factor on item rows at the input: one, sqrt_dim"});
  }
};

// Returns the options of a published variant, "released" or "original"; see above.
SasrecOptions SasrecPreset(std::string_view name);

// Returns a SASRec with parameters drawn from `seed`.
std::unique_ptr<Backbone> MakeSasrec(const SasrecOptions& options, std::uint64_t seed);

}  // namespace raie
