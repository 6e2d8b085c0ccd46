// How does an adapter become part of the weights it was trained beside?
//
// Concept: the language model of S is trained as an adapter and merged; what comes out is the
// frozen
//          W_0 of F. In bf16 the sum is rounded once.
// Source:  METHOD section 3 (`causal_lm` in S).
// Errors:  kInvalidArgument for a mixture of adapters, which is no sum of weights.
#pragma once

#include <memory>

#include "adapters/adapter.h"
#include "backbones/causal_lm/decoder_weights.h"

namespace raie {

// Returns W + scale B A of every adapted map, and the rest as it is, in the same precision.
std::shared_ptr<const DecoderWeights> MergedWith(const DecoderWeights& weights,
                                                 const Adapter& adapter);

}  // namespace raie
