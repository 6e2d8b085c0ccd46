// How strongly do the adapters of two overlapping regions listen to the same inputs?
//
// Concept: the overlap of two caps alone has no gradient for an adapter, so the penalty is on what
//          the adapters read: the squared cosines between the rows of their A.
// Source:  METHOD section 4, Eq. 8 (reconstructed: R; the gradient-carrying form is ours: O).
// Semantics: penalty(a, b) = mean over linear maps of sum_il (Ahat_i . Bhat_l)^2 / r, where Ahat_i
//          = A_i / |A_i| are the rows of a's A_RI and Bhat_l those of b's.
// Shapes:  A_RI of both adapters; gradients are flat, as Adapter::values().
// Errors:  kInvalidArgument if the adapters do not adapt the same maps at the same rank.
#pragma once

#include <span>

#include "adapters/adapter.h"

namespace raie {

// Returns the penalty of a pair and adds `weight` times its gradient to both (an empty span is not
// wanted). A row of length 0 has no direction and no gradient.
double AddOverlapPenalty(const Adapter& a, const Adapter& b, double weight,
                         std::span<float> gradient_a, std::span<float> gradient_b);

}  // namespace raie
