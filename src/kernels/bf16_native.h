// The multiplication kernels of machines with AVX512_BF16 or AMX, which Highway's release in Debian
// 12 does not know (private to bf16_gemm.cc).
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace raie::kernels {

// One panel of bf16_gemm.h: rows of A, as pairs of bf16, times 32 columns of B, a pair of each in
// turn.
struct NativeTile {
  std::int64_t rows = 0;
  std::int64_t pairs = 0;  // of the depth
  const Bfloat16* a = nullptr;
  std::int64_t a_stride = 0;
  const Bfloat16* panel = nullptr;
  const Bfloat16* next = nullptr;  // the panel that comes behind: fetched meanwhile; null: none
  const float* init = nullptr;     // null: zero
  std::int64_t init_stride = 0;
  float* c = nullptr;
  std::int64_t c_stride = 0;
};

bool HasNativeBfloat16();
// Semantics: c[r, j] = init[r, j] + sum_k a[r, k] panel[k, j]
void MultiplyNative(const NativeTile& tile);

// Rows of A and pairs of its depth that a tile of AMX holds.
inline constexpr std::int64_t kAmxRows = 16;
inline constexpr std::int64_t kAmxPairs = 16;

// Whether the machine has AMX for bf16 and the system lets this process use it (asked once).
bool HasAmxBfloat16();

// While one lives, this thread's tile registers are set up for MultiplyAmx.
class AmxTiles {
 public:
  AmxTiles();
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

// The same as MultiplyNative (its sums in another order), within the life of an AmxTiles.
// `pairs` is a multiple of kAmxPairs. A and the panel are in tiles of [kAmxRows, 2 kAmxPairs]
// numbers: A's along the depth of its first kAmxRows rows, then those of the next, the last of them
// whole; the panel's columns 0 to 15 beside columns 16 to 31, depth by depth, its rows pairs.
void MultiplyAmx(const NativeTile& tile);

}  // namespace raie::kernels
