#include "kernels/bf16_gemm.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/bf16_native.h"
#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bf16_gemm.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace wide {

constexpr hn::ScalableTag<float> kFloat;
constexpr hn::ScalableTag<std::uint32_t> kBits;
using Vec = hn::Vec<decltype(kFloat)>;
constexpr std::int64_t kLanes = hn::MaxLanes(kFloat);
constexpr std::int64_t kWidth = PackedBfloat16::kPanelOutputs;
constexpr int kRowsAtOnce = HWY_TARGET <= HWY_AVX3 ? 12 : 4;

// Two vectors of columns of kRows rows; `panel` begins at their first column.
template <int kRows>
HWY_NOINLINE void Tile(const NativeTile& tile, const float* HWY_RESTRICT a, std::int64_t a_stride,
                       std::int64_t depth, std::int64_t row, std::int64_t col) {
  Vec sum[kRows][2];
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      sum[r][v] =
          tile.init == nullptr
              ? hn::Zero(kFloat)
              : hn::LoadU(kFloat, tile.init + (row + r) * tile.init_stride + col + v * kLanes);
    }
  }
  const auto* panel = reinterpret_cast<const std::uint32_t*>(tile.panel) + col;
  const auto high = hn::Set(kBits, 0xffff0000u);
  const float* const from = a + row * a_stride;
  const std::int64_t whole = depth / 2;
  for (std::int64_t k = 0; k < whole; ++k, panel += kWidth) {
    const auto b0 = hn::LoadU(kBits, panel);
    const auto b1 = hn::LoadU(kBits, panel + kLanes);
    const Vec even0 = hn::BitCast(kFloat, hn::ShiftLeft<16>(b0));
    const Vec even1 = hn::BitCast(kFloat, hn::ShiftLeft<16>(b1));
    const Vec odd0 = hn::BitCast(kFloat, hn::And(b0, high));
    const Vec odd1 = hn::BitCast(kFloat, hn::And(b1, high));
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) {
      const Vec x = hn::Set(kFloat, from[r * a_stride + 2 * k]);
      const Vec y = hn::Set(kFloat, from[r * a_stride + 2 * k + 1]);
      sum[r][0] = hn::MulAdd(y, odd0, hn::MulAdd(x, even0, sum[r][0]));
      sum[r][1] = hn::MulAdd(y, odd1, hn::MulAdd(x, even1, sum[r][1]));
    }
  }
  if (depth % 2 != 0) {
    const Vec even0 = hn::BitCast(kFloat, hn::ShiftLeft<16>(hn::LoadU(kBits, panel)));
    const Vec even1 = hn::BitCast(kFloat, hn::ShiftLeft<16>(hn::LoadU(kBits, panel + kLanes)));
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) {
      const Vec x = hn::Set(kFloat, from[r * a_stride + depth - 1]);
      sum[r][0] = hn::MulAdd(x, even0, sum[r][0]);
      sum[r][1] = hn::MulAdd(x, even1, sum[r][1]);
    }
  }
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
    float* const c = tile.c + (row + r) * tile.c_stride + col;
    hn::StoreU(sum[r][0], kFloat, c);
    hn::StoreU(sum[r][1], kFloat, c + kLanes);
  }
}

template <int kRows>
HWY_INLINE void RowsFrom(const NativeTile& tile, const float* a, std::int64_t a_stride,
                         std::int64_t depth, std::int64_t row, std::int64_t col) {
  for (; row + kRows <= tile.rows; row += kRows) Tile<kRows>(tile, a, a_stride, depth, row, col);
  if constexpr (kRows > 1) {
    if (row < tile.rows) {
      RowsFrom<(kRows > 8 ? 8 : kRows / 2)>(tile, a, a_stride, depth, row, col);
    }
  }
}

}  // namespace wide

