// How does a tile attend to itself if keys and values also depend on where a key is and on how long
// before the query it was?
//
// Concept: attention.h with four tables more: a row for the position of a key, added to keys and
//          values, and a row for the interval between query and key. Nothing of size [T, T, D]
//          exists, nor an interval per pair: times do not decrease, so the intervals of one query
//          fall from the oldest key to the newest and come as runs of equal ones. A run costs one
//          product with its table row, whatever its length.
// Source:  Li et al. 2020, Eq. 3-6 (there with one row per pair).
// Shapes:  as attention.h; L rows of positions, R of intervals, all of width D; a sequence of n
//          tokens uses the last n positions.
// Errors:  kInternal if shapes do not agree or the mask is not causal.
// Threads: one call, one thread; scratch memory is per thread.
// Cost:    attention.h's, and 4 D flops a run forward, 4 D backward (8 D with tables' gradients).
#pragma once

#include <cstdint>
#include <span>

#include "kernels/attention.h"

namespace raie::kernels {

// Keys [end of the run before, end) of a query are `interval` away; ends are key positions in the
// sequence.
struct IntervalRun {
  std::uint16_t interval;
  std::uint16_t end;
};

struct RelativeTerms {
  // Runs of token t as a query: the first is of its longest interval, the last ends behind itself.
  std::span<const std::int32_t> run_offsets_T1 = {};
  std::span<const IntervalRun> runs = {};
  std::span<const float> position_keys_LD = {}, position_values_LD = {};
  std::span<const float> interval_keys_RD = {}, interval_values_RD = {};
};

// Semantics: with r = interval(p, j) and l = L - n + j,
//            a[p, h, j] = softmax_j(scale q[p, h] . (k[j, h] + PK[l, h] + RK[r, h]))
//            out[p, h] = sum_j factor(p, h, j) a[p, h, j] (v[j, h] + PV[l, h] + RV[r, h])
void IntervalAttentionForward(const AttentionForwardArgs& args, const RelativeTerms& terms);

// Gradients of the tables are added; all empty: not wanted.
struct RelativeGradients {
  std::span<float> position_keys_LD = {}, position_values_LD = {};
  std::span<float> interval_keys_RD = {}, interval_values_RD = {};
};

void IntervalAttentionBackward(const AttentionBackwardArgs& args, const RelativeTerms& terms,
                               const RelativeGradients& gradients);

}  // namespace raie::kernels
