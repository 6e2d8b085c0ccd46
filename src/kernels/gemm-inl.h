// The register-blocked multiplication kernel, compiled once per instruction set.
//
// Concept: C[kRows, panel] += A[kRows, K] * panel, where a panel is kPanel adjacent columns of K
//          rows of B, packed one after the other or in place in a wider matrix. Element (r, k) of A
//          is a[r * rs + k] (row-major A) or a[k * rs + r] (transposed or packed A). Every element
//          of C is one chain of FMAs in the order of k: its bits depend on nothing else in the
//          call.
// Use:     include inside a file compiled by foreach_target.
#if defined(RAIE_KERNELS_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RAIE_KERNELS_GEMM_INL_H_
#undef RAIE_KERNELS_GEMM_INL_H_
#else
#define RAIE_KERNELS_GEMM_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using FloatVec = hn::Vec<FloatTag>;
constexpr FloatTag kFloat;
constexpr std::int64_t kLanes = hn::MaxLanes(FloatTag());
constexpr std::int64_t kPanel = 2 * kLanes;
// 12 accumulators of 16 registers, or 24 of 32.
constexpr int kTileRows = HWY_TARGET <= HWY_AVX3 ? 12 : 6;
static_assert(kPanel <= 32);

// How a product tile begins: rows of `values` (bias: stride 0, C itself: its stride) or zero.
struct TileInit {
  const float* values = nullptr;
  std::int64_t stride = 0;
};

// Columns 0 .. kPanel - 1 of B, rows `stride` apart.
struct Panel {
  const float* data;
  std::int64_t stride = kPanel;
};

template <int kRows, int kVecs, bool kRowMajorA>
HWY_NOINLINE void MicroTile(std::int64_t depth, const float* HWY_RESTRICT a, std::int64_t rs,
                            Panel panel, TileInit init, float* c, std::int64_t c_stride) {
  FloatVec sum[kRows][kVecs];
  if (init.values == nullptr) {
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
      for (int v = 0; v < kVecs; ++v) sum[r][v] = hn::Zero(kFloat);
    }
  } else {
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
      for (int v = 0; v < kVecs; ++v) {
        sum[r][v] = hn::LoadU(kFloat, init.values + r * init.stride + v * kLanes);
      }
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    FloatVec b[kVecs];
#pragma GCC unroll 32
    for (int v = 0; v < kVecs; ++v)
      b[v] = hn::LoadU(kFloat, panel.data + k * panel.stride + v * kLanes);
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) {
      const FloatVec x = hn::Set(kFloat, kRowMajorA ? a[r * rs + k] : a[k * rs + r]);
#pragma GCC unroll 32
      for (int v = 0; v < kVecs; ++v) sum[r][v] = hn::MulAdd(x, b[v], sum[r][v]);
    }
  }
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 32
    for (int v = 0; v < kVecs; ++v) {
      hn::StoreU(sum[r][v], kFloat, c + r * c_stride + v * kLanes);
    }
  }
}

template <int kRows, bool kRowMajorA>
HWY_INLINE void TileOfRows(std::int64_t depth, const float* a, std::int64_t rs, Panel panel,
                           std::int64_t cols, TileInit init, float* c, std::int64_t c_stride) {
  if (cols == kPanel) {
    MicroTile<kRows, 2, kRowMajorA>(depth, a, rs, panel, init, c, c_stride);
    return;
  }
  if (cols == kLanes) {
    MicroTile<kRows, 1, kRowMajorA>(depth, a, rs, panel, init, c, c_stride);
    return;
  }
  // The edge goes through a full-width copy.
  alignas(64) float edge[kRows * kPanel];
  TileInit edge_init;
  if (init.values != nullptr) {
    edge_init = {edge, kPanel};
    for (int r = 0; r < kRows; ++r) {
      float* row = edge + r * kPanel;
      std::memset(row, 0, sizeof(float) * kPanel);
      std::memcpy(row, init.values + r * init.stride, sizeof(float) * cols);
    }
  }
  if (cols > kLanes) {
    MicroTile<kRows, 2, kRowMajorA>(depth, a, rs, panel, edge_init, edge, kPanel);
  } else {
    MicroTile<kRows, 1, kRowMajorA>(depth, a, rs, panel, edge_init, edge, kPanel);
  }
  for (int r = 0; r < kRows; ++r) {
    std::memcpy(c + r * c_stride, edge + r * kPanel, sizeof(float) * cols);
  }
}

// Rows `begin` .. `rows` - 1 by tiles of kRows, the rest by smaller ones. For row-major A the rows
// are rs apart; a packed A has blocks of kTileRows rows, each [depth, kTileRows] (then rs is
// kTileRows); a transposed A [depth, rows] has rows side by side, rs apart in depth.
enum class LayoutA { kRowMajor, kTransposed };

template <LayoutA kLayout, int kRows>
HWY_INLINE void RowsOfPanel(std::int64_t begin, std::int64_t rows, std::int64_t depth,
                            const float* a, std::int64_t rs, Panel panel, std::int64_t cols,
                            TileInit init, float* c, std::int64_t c_stride) {
  constexpr bool kRowMajorA = kLayout == LayoutA::kRowMajor;
  std::int64_t r = begin;
  for (; r + kRows <= rows; r += kRows) {
    TileInit here = init;
    if (here.values != nullptr) here.values += r * init.stride;
    TileOfRows<kRows, kRowMajorA>(depth, kRowMajorA ? a + r * rs : a + r, rs, panel, cols, here,
                                  c + r * c_stride, c_stride);
  }
  if constexpr (kRows > 1) {
    if (r < rows) {
      RowsOfPanel<kLayout, (kRows > 8   ? 8
                            : kRows > 4 ? 4
                                        : kRows / 2)>(r, rows, depth, a, rs, panel, cols, init, c,
                                                      c_stride);
    }
  }
}

