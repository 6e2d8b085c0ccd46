// What is SASRec: a causal transformer over the sequence of items?
//
// Concept: x = item row + position row; blocks of causal self-attention and a feed-forward net,
// each
//          with dropout, residual and LayerNorm; a final LayerNorm. The output vector is multiplied
//          with the item rows (tied, no bias). Explicit Forward and Backward; in the last block
//          only the requested positions are computed (all tokens give keys and values there).
// Source:  Kang & McAuley 2018 (`original`: pre-norm, ReLU, FFN width D, item rows scaled by
//          sqrt(D)); the RAIE authors' code (`released`: post-norm, GELU, FFN width 4D), the
//          default. Deviation from Kang & McAuley's code, which normalises queries only: pre-norm
//          normalises what queries, keys and values are made of, as their paper says.
// Shapes:  see backbone.h. Position p of a sequence of n items reads position row
//          max_length - n + p.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "backbones/backbone.h"
#include "backbones/transformer.h"
#include "base/options.h"

namespace raie {

enum class InputScale { kOne, kSqrtDim };

inline std::span<const char* const> EnumNames(InputScale) {
  static constexpr const char* kNames[] = {"one", "sqrt_dim"};
  return kNames;
}

struct SasrecOptions {
  std::int64_t dim = 128;
  std::int64_t blocks = 2;
  std::int64_t heads = 2;
  std::int64_t context = 50;
  double dropout = 0.2;
  NormPlace norm = NormPlace::kPost;
  Activation activation = Activation::kGelu;
  std::int64_t ffn_width = 0;
  InputScale input_scale = InputScale::kOne;
  double layer_norm_epsilon = 1e-6;
  double init_std = 0.02;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.dim, Field{.name = "dim",
                          .help = "width of item rows and hidden states",
                          .minimum = 1,
                          .maximum = 4096,
                          .paper = "128"});
    visit(self.blocks, Field{.name = "blocks",
                             .help = "transformer blocks",
                             .minimum = 1,
                             .maximum = 64,
                             .paper = "2"});
    visit(self.heads, Field{.name = "heads",
                            .help = "attention heads; divides dim",
                            .minimum = 1,
                            .maximum = 64,
                            .paper = "2"});
    visit(self.context, Field{.name = "context",
                              .help = "longest sequence read",
                              .unit = "items",
                              .minimum = 1,
                              .maximum = 4096,
                              .paper = "50"});
    visit(self.dropout, Field{.name = "dropout",
                              .help = "after the embedding, on attention, after each map back",
                              .minimum = 0,
                              .maximum = 0.95,
                              .paper = "0.2"});
    visit(self.norm,
          Field{.name = "norm", .help = "LayerNorm after (post) or before (pre) a part"});
    visit(self.activation, Field{.name = "activation", .help = "of the feed-forward net"});
    visit(self.ffn_width, Field{.name = "ffn_width",
                                .help = "width of the feed-forward net; 0: 4 dim",
                                .minimum = 0,
                                .maximum = 65536});
    visit(self.input_scale,
          Field{.name = "input_scale", .help = "factor on item rows at the input: one, sqrt_dim"});
    visit(self.layer_norm_epsilon, Field{.name = "layer_norm_epsilon",
                                         .help = "added to the variance",
                                         .minimum = 1e-12,
                                         .maximum = 1e-2,
                                         .paper = "1e-6"});
    visit(self.init_std, Field{.name = "init_std",
                               .help = "standard deviation of fresh item and position rows",
                               .minimum = 1e-6,
                               .maximum = 1,
                               .paper = "0.02"});
  }
};

// Returns the options of a published variant, "released" or "original"; see above.
SasrecOptions SasrecPreset(std::string_view name);

// Returns a SASRec with parameters drawn from `seed`: maps Xavier uniform, biases zero, position
// rows N(0, init_std).
std::unique_ptr<Backbone> MakeSasrec(const SasrecOptions& options, std::uint64_t seed);

}  // namespace raie
