// How are rows of a table gathered for tokens, and their gradients given back?
//
// Shapes:  table [N, D], tokens T. Indices are trusted to be in range (checked by the caller's
// batch).
#pragma once

#include <cstdint>
#include <span>

namespace raie::kernels {

struct GatherArgs {
  std::int64_t dim = 0;
  std::int64_t stride = 0;  // numbers from one row of the table to the next; 0: dim
  std::span<const float> table_ND = {};
  std::span<const std::int32_t> ids_T = {};
  // Rows that replace those of the table, for the sorted ids listed, of the same stride; may be
  // empty.
  std::span<const std::int32_t> replaced_ids = {};
  std::span<const float> replaced_rows = {};
  float scale = 1;
  std::span<const float> positions_LD = {};           // position rows to add; may be empty
  std::span<const std::int32_t> position_ids_T = {};  // row of positions_LD of every token
  std::span<float> out_TD = {};
};

// Semantics: out[t] = scale * row(ids[t]) + positions[position_ids[t]]
void GatherRows(const GatherArgs& args);

// Adds gradients of tokens to rows of a table, in token order.
// Semantics: for t = 0 .. T - 1: table_grad[ids[t]] += scale * grad[t]
void ScatterAddRows(std::int64_t dim, std::span<const float> grad_TD,
                    std::span<const std::int32_t> ids_T, float scale, std::span<float> table_ND);

}  // namespace raie::kernels
