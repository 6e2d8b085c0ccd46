// How does a tile of ragged sequences attend to itself, forward and backward?
//
// Concept: fused multi-head attention. Scores of one (sequence, head) are formed by blocks of query
//          rows, turned into probabilities and multiplied with the values while in cache; nothing
//          of size [T, T] exists. Training keeps the probabilities of each sequence (the sign of a
//          probability marks a dropped one), so that backward draws no bits and no exponentials.
//          The queries may be a subset of the tokens: the last block computes requested outputs
//          only. Several query heads may share the keys and values of one head (grouped queries).
// Shapes:  T tokens, P queries, H heads of width dh, D = H dh, G heads of keys and values (H unless
//          said). Head h is columns h dh .. of q and out, and columns (h G / H) dh .. of k and v
//          (rounded down). All are views: slices of one [T, 3 D] buffer will do.
// Errors:  kInternal if shapes do not agree.
// Threads: one call, one thread; scratch memory is per thread.
// Cost:    4 dh H sum_s m_s n_s flops forward, 8 backward (half of it if causal).
#pragma once

#include <cstdint>
#include <span>

#include "kernels/dropout.h"
#include "kernels/matrix.h"

namespace raie::kernels {

enum class AttentionMask { kCausal, kFull };

// Which query looks at which keys.
struct AttentionShape {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 0;  // G, divides heads; 0: as many as heads
  AttentionMask mask = AttentionMask::kCausal;
  std::span<const std::int32_t> offsets_S1 = {};  // tokens (keys) of sequence s
  // Queries of sequence s are query_offsets[s] .. query_offsets[s + 1] - 1, at positions
  // query_positions[p] of their sequence. Both empty: all tokens are queries.
  std::span<const std::int32_t> query_offsets_S1 = {};
  std::span<const std::int32_t> query_positions_P = {};
};

// Returns how many floats the kept probabilities of a tile take.
std::int64_t AttentionStateSize(const AttentionShape& shape);

struct AttentionForwardArgs {
  AttentionShape shape = {};
  float scale = 1;  // usually 1 / sqrt(dh)
  ConstMatrix q_PD = {}, k_TD = {}, v_TD = {};
  Dropout dropout = {};                            // on probabilities; column = key position
  std::span<const std::uint32_t> row_keys_S = {};  // needed if dropout is active
  Matrix out_PD = {};
  std::span<float> state = {};  // AttentionStateSize() floats for Backward; empty: not kept
};

// Semantics: a[p, h, j] = softmax_j(scale q[p, h] . k[j, g]) over keys j of p's sequence, j <=
//            position of p if causal;  out[p, h] = sum_j factor(p, h, j) a[p, h, j] v[j, g];
//            g = h G / H
void AttentionForward(const AttentionForwardArgs& args);

struct AttentionBackwardArgs {
  AttentionShape shape = {};
  float scale = 1;
  ConstMatrix q_PD = {}, k_TD = {}, v_TD = {};
  Dropout dropout = {};               // as in Forward
  std::span<const float> state = {};  // kept by Forward
  ConstMatrix out_PD = {};            // Forward's output
  ConstMatrix dout_PD = {};
  Matrix dq_PD = {}, dk_TD = {}, dv_TD = {};  // set, not added
};

void AttentionBackward(const AttentionBackwardArgs& args);

// Throw kInternal if shapes do not agree; for kernels that take the same arguments.
void CheckArgs(const AttentionForwardArgs& args);
void CheckArgs(const AttentionBackwardArgs& args);

}  // namespace raie::kernels
