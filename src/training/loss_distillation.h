// How far is what a model says from what its teacher says, and which way does it have to move?
//
// Concept: learning without forgetting: the student's distribution over the items the teacher knows
//          is held near the teacher's, both softened by a temperature. Added to a loss that is
//          there already.
// Source:  Li & Hoiem 2016; METHOD section 5 (`lora_lwf`).
// Semantics: p_j = softmax_j(u . f_j / T), q_j = softmax_j(h . e_j / T), j < N;
//          loss = weight T^2 sum_j p_j log(p_j / q_j), dloss/d(h . e_j) = weight T (q_j - p_j).
// Shapes:  hidden_PD [P, D] of student h and teacher u; item rows e, f [>= N, D].
// Errors:  kInternal if shapes do not agree.
// Threads: same bytes for any number of threads.
// Cost:    three products P x N x D and memory for [P, N].
#pragma once

#include <cstdint>
#include <span>

#include "base/task_pool.h"
#include "kernels/aligned.h"
#include "kernels/gemm.h"
#include "training/loss.h"

namespace raie {

struct DistillationInput {
  std::span<const float> hidden_PD;   // the student's
  std::span<const float> teacher_PD;  // the teacher's, of the same outputs
  std::span<const float> items_ND;    // the student's rows
  std::span<const float> weights_P;   // of the outputs in the loss
};

class Distillation {
 public:
  struct Options {
    double weight = 0.5;
    double temperature = 2;
  };

  // `teacher_items_ND` are the rows of the N items the teacher knows, copied.
  Distillation(const Options& options, std::span<const float> teacher_items_ND, std::int64_t dim);

  // Sets losses_P (without the outputs' weights) and adds to the gradients that are wanted.
  void Add(const DistillationInput& input, TaskPool& pool, std::span<double> losses_P,
           const LossGradients& gradients);

 private:
  void Check(const DistillationInput& input, std::span<const double> losses_P,
             const LossGradients& gradients) const;
  // Turns rows [begin, end) of slopes_PN_ into the gradients of their logits.
  void Slopes(const DistillationInput& input, std::int64_t begin, std::int64_t end,
              std::span<double> losses_P);

  Options options_;
  std::int64_t dim_;
  std::int64_t items_;
  kernels::PackedWeights teacher_;
  kernels::PackedWeights student_;    // packed again each time
  kernels::AlignedFloats slopes_PN_;  // student logits, then weight_P dloss/dlogit
  kernels::AlignedFloats scaled_PD_;  // hidden states as item gradients take them
};

}  // namespace raie