// One whole panel with A in float.
void MultiplyWide(const NativeTile& tile, const float* a, std::int64_t a_stride,
                  std::int64_t depth) {
  for (std::int64_t col = 0; col < wide::kWidth; col += 2 * wide::kLanes) {
    wide::RowsFrom<wide::kRowsAtOnce>(tile, a, a_stride, depth, 0, col);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(MultiplyWide);

constexpr std::int64_t kWidth = PackedBfloat16::kPanelOutputs;
// Rows of A, rounded, that meet all panels before the next rows do: half a second-level cache.
constexpr std::int64_t kRoundedBytes = 384 << 10;

void Check(bool ok, const char* what, ConstMatrix a, const PackedBfloat16& w, ConstMatrix c) {
  if (ok) return;
  const auto shape = [](std::int64_t rows, std::int64_t cols) {
    return "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]";
  };
  throw Error(ErrorCode::kInternal,
              std::string(what) + ": shapes do not agree: " + shape(a.rows, a.cols) + " and " +
                  shape(w.outputs(), w.inputs()) + " into " + shape(c.rows, c.cols));
}

std::int64_t PaddedDepth(std::int64_t depth) { return (depth + 1) / 2 * 2; }

// Rows of A as pairs of bf16 of this thread, zero behind an odd depth.
std::span<const Bfloat16> Rounded(ConstMatrix a) {
  thread_local AlignedFloats scratch;
  const std::int64_t depth = PaddedDepth(a.cols);
  scratch.Resize(a.rows * depth / 2);
  auto* const to = reinterpret_cast<Bfloat16*>(scratch.data());
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const std::span row(to + r * depth, static_cast<std::size_t>(depth));
    RoundToBfloat16({a.row(r), static_cast<std::size_t>(a.cols)}, row.first(a.cols));
    if (depth > a.cols) row.back() = Bfloat16();
  }
  return {to, static_cast<std::size_t>(a.rows * depth)};
}

// One panel; columns beyond the last of C go through a copy.
void MultiplyPanel(const PackedBfloat16& w, ConstMatrix a, NativeTile tile, std::int64_t cols) {
  thread_local std::vector<float> edge;
  float* const c = tile.c;
  const std::int64_t c_stride = tile.c_stride;
  if (cols < kWidth) {
    edge.assign(a.rows * kWidth, 0.0f);
    if (tile.init != nullptr) {
      for (std::int64_t r = 0; r < a.rows; ++r) {
        std::copy_n(tile.init + r * tile.init_stride, cols, edge.data() + r * kWidth);
      }
      tile.init = edge.data();
      tile.init_stride = kWidth;
    }
    tile.c = edge.data();
    tile.c_stride = kWidth;
  }
  if (w.path() == Bfloat16Path::kNative) {
    MultiplyNative(tile);
  } else {
    HWY_DYNAMIC_DISPATCH(MultiplyWide)(tile, a.data, a.stride, a.cols);
  }
  for (std::int64_t r = 0; cols < kWidth && r < a.rows; ++r) {
    std::copy_n(edge.data() + r * kWidth, cols, c + r * c_stride);
  }
}

// Rows of A at a time: equal blocks, whole tiles.
std::int64_t RowBlock(ConstMatrix a) {
  constexpr std::int64_t kTile = 12;
  const std::int64_t most =
      std::max<std::int64_t>(kTile, kRoundedBytes / (2 * std::max<std::int64_t>(1, a.cols)));
  const std::int64_t blocks = (a.rows + most - 1) / most;
  return ((a.rows + blocks - 1) / blocks + kTile - 1) / kTile * kTile;
}

void MultiplyInto(ConstMatrix a, const PackedBfloat16& w, std::span<const float> bias, Store store,
                  Matrix c) {
  if (a.rows == 0 || c.cols == 0) return;
  const std::int64_t depth = PaddedDepth(a.cols);
  if (store == Store::kAdd) {
    for (std::int64_t r = 0; !bias.empty() && r < c.rows; ++r) {
      for (std::int64_t j = 0; j < c.cols; ++j) c.row(r)[j] += bias[j];
    }
  }
  const std::int64_t block = RowBlock(a);
  for (std::int64_t begin = 0; begin < a.rows; begin += block) {
    const std::int64_t end = std::min(begin + block, a.rows);
    const ConstMatrix rows = a.Rows(begin, end);
    NativeTile tile{.rows = rows.rows, .pairs = depth / 2, .a_stride = depth};
    if (w.path() == Bfloat16Path::kNative) tile.a = Rounded(rows).data();
    for (std::int64_t col = 0; col < c.cols; col += kWidth) {
      tile.panel = w.panels() + col * depth;
      tile.next = col + kWidth < c.cols ? tile.panel + kWidth * depth : nullptr;
      tile.c = c.row(begin) + col;
      tile.c_stride = c.stride;
      if (store == Store::kAdd) {
        tile.init = tile.c;
        tile.init_stride = c.stride;
      } else if (!bias.empty()) {
        tile.init = bias.data() + col;
      }
      MultiplyPanel(w, rows, tile, std::min(kWidth, c.cols - col));
    }
  }
}

// Panels of rows of W side by side, the inputs in pairs.
void PackOutputs(ConstBfloat16Matrix w, Bfloat16* to) {
  const std::int64_t pairs = PaddedDepth(w.cols) / 2;
  for (std::int64_t begin = 0; begin < w.rows; begin += kWidth, to += kWidth * 2 * pairs) {
    const std::int64_t n = std::min(kWidth, w.rows - begin);
    for (std::int64_t k = 0; k < pairs; ++k) {
      Bfloat16* const out = to + k * 2 * kWidth;
      const bool whole = 2 * k + 1 < w.cols;
      for (std::int64_t j = 0; j < n; ++j) {
        const Bfloat16* const from = w.row(begin + j) + 2 * k;
        out[2 * j] = from[0];
        out[2 * j + 1] = whole ? from[1] : Bfloat16();
      }
      std::fill(out + 2 * n, out + 2 * kWidth, Bfloat16());
    }
  }
}

// Panels of columns of W, the outputs in pairs.
void PackInputs(ConstBfloat16Matrix w, Bfloat16* to) {
  const std::int64_t pairs = PaddedDepth(w.rows) / 2;
  for (std::int64_t begin = 0; begin < w.cols; begin += kWidth) {
    const std::int64_t n = std::min(kWidth, w.cols - begin);
    for (std::int64_t k = 0; k < pairs; ++k, to += 2 * kWidth) {
      const Bfloat16* const first = w.row(2 * k) + begin;
      const Bfloat16* const second = 2 * k + 1 < w.rows ? w.row(2 * k + 1) + begin : nullptr;
      for (std::int64_t j = 0; j < n; ++j) {
        to[2 * j] = first[j];
        to[2 * j + 1] = second != nullptr ? second[j] : Bfloat16();
      }
      std::fill(to + 2 * n, to + 2 * kWidth, Bfloat16());
    }
  }
}

}  // namespace

