// Which units does dropout switch off, the same ones for any tiling and any number of threads?
//
// Concept: the bit of one unit is a pure function of (seed, step, site, row key, position, lane,
//          column). 64 bits are mixed once per row of a kernel (a token, or a token and head); two
//          columns then share one 32-bit integer hash, 16 bits each. A kept unit is scaled by
//          1 / (1 - rate). The site tells the places of a network apart (block, sub-layer).
// Source:  integer finaliser of two multiplications ("lowbias32" constants), both words of the row
//          mixed in; mean and correlations are tested.
// Shapes:  a rate resolves to multiples of 2^-16; factors are 0 or 1 / (1 - rate).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace raie::kernels {

// One place of one step where units are dropped. rate = 0: nothing is.
struct Dropout {
  float rate = 0;  // [0, 1)
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint32_t site = 0;

  bool active() const { return rate > 0; }
  float scale() const { return 1.0f / (1.0f - rate); }
  // Mixes seed, step and site: computed once per kernel call.
  std::uint64_t Key() const;
  // A unit is kept if its 16 bits are at least this.
  std::uint32_t threshold() const { return static_cast<std::uint32_t>(rate * 65536.0f + 0.5f); }
};

// What identifies a token whatever tile it is in.
struct TokenKey {
  std::uint32_t row_key;   // of its sequence
  std::uint32_t position;  // in its sequence
};

// Returns the keys of all tokens of a tile: position p of sequence s is {row_keys[s], p}.
std::vector<TokenKey> TokenKeys(std::span<const std::uint32_t> row_keys_S,
                                std::span<const std::int32_t> offsets_S1);

// The mixed key of one row; `lane` tells rows of one token apart (attention heads).
struct DropoutRow {
  std::uint32_t a;
  std::uint32_t b;
};
DropoutRow MakeDropoutRow(std::uint64_t dropout_key, TokenKey token, std::uint32_t lane = 0);

inline constexpr std::uint32_t kDropoutWordStep = 0x9e3779b9;
inline constexpr std::uint32_t kDropoutMix1 = 0x7feb352d;
inline constexpr std::uint32_t kDropoutMix2 = 0x846ca68b;

// The definition, one unit at a time: returns 0 or 1 / (1 - rate).
// Semantics: w = (c / 32) * 16 + c % 16;  x = w * kDropoutWordStep + a;  x ^= x >> 16;
//            x *= kDropoutMix1;  x ^= (x >> 15) ^ b;  x *= kDropoutMix2;  x ^= x >> 16;
//            factor = (c & 16 ? x >> 16 : x & 0xffff) >= threshold ? scale : 0
float DropoutFactor(const Dropout& dropout, DropoutRow row, std::uint32_t column);

// The factors of columns 0 .. n - 1 of one row, by vectors.
void DropoutFactors(const Dropout& dropout, DropoutRow row, std::span<float> factors);

}  // namespace raie::kernels
