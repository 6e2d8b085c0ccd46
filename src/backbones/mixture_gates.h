// Which experts of a mixture answer each window?
//
// Concept: for every adapted map a small network reads the mean of the window's item rows and gives
//          one weight an expert. It is computed before the forward pass, from the rows the window
//          reads at the input, so that all layers of one window agree on what it is about.
// Source:  METHOD section 5 (`mole`); the formula is in adapters/adapter.h.
// Shapes:  M adapted maps in the adapter's order, S sequences, E experts, H hidden, D width.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "adapters/adapter.h"
#include "backbones/backbone.h"
#include "kernels/gemm.h"

namespace raie {

class MixtureGates {
 public:
  // Packs the networks of a mixture, which must outlive it.
  explicit MixtureGates(const Adapter& adapter);

  struct State {
    std::int64_t sequences = 0;
    std::vector<float> means_SD;
    std::vector<float> hidden_MSH;  // after tanh
    std::vector<float> gates_MSE;
  };
  State Forward(const WindowBatch& batch, const ItemRows& items) const;

  // Adds to the adapter's flat gradient and, if it is wanted, to that of the means.
  void Backward(const State& state, std::span<const float> grad_MSE, std::span<float> adapter,
                std::span<float> means_SD) const;

  // Items of a sequence that its mean is over: all but [MASK], at least one.
  static std::int64_t ItemsOf(const WindowBatch& batch, std::int64_t sequence);

  std::int64_t maps() const { return std::ssize(adapter_.maps()); }
  std::int64_t experts() const { return adapter_.mixture().experts; }

 private:
  // Offsets of a map's network in the adapter's values.
  struct Layout {
    std::int64_t w1, b1, w2, b2;
  };
  Layout LayoutOf(std::int64_t map) const;

  const Adapter& adapter_;
  std::int64_t dim_;
  std::int64_t hidden_;
  std::vector<kernels::PackedWeights> w1_;
};

}  // namespace raie
