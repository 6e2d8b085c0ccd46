// How do queries and keys of a decoder learn where they are?
//
// Concept: rotary positions. Columns i and i + D/2 of a head are turned by the angle of their
//          position and frequency. The backward pass turns the other way.
// Source:  Su et al. 2021, in the pairing of Llama's published weights (halves, not neighbours).
// Shapes:  x [T, G D]: G heads of D columns; tables [L, D/2].
// Threads: one call, one thread.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/matrix.h"

namespace raie::kernels {

struct Rotations {
  std::int64_t dim = 0;  // D
  std::span<const float> cos_LF = {}, sin_LF = {};
};

enum class Turn { kForward, kBack };

// In place; position of row t is positions[t] < L.
// Semantics: (a, b) = (x[i], x[i + D/2]), s = sin or -sin:  x[i] = a cos - b s;
//            x[i + D/2] = b cos + a s
void Rotate(const Rotations& rotations, Turn turn, std::span<const std::int32_t> positions_T,
            Matrix x);

}  // namespace raie::kernels
