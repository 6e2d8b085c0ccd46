#include "kernels/bf16_native.h"

#include "raie/error.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#endif

namespace raie::kernels {

#if defined(__x86_64__)
namespace {

#define RAIE_NATIVE_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

constexpr int kNativeRows = 12;
constexpr std::int64_t kPairsAtOnce = 8;
constexpr std::int64_t kLine = 64 / sizeof(Bfloat16);

// What one tile of rows fetches of the next panel, a few cache lines at a time: the weights of a
// model are larger than any cache, and the hardware looks ahead only when a panel begins.
class NextPanel {
 public:
  NextPanel(const NativeTile& tile, std::int64_t begin) {
    if (tile.next == nullptr) return;
    const std::int64_t lines = 2 * tile.pairs;  // of a panel
    const std::int64_t tiles = (tile.rows + kNativeRows - 1) / kNativeRows;
    const std::int64_t number = begin / kNativeRows;
    const std::int64_t first = lines * number / tiles;
    left_ = lines * (number + 1) / tiles - first;
    at_ = tile.next + first * kLine;
    const std::int64_t blocks = (tile.pairs + kPairsAtOnce - 1) / kPairsAtOnce;
    a_time_ = (left_ + blocks - 1) / blocks;
  }
  void FetchSome() {
    for (std::int64_t i = 0; i < a_time_ && left_ > 0; ++i, --left_, at_ += kLine) {
      __builtin_prefetch(at_, 0, 2);
    }
  }

 private:
  const Bfloat16* at_ = nullptr;
  std::int64_t left_ = 0, a_time_ = 0;
};

template <int kRows>
RAIE_NATIVE_BF16 void TileRows(const NativeTile& tile, std::int64_t begin) {
  __m512 sum[kRows][2];
  const float* const init = tile.init == nullptr ? nullptr : tile.init + begin * tile.init_stride;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      sum[r][v] = init == nullptr ? _mm512_setzero_ps()
                                  : _mm512_loadu_ps(init + r * tile.init_stride + v * 16);
    }
  }
  const Bfloat16* const a = tile.a + begin * tile.a_stride;
  const Bfloat16* panel = tile.panel;
  NextPanel next(tile, begin);
  for (std::int64_t k = 0; k < tile.pairs;) {
    next.FetchSome();
    for (const std::int64_t end = std::min(k + kPairsAtOnce, tile.pairs); k < end;
         ++k, panel += 64) {
      const auto b0 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel));
      const auto b1 = reinterpret_cast<__m512bh>(_mm512_loadu_si512(panel + 32));
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        int pair;
        std::memcpy(&pair, a + r * tile.a_stride + 2 * k, sizeof(pair));
        const auto x = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
        sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, b0);
        sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, b1);
      }
    }
  }
  float* const c = tile.c + begin * tile.c_stride;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(c + r * tile.c_stride, sum[r][0]);
    _mm512_storeu_ps(c + r * tile.c_stride + 16, sum[r][1]);
  }
}

template <int kRows>
RAIE_NATIVE_BF16 void RowsFrom(const NativeTile& tile, std::int64_t begin) {
  for (; begin + kRows <= tile.rows; begin += kRows) TileRows<kRows>(tile, begin);
  if constexpr (kRows > 1) {
    if (begin < tile.rows) RowsFrom<(kRows > 8 ? 8 : kRows / 2)>(tile, begin);
  }
}

}  // namespace

bool HasNativeBfloat16() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

void MultiplyNative(const NativeTile& tile) { RowsFrom<kNativeRows>(tile, 0); }

#else

bool HasNativeBfloat16() { return false; }

void MultiplyNative(const NativeTile&) {
  throw Error(ErrorCode::kInternal, "this machine has no bf16 products of its own");
}

#endif

}  // namespace raie::kernels
