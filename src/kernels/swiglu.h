// How does the gated feed-forward net of a decoder combine its two maps?
//
// Concept: y = silu(gate) up, silu(g) = g / (1 + e^-g); gate and up side by side in one buffer, as
//          one product makes them. Backward turns them into their gradients in place.
// Source:  Shazeer 2020.
// Shapes:  gate_up [T, 2 F], contiguous; y [T, F].
// Threads: one call, one thread.
#pragma once

#include <cstdint>

#include "kernels/matrix.h"

namespace raie::kernels {

// Semantics: y[t, f] = silu(gate[t, f]) up[t, f]
void SwigluForward(ConstMatrix gate_up, Matrix y);

// Semantics: s = 1 / (1 + e^-gate); gate <- dy up s (1 + gate (1 - s)); up <- dy gate s
void SwigluBackward(ConstMatrix dy, Matrix gate_up);

}  // namespace raie::kernels
