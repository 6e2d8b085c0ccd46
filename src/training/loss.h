// How far is what the model says from what came next, and which way do hidden states and item rows
// have to move?
//
// Concept: the output layer and the loss in one place, over all outputs of a batch at once. Logits
//          never exist for the whole batch: they are made for a chunk of outputs and a tile of
//          items, so memory stays small and each item tile's gradient is owned by one task.
// Source:  `ce`: softmax over the whole catalogue. `bce`: Kang & McAuley 2018, n negatives drawn
//          uniformly from the catalogue without the target, the mean over the target and its
//          negatives. `gbce`: Petrov & Macdonald 2023, Eq. 15: the target's sigmoid to the power
//          beta = alpha (t (1 - 1/alpha) + 1/alpha), alpha = n / (N - 1); `bce` is t = 0.
//          Targets with a rival are pairs whatever the kind: -log sigmoid(s_target - s_rival)
//          (Rendle et al. 2009).
// Semantics (ce): loss_t = log sum_j exp(h_p . e_j) - h_p . e_y, p = output of target t, y its
// item,
//          j over the catalogue.
//          grad_PD[p] = sum_{t on p} w_t dloss_t/dh_p;  grad_items_ND[j] = sum_t v_t dloss_t/de_j
//          with v_t = w_t * item_scale_P[p].
// Shapes:  hidden_PD [P, D]; item rows [N, D].
// Errors:  kInternal if a loss is not finite (the step is not taken), or if some targets have a
//          rival and some have none.
// Threads: same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "base/options.h"
#include "base/task_pool.h"
#include "training/batch.h"

namespace raie {

enum class LossKind { kCe, kBce, kGbce };
inline std::span<const char* const> EnumNames(LossKind) {
  static constexpr const char* kNames[] = {"ce", "bce", "gbce"};
  return kNames;
}

// Anew in every step, or once for each target (its key), whatever the step.
enum class NegativesDrawn { kEveryStep, kOnce };
inline std::span<const char* const> EnumNames(NegativesDrawn) {
  static constexpr const char* kNames[] = {"every-step", "once"};
  return kNames;
}

struct LossOptions {
  LossKind kind = LossKind::kCe;
  std::int64_t negatives = 1;
  NegativesDrawn drawn = NegativesDrawn::kEveryStep;
  double calibration = 0.75;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.kind, Field{.name = "kind",
                           .help = "ce: softmax over the catalogue; bce: sampled negatives; gbce: "
                                   "bce corrected for sampling"});
    visit(self.negatives, Field{.name = "negatives",
                                .help = "negatives drawn for each target (bce, gbce)",
                                .unit = "items",
                                .minimum = 1,
                                .maximum = 100000});
    visit(self.drawn, Field{.name = "drawn",
                            .help = "when negatives are drawn: every-step, or once for each target "
                                    "(as the published code does in F)"});
    visit(self.calibration, Field{.name = "calibration",
                                  .help = "t of gbce: 0 is bce, 1 undoes the sampling fully",
                                  .minimum = 0,
                                  .maximum = 1});
  }
};

namespace internal {
class CrossEntropy;
}

// Consecutive outputs that read the same item rows.
struct OutputGroup {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  ItemRows rows;
  std::span<float> grad_replaced_nD;  // gradient of rows.replaced_rows, set; empty: not wanted
};

struct LossInput {
  std::span<const float> hidden_PD;
  std::int64_t dim = 0;
  std::int64_t catalogue_size = 0;             // N: items 0 .. N - 1 take part
  std::span<const OutputGroup> groups;         // cover 0 .. P - 1 in order
  std::span<const Target> targets;             // sorted by output; weight = w_t above, absolute
  std::span<const std::uint64_t> target_keys;  // name targets; empty: their index
  std::uint64_t seed = 0;  // negatives are a function of (seed, step, target key, number)
  std::uint64_t step = 0;
};

// Empty spans are not wanted and cost nothing.
struct LossGradients {
  std::span<float> hidden_PD;           // set
  std::span<float> items_ND;            // [N, D] of the base table, set
  std::span<const float> item_scale_P;  // empty: all 1
};

// Computes the losses of all targets; keeps its scratch memory between steps.
class Loss {
 public:
  explicit Loss(const LossOptions& options);
  ~Loss();
  Loss(Loss&&) noexcept;
  Loss& operator=(Loss&&) noexcept;

  const LossOptions& options() const { return options_; }

  // Sets losses_T[t] = loss_t (without its weight) and the gradients.
  void Compute(const LossInput& input, TaskPool& pool, std::span<double> losses_T,
               const LossGradients& gradients);

 private:
  LossOptions options_;
  std::unique_ptr<internal::CrossEntropy> cross_entropy_;
};

// beta of gbce: 1 - t (1 - n / (N - 1)).
double GbceExponent(std::int64_t negatives, std::int64_t catalogue_size, double calibration);

// The negatives of one target: uniform over the catalogue without `item` (which other targets of
// the same row may be among them).
struct NegativeDraw {
  std::uint64_t seed;
  std::uint64_t step;
  std::uint64_t target_key;
  std::int64_t catalogue_size;
  ItemId item;
};
void DrawNegatives(const NegativeDraw& draw, std::span<std::int32_t> negatives);

}  // namespace raie