// C[rows, cols] = init + A[rows, depth] * one panel, cols <= kPanel.
template <LayoutA kLayout>
HWY_INLINE void MultiplyPanel(std::int64_t rows, std::int64_t depth, const float* a,
                              std::int64_t rs, Panel panel, std::int64_t cols, TileInit init,
                              float* c, std::int64_t c_stride) {
  RowsOfPanel<kLayout, kTileRows>(0, rows, depth, a, rs, panel, cols, init, c, c_stride);
}

// Four floats of each of kLanes / 4 rows that are `block_stride` apart, as one vector; zeros beyond
// the first `blocks` rows.
template <class D>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const float* from, std::int64_t block_stride,
                                 std::int64_t blocks) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return blocks > 0 ? hn::LoadU(d, from) : hn::Zero(d);
  } else {
    const hn::Half<D> half;
    constexpr std::int64_t kHalfBlocks = hn::MaxLanes(D()) / 8;
    return hn::Combine(
        d, LoadBlocks(half, from + kHalfBlocks * block_stride, block_stride, blocks - kHalfBlocks),
        LoadBlocks(half, from, block_stride, blocks));
  }
}

// out[c * kPanel + r] = from[r * stride + c] for `rows` rows r and cols columns c, 0 for r up to
// kLanes.
HWY_INLINE void TransposeLanes(const float* from, std::int64_t rows, std::int64_t stride,
                               std::int64_t cols, float* out) {
  const auto load = [&](std::int64_t first_row, std::int64_t c) HWY_ATTR {
    return LoadBlocks(kFloat, from + first_row * stride + c, 4 * stride,
                      (rows - first_row + 3) / 4);
  };
  std::int64_t c = 0;
  for (; c + 4 <= cols; c += 4) {
    const FloatVec r0 = load(0, c);
    const FloatVec r1 = load(1, c);
    const FloatVec r2 = load(2, c);
    const FloatVec r3 = load(3, c);
    const FloatVec low02 = hn::InterleaveLower(kFloat, r0, r2);
    const FloatVec low13 = hn::InterleaveLower(kFloat, r1, r3);
    const FloatVec high02 = hn::InterleaveUpper(kFloat, r0, r2);
    const FloatVec high13 = hn::InterleaveUpper(kFloat, r1, r3);
    hn::StoreU(hn::InterleaveLower(kFloat, low02, low13), kFloat, out + c * kPanel);
    hn::StoreU(hn::InterleaveUpper(kFloat, low02, low13), kFloat, out + (c + 1) * kPanel);
    hn::StoreU(hn::InterleaveLower(kFloat, high02, high13), kFloat, out + (c + 2) * kPanel);
    hn::StoreU(hn::InterleaveUpper(kFloat, high02, high13), kFloat, out + (c + 3) * kPanel);
  }
  for (; c < cols; ++c) {
    for (std::int64_t r = 0; r < kLanes; ++r) {
      out[c * kPanel + r] = r < rows ? from[r * stride + c] : 0;
    }
  }
}

// Panels of B^T for a row-major B[rows, cols]: panel p holds rows p kPanel ..., as [cols, kPanel],
// zero beyond the last row.
HWY_INLINE void PackTransposed(const float* from, std::int64_t rows, std::int64_t cols,
                               std::int64_t stride, float* out) {
  for (std::int64_t begin = 0; begin < rows; begin += kPanel, out += kPanel * cols) {
    for (std::int64_t half = 0; half < 2; ++half) {
      const std::int64_t first = begin + half * kLanes;
      const float* rows_from = from + first * stride;
      float* to = out + half * kLanes;
      if (first + kLanes <= rows) {
        TransposeLanes(rows_from, kLanes, stride, cols, to);
      } else if (first < rows) {
        TransposeLanes(rows_from, rows - first, stride, cols, to);
      } else {
        for (std::int64_t c = 0; c < cols; ++c) {
          hn::StoreU(hn::Zero(kFloat), kFloat, to + c * kPanel);
        }
      }
    }
  }
}

// Panels of a row-major B[rows, cols]: panel p holds columns p kPanel ..., as [rows, kPanel], zero
// beyond the last column.
HWY_INLINE void PackColumns(const float* from, std::int64_t rows, std::int64_t cols,
                            std::int64_t stride, float* out) {
  for (std::int64_t begin = 0; begin < cols; begin += kPanel) {
    const std::int64_t n = std::min(kPanel, cols - begin);
    if (n == kPanel) {
      for (std::int64_t r = 0; r < rows; ++r, out += kPanel) {
        const float* row = from + r * stride + begin;
        hn::StoreU(hn::LoadU(kFloat, row), kFloat, out);
        hn::StoreU(hn::LoadU(kFloat, row + kLanes), kFloat, out + kLanes);
      }
      continue;
    }
    for (std::int64_t r = 0; r < rows; ++r, out += kPanel) {
      std::memset(out, 0, sizeof(float) * kPanel);
      std::memcpy(out, from + r * stride + begin, sizeof(float) * n);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#endif
