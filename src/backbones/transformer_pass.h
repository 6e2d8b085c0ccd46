// What do the forward and the backward pass of a transformer stack share? (private to the stack)
#pragma once

#include <cstdint>
#include <span>

#include "backbones/transformer.h"

namespace raie {

inline constexpr std::int64_t kMapsPerBlock = 6;  // q, k, v, out, ffn_in, ffn_out

enum class DropoutPlace : std::uint32_t { kAttention, kAttentionOut, kFfnIn, kFfnOut };

// Returns the dropout of one place of a block; inactive where the call's is.
inline kernels::Dropout DropoutAt(const TransformerCall& call, std::int64_t block,
                                  DropoutPlace place) {
  kernels::Dropout dropout = call.dropout;
  dropout.site = static_cast<std::uint32_t>(1 + 4 * block) + static_cast<std::uint32_t>(place);
  return dropout;
}

// What the maps of a block need of the call; `selects`: for the requested outputs only.
inline nn::LinearContext LinearContextOf(const TransformerCall& call, nn::Arena& arena,
                                         bool selects) {
  nn::LinearContext context{
      .arena = arena,
      .tokens_T = selects ? call.tokens_P : call.tokens_T,
      .lora_dropout = call.lora_dropout,
  };
  if (call.mixture == nullptr) return context;
  const MixtureCall& mixture = *call.mixture;
  context.gates = {
      .values_MSE = mixture.gates_MSE,
      .gradients_MSE = mixture.gradients_MSE,
      .sequences_T = selects ? mixture.sequences_P : mixture.sequences_T,
      .sequences = std::ssize(call.offsets_S1) - 1,
  };
  return context;
}

// Are the queries of this block fewer than its tokens?
inline bool Selects(const TransformerCall& call, std::int64_t block, std::int64_t blocks) {
  return block + 1 == blocks && !call.all_outputs;
}

// Calls visit(token, key) for the row of every token's key.
void VisitKeys(const TransformerCall& call, auto&& visit) {
  for (std::size_t s = 0; s + 1 < call.offsets_S1.size(); ++s) {
    for (std::int32_t t = call.offsets_S1[s]; t < call.offsets_S1[s + 1]; ++t) {
      visit(t, call.key_offsets_S1[s] + call.key_positions_T[t]);
    }
  }
}

inline kernels::AttentionShape AttentionShapeOf(const TransformerShape& shape,
                                                const TransformerCall& call, bool selects) {
  kernels::AttentionShape result{.heads = shape.heads,
                                 .mask = shape.mask,
                                 .offsets_S1 = call.offsets_S1,
                                 .query_offsets_S1 = {},
                                 .query_positions_P = {}};
  if (call.padded()) result.offsets_S1 = call.key_offsets_S1;
  if (selects) {
    result.query_offsets_S1 = call.query_offsets_S1;
    result.query_positions_P = call.query_positions_P;
  } else if (call.padded()) {
    result.query_offsets_S1 = call.offsets_S1;
    result.query_positions_P = call.key_positions_T;
  }
  return result;
}

inline kernels::RelativeTerms TermsOf(const RelativeAttention& relative,
                                      std::span<const float> parameters) {
  const auto part = [&](const RelativeAttention::Table& table) {
    return parameters.subspan(table.begin, table.size);
  };
  return {.run_offsets_T1 = relative.run_offsets_T1,
          .runs = relative.runs,
          .position_keys_LD = part(relative.position_keys),
          .position_values_LD = part(relative.position_values),
          .interval_keys_RD = part(relative.interval_keys),
          .interval_values_RD = part(relative.interval_values)};
}

// `parameters` are their gradients; empty: not wanted.
inline kernels::RelativeGradients GradientsOf(const RelativeAttention& relative,
                                              std::span<float> parameters) {
  if (parameters.empty()) return {};
  const auto part = [&](const RelativeAttention::Table& table) {
    return parameters.subspan(table.begin, table.size);
  };
  return {.position_keys_LD = part(relative.position_keys),
          .position_values_LD = part(relative.position_values),
          .interval_keys_RD = part(relative.interval_keys),
          .interval_values_RD = part(relative.interval_values)};
}

}  // namespace raie
