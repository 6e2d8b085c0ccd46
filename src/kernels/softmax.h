// How is cross-entropy over many items computed tile by tile, without a [B, N] matrix of
// probabilities?
//
// Concept: pass 1 over item tiles keeps (max, sum of exp) of every (row, tile); they combine to the
//          log-sum-exp of a row; pass 2 turns a tile of logits into gradients in place.
// Shapes:  logits [R, J]: R rows and a tile of J items that begins at item `first`.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/matrix.h"

namespace raie::kernels {

// max_j and sum_j exp(logit_j - max) of one row over one tile.
struct SoftmaxPartial {
  float max;
  float sum;
};

// Semantics: partials[r] = {max_j x[r, j], sum_j exp(x[r, j] - max)}
void SoftmaxPartials(ConstMatrix logits_RJ, std::span<SoftmaxPartial> partials_R);

// Returns log sum exp of the whole row from its partials (of any number of tiles), combined in
// double in the order given.
float LogSumExp(std::span<const SoftmaxPartial> partials);

// Semantics: x[j] = scale x[j] - log sum_j exp(scale x[j])
void LogSoftmax(float scale, std::span<float> logits_N);

// A target of an output row; a row may have several, each with its weight in the loss.
struct SoftmaxTarget {
  std::int32_t row;
  std::int32_t item;
  float weight;
};

// Turns logits into gradients of sum over targets of weight * (lse[row] - logit[row, item]).
// Targets outside this tile of rows and items are skipped.
// Semantics: x[r, j] = row_weight[r] exp(x[r, j] - lse[r]) - sum of weights of targets (r, first +
// j)
struct SoftmaxGradientArgs {
  std::int64_t first_item = 0;
  std::span<const float> lse_R = {};
  std::span<const float> row_weights_R = {};  // sum of the weights of the row's targets
  std::span<const SoftmaxTarget> targets = {};
};
void SoftmaxGradient(const SoftmaxGradientArgs& args, Matrix logits_RJ);

}  // namespace raie::kernels
