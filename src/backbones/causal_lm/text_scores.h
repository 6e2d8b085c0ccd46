// How likely is a text, and what does a language model expect next?
//
// Concept: the states of a text (TextStates) times the output rows of the vocabulary, in tiles of
//          rows, so that no [T, V] table is ever made; each tile keeps its maximum and sum, which
//          are put together in tile order.
// Shapes:  T tokens, V vocabulary, D width.
// Units:   nats.
// Errors:  kInternal if shapes do not agree.
// Threads: same result for any number of threads.
// Cost:    2 T V D flops.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backbones/causal_lm/decoder_weights.h"
#include "base/task_pool.h"

namespace raie {

struct TextScores {
  std::vector<float> next_V;       // logits behind the last token
  std::optional<double> mean_nll;  // of the tokens after the first; nothing for a single token
};

// Semantics: next[v] = states[T - 1] . row(v);
//            mean_nll = mean over t >= 1 of log(sum_v exp(states[t - 1] . row(v)))
//                       - states[t - 1] . row(ids[t])
TextScores ScoreText(const TokenRows& rows, std::span<const std::int32_t> ids,
                     std::span<const float> states_TD, TaskPool& pool);

}  // namespace raie
