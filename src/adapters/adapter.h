// What is a low-rank adapter of a backbone?
//
// Concept: LoRA (Hu et al. 2022): the linear map y = x W^T becomes y = x (W + (alpha/r) B A)^T. One
//          adapter holds A and B of every adapted map; B starts at zero, so a fresh adapter changes
//          nothing. Values live in one flat buffer (for the optimiser); maps are views of it.
// Shapes:  A_RI [R, I], B_OR [O, R], row-major.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"

namespace raie {

// A linear map of a backbone that can be adapted.
struct LinearMapInfo {
  std::string name;        // PEFT module path, "blocks.0.attention.q"
  std::string kind;        // q, k, v, out, ffn_in, ffn_out; causal_lm: q, k, v, o, gate, up, down
  std::int64_t inputs;     // I
  std::int64_t outputs;    // O
  std::int64_t layer = 0;  // block it belongs to
};

// Returns how many layers the maps belong to.
std::int64_t NumLayers(std::span<const LinearMapInfo> maps);

struct LoraOptions {
  std::int64_t rank = 8;
  double alpha = 16;
  double dropout = 0;  // on the adapter's input, training only; > 0 keeps the low-rank path apart
  std::vector<std::string> maps;  // kinds; empty: all that the backbone has
  bool rs_lora = false;           // scale alpha / sqrt(rank), not alpha / rank
  std::int64_t last_layers = 0;   // adapts the last N layers only; 0: all

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.rank, Field{.name = "rank",
                           .help = "rank of each adapter",
                           .minimum = 1,
                           .maximum = 1024,
                           .paper = "8"});
    visit(self.alpha, Field{.name = "alpha",
                            .help = "scale: the update is (alpha / rank) B A",
                            .minimum = 1e-6,
                            .maximum = 1e6,
                            .paper = "16"});
    visit(self.dropout, Field{.name = "dropout",
                              .help = "dropout on the adapter's input in training",
                              .minimum = 0,
                              .maximum = 0.95,
                              .paper = ".05 (protocol paper)"});
    visit(self.maps,
          Field{.name = "maps",
                .help = "adapted linear maps: q, k, v, out, ffn_in, ffn_out (causal_lm: q, k, v, "
                        "o, gate, up, down); empty: all"});
    visit(self.rs_lora, Field{.name = "rs_lora",
                              .help = "scale the update by alpha / sqrt(rank), not alpha / rank"});
    visit(self.last_layers, Field{.name = "last_layers",
                                  .help = "adapt the last so many layers only; 0: all",
                                  .minimum = 0,
                                  .maximum = 1024});
  }
};

struct MixtureOptions {
  std::int64_t experts = 3;
  std::int64_t hidden = 128;
  double temperature = 0.7;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.experts,
          Field{.name = "experts", .help = "adapters of a mixture", .minimum = 2, .maximum = 64});
    visit(self.hidden, Field{.name = "hidden",
                             .help = "width of the gate's hidden layer",
                             .minimum = 1,
                             .maximum = 4096});
    visit(self.temperature, Field{.name = "temperature",
                                  .help = "T of the gate's softmax; less is sharper",
                                  .minimum = 0.01,
                                  .maximum = 100});
  }
};

class Adapter {
 public:
  struct Map {
    int map;               // index into the backbone's linear maps
    std::int64_t a_begin;  // offsets into values()
    std::int64_t b_begin;
    std::int64_t inputs;
    std::int64_t outputs;
    std::int64_t gate_begin = -1;  // mixtures only
  };

  // Lays out an adapter over the maps whose kind is listed (options() then lists them all). A:
  // Kaiming uniform (a = sqrt 5, as PEFT: uniform in +-1/sqrt(I)) drawn from `seed`; B: zero.
  static Adapter Make(std::span<const LinearMapInfo> maps, const LoraOptions& options,
                      std::uint64_t seed);
  // The same with several experts and gates that read item rows of width `dim`. W1 and W2 uniform
  // in +-1/sqrt(inputs), biases zero.
  static Adapter MakeMixture(std::span<const LinearMapInfo> maps, const LoraOptions& options,
                             const MixtureOptions& mixture, std::int64_t dim, std::uint64_t seed);

  const LoraOptions& options() const { return options_; }
  float scale() const;
  bool is_mixture() const { return mixture_.has_value(); }
  const MixtureOptions& mixture() const { return *mixture_; }
  std::int64_t gate_dim() const { return gate_dim_; }  // D
  std::int64_t total_rank() const {                    // R
    return mixture_.has_value() ? options_.rank * mixture_->experts : options_.rank;
  }
  std::span<const Map> maps() const { return maps_; }
  std::span<float> values() { return values_; }
  std::span<const float> values() const { return values_; }
  std::span<const float> a_RI(const Map& map) const {
    return std::span(values_).subspan(map.a_begin, total_rank() * map.inputs);
  }
  std::span<const float> b_OR(const Map& map) const {
    return std::span(values_).subspan(map.b_begin, map.outputs * total_rank());
  }
  bool IsZero() const;  // every B is zero

 private:
  void LayOut(std::span<const LinearMapInfo> maps, std::uint64_t seed);
  std::int64_t GateSize() const;

  LoraOptions options_;
  std::optional<MixtureOptions> mixture_;
  std::int64_t gate_dim_ = 0;
  std::vector<Map> maps_;
  std::vector<float> values_;
};

}  // namespace raie
