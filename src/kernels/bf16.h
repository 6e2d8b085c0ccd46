// What is a bf16 number, and how do floats become some and back?
//
// Concept: the upper half of a float: 8 bits of exponent, 7 of mantissa. Rounding is to the
// nearest,
//          ties to even, the same on every machine; a value that is not a number stays one.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace raie::kernels {

struct Bfloat16 {
  std::uint16_t bits = 0;

  friend bool operator==(Bfloat16, Bfloat16) = default;
};

inline float ToFloat(Bfloat16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

inline Bfloat16 ToBfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) {
    return {static_cast<std::uint16_t>((bits >> 16) | 0x40)};
  }
  return {static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16)};
}

// Rows of bf16, as ConstMatrix is of floats.
struct ConstBfloat16Matrix {
  const Bfloat16* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;

  const Bfloat16* row(std::int64_t r) const { return data + r * stride; }
};

// The same by vectors; both spans are of one size.
void RoundToBfloat16(std::span<const float> from, std::span<Bfloat16> to);
void WidenBfloat16(std::span<const Bfloat16> from, std::span<float> to);
// The bits of IEEE halves (5 bits of exponent, 10 of mantissa) as floats.
void WidenHalf(std::span<const std::uint16_t> from, std::span<float> to);

// Returns the place of the first value that is no number or infinite, -1 if there is none.
std::int64_t FirstNotFinite(std::span<const Bfloat16> values);

}  // namespace raie::kernels
