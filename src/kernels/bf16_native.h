// The multiplication kernel of machines with AVX512_BF16, which Highway's release in Debian 12 does
// not know (private to bf16_gemm.cc).
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace raie::kernels {

// One panel of bf16_gemm.h: rows of A, as pairs of bf16, times 32 columns of B.
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

}  // namespace raie::kernels
