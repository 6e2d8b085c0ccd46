// Which options do all transformers over item rows share?
//
// Concept: each of them is these fields and its own; its VisitFields lists these first.
#pragma once

#include <cstdint>

#include "backbones/transformer.h"
#include "base/options.h"

namespace raie {

struct TransformerOptions {
  std::int64_t dim = 128;
  std::int64_t blocks = 2;
  std::int64_t heads = 2;
  std::int64_t context = 50;
  double dropout = 0.2;
  NormPlace norm = NormPlace::kPost;
  Activation activation = Activation::kGelu;
  std::int64_t ffn_width = 0;
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

}  // namespace raie
