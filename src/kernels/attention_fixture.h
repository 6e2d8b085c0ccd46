// Random tiles for tests of attention; included by tests only.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/attention.h"
#include "kernels/reference_random.h"

namespace raie::kernels {

struct AttentionCase {
  std::vector<std::int32_t> lengths;
  std::int64_t heads, head_dim;
  AttentionMask mask;
  float rate;
  bool subset;
  std::int64_t shared = 1;  // query heads that read one head of keys and values
};

struct AttentionInputs {
  explicit AttentionInputs(const AttentionCase& p) {
    dim = p.heads * p.head_dim;
    kv_dim = dim / p.shared;
    RandomStream random(3, 3);
    for (const std::int32_t n : p.lengths) {
      offsets.push_back(offsets.back() + n);
      row_keys.push_back(static_cast<std::uint32_t>(random.Next()));
      for (std::int32_t i = 0; p.subset && i < n; ++i) {
        if (i + 1 == n || random.Uniform() < 0.3) positions.push_back(i);
      }
      query_offsets.push_back(static_cast<std::int32_t>(positions.size()));
    }
    shape = {.heads = p.heads, .mask = p.mask, .offsets_S1 = offsets};
    if (p.shared > 1) shape.kv_heads = p.heads / p.shared;
    if (p.subset) {
      shape.query_offsets_S1 = query_offsets;
      shape.query_positions_P = positions;
    }
    tokens = offsets.back();
    queries = p.subset ? query_offsets.back() : tokens;
    drop = {.rate = p.rate, .seed = 1, .step = 2, .site = 3};
    scale = 1 / std::sqrt(static_cast<float>(p.head_dim));
    q = RandomValues(queries * dim, 1);
    kv = RandomValues(tokens * 2 * kv_dim, 2);  // one fused buffer
    k = Slice(0);
    v = Slice(1);
    out.resize(queries * dim);
    state.assign(AttentionStateSize(shape), std::nanf(""));
  }
  std::vector<float> Slice(int which) const {
    std::vector<float> values;
    for (std::int64_t t = 0; t < tokens; ++t) {
      const float* row = kv.data() + (2 * t + which) * kv_dim;
      values.insert(values.end(), row, row + kv_dim);
    }
    return values;
  }
  AttentionForwardArgs Args() {
    const ConstMatrix fused{kv.data(), tokens, 2 * kv_dim, 2 * kv_dim};
    return {.shape = shape,
            .scale = scale,
            .q_PD = View(q, queries, dim),
            .k_TD = fused.Columns(0, kv_dim),
            .v_TD = fused.Columns(kv_dim, 2 * kv_dim),
            .dropout = drop,
            .row_keys_S = row_keys,
            .out_PD = MutableView(out, queries, dim),
            .state = state};
  }

  std::int64_t dim = 0, kv_dim = 0, tokens = 0, queries = 0;
  std::vector<std::int32_t> offsets = {0}, query_offsets = {0}, positions;
  std::vector<std::uint32_t> row_keys;
  AttentionShape shape;
  Dropout drop;
  float scale = 1;
  std::vector<float> q, kv, k, v, out, state;
};

}  // namespace raie::kernels
