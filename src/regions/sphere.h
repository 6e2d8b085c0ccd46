// How are cosines, angles and norms on the unit sphere computed, everywhere the same way?
//
// Concept: float storage, double arithmetic in a fixed order, so that every caller gets the same
//          bits. The angle is 2 atan2(|a - b|, |a + b|): unlike arccos of a rounded cosine it is
//          exactly 0 for equal vectors and accurate near 0.
// Units:   angles in radians, [0, pi].
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace raie {

double Dot(std::span<const float> a, std::span<const float> b);
double Norm(std::span<const float> a);

// Returns the angle between two unit vectors.
double AngleRad(std::span<const float> a, std::span<const float> b);

// Throws kInvalidArgument, naming `what` and the row, unless z_ND is rows of `dim` finite values
// with norm 1 within 1e-3 (the row of a zero vector is named as such). Returns the number of rows.
std::int64_t CheckUnitRows(std::span<const float> z_ND, std::int64_t dim, std::string_view what);

}  // namespace raie
