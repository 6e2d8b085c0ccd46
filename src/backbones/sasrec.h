// What is SASRec: a causal transformer over the sequence of items?
//
// Concept: x = item row + position row; blocks of causal self-attention and a feed-forward net,
//          each with dropout, residual and LayerNorm; a final LayerNorm. The output vector is
//          multiplied with the item rows (tied, no bias).
// Source:  Kang & McAuley 2018 (`original`: pre-norm, ReLU, FFN width D, item rows scaled by
//          sqrt(D)); the RAIE authors' code (`released`: post-norm, GELU, FFN width 4D), the
//          default. Deviation from Kang & McAuley's code, which normalises queries only: pre-norm
//          normalises what queries, keys and values are made of, as their paper says; `norm =
//          query` is their code's. The options after `input_scale` are what the SASRec and BERT4Rec
//          of other libraries do otherwise (docs/decisions/008); defaults leave the model as it is.
// Shapes:  see item_transformer.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "backbones/item_transformer.h"

namespace raie {

struct SasrecOptions : TransformerOptions {
  InputScale input_scale = InputScale::kOne;
  PositionOrder position_order = PositionOrder::kFromEnd;
  Padding padding = Padding::kUnseen;
  bool embedding_norm = false;
  bool final_norm = true;
  double final_norm_epsilon = 0;
  OutputLayer output_layer = OutputLayer::kNone;
  bool item_bias = false;

  static void VisitFields(auto& self, auto&& visit) {
    TransformerOptions::VisitFields(self, visit);
    visit(self.input_scale,
          Field{.name = "input_scale", .help = "factor on item rows at the input: one, sqrt_dim"});
    visit(self.position_order,
          Field{.name = "position_order",
                .help = "which position row a token reads: counted so that the last token has the "
                        "last row, or that the first has row 0"});
    visit(self.padding, Field{.name = "padding",
                              .help = "what attention sees before a sequence shorter than context: "
                                      "nothing, or a zero row for each place"});
    visit(self.embedding_norm,
          Field{.name = "embedding_norm", .help = "LayerNorm of the input of the first block"});
    visit(self.final_norm, Field{.name = "final_norm", .help = "LayerNorm after the last block"});
    visit(self.final_norm_epsilon, Field{.name = "final_norm_epsilon",
                                         .help = "added to its variance; 0: layer_norm_epsilon",
                                         .minimum = 0,
                                         .maximum = 1e-2});
    visit(self.output_layer,
          Field{.name = "output_layer",
                .help = "between the last block and the item rows: none, dense (a linear map, GELU "
                        "and LayerNorm)"});
    visit(self.item_bias, Field{.name = "item_bias",
                                .help = "each item has a bias, added to its score; item rows are "
                                        "one number longer"});
  }
};

// Returns what these options say of the model around the blocks.
ItemTransformerShape ShapeFrom(const SasrecOptions& options);

// Returns the options of a published variant, "released" or "original"; see above.
SasrecOptions SasrecPreset(std::string_view name);

// Returns a SASRec with parameters drawn from `seed`.
std::unique_ptr<Backbone> MakeSasrec(const SasrecOptions& options, std::uint64_t seed);

}  // namespace raie