Bfloat16Path BestBfloat16Path() {
  static const bool native = HasNativeBfloat16();
  return native ? Bfloat16Path::kNative : Bfloat16Path::kWide;
}

PackedBfloat16::PackedBfloat16(ConstBfloat16Matrix w, PackFor use, Bfloat16Path path)
    : outputs_(w.rows), inputs_(w.cols), use_(use), path_(path) {
  if (use == PackFor::kBoth || (path == Bfloat16Path::kNative && !HasNativeBfloat16())) {
    throw Error(ErrorCode::kInternal, "PackedBfloat16: one direction, and a path of this machine");
  }
  const std::int64_t columns = use == PackFor::kForward ? w.rows : w.cols;
  const std::int64_t depth = PaddedDepth(use == PackFor::kForward ? w.cols : w.rows);
  panels_.Resize((columns + kWidth - 1) / kWidth * kWidth * depth / 2);
  auto* const to = reinterpret_cast<Bfloat16*>(panels_.data());
  if (use == PackFor::kForward) {
    PackOutputs(w, to);
  } else {
    PackInputs(w, to);
  }
}

void PackedBfloat16::CopyRows(std::int64_t begin, std::int64_t count,
                              std::span<Bfloat16> rows_NI) const {
  if (use_ != PackFor::kForward || begin < 0 || begin + count > outputs_ ||
      static_cast<std::int64_t>(rows_NI.size()) != count * inputs_) {
    throw Error(ErrorCode::kInternal, "PackedBfloat16: rows that are not there");
  }
  const std::int64_t depth = PaddedDepth(inputs_), end = begin + count;
  // Panel by panel, in the order of its memory.
  for (std::int64_t first = begin; first < end;) {
    const std::int64_t last = std::min(end, (first / kWidth + 1) * kWidth);
    const Bfloat16* panel = panels() + first / kWidth * kWidth * depth;
    for (std::int64_t i = 0; i < inputs_; i += 2, panel += 2 * kWidth) {
      for (std::int64_t o = first; o < last; ++o) {
        Bfloat16* const to = rows_NI.data() + (o - begin) * inputs_ + i;
        to[0] = panel[o % kWidth * 2];
        if (i + 1 < inputs_) to[1] = panel[o % kWidth * 2 + 1];
      }
    }
    first = last;
  }
}

void MultiplyTransposed(ConstMatrix x, const PackedBfloat16& w, std::span<const float> bias,
                        Store store, Matrix y) {
  Check(x.cols == w.inputs() && y.cols == w.outputs() && y.rows == x.rows &&
            w.use() == PackFor::kForward &&
            (bias.empty() || static_cast<std::int64_t>(bias.size()) == y.cols),
        "x W^T in bf16", x, w, y);
  MultiplyInto(x, w, bias, store, y);
}

void Multiply(ConstMatrix dy, const PackedBfloat16& w, Store store, Matrix dx) {
  Check(dy.cols == w.outputs() && dx.cols == w.inputs() && dx.rows == dy.rows &&
            w.use() == PackFor::kBackward,
        "dy W in bf16", dy, w, dx);
  MultiplyInto(dy, w, {}, store, dx);
}

}  // namespace raie::kernels
#endif
