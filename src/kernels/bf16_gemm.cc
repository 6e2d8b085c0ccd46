#include "kernels/bf16_gemm.h"

#include <algorithm>
#include <cstring>
#include <optional>
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
constexpr std::int64_t kRoundedBytesAmx = 1 << 20;  // machines with AMX have 2 MB

void Check(bool ok, const char* what, ConstMatrix a, const PackedBfloat16& w, ConstMatrix c) {
  if (ok) return;
  const auto shape = [](std::int64_t rows, std::int64_t cols) {
    return "[" + std::to_string(rows) + ", " + std::to_string(cols) + "]";
  };
  throw Error(ErrorCode::kInternal,
              std::string(what) + ": shapes do not agree: " + shape(a.rows, a.cols) + " and " +
                  shape(w.outputs(), w.inputs()) + " into " + shape(c.rows, c.cols));
}

std::int64_t RoundedUp(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

// Whole pairs, with AMX whole tiles of them.
std::int64_t PaddedDepth(std::int64_t depth, Bfloat16Path path) {
  return RoundedUp(depth, path == Bfloat16Path::kAmx ? 2 * kAmxPairs : 2);
}

// Where a panel of 32 columns has the pair `pair` of its column `col`.
std::int64_t PlaceInPanel(Bfloat16Path path, std::int64_t pair, std::int64_t col) {
  if (path != Bfloat16Path::kAmx) return (pair * kWidth + col) * 2;
  const std::int64_t tile = pair / kAmxPairs * (kWidth / kAmxRows) + col / kAmxRows;
  return ((tile * kAmxPairs + pair % kAmxPairs) * kAmxRows + col % kAmxRows) * 2;
}

// Room of this thread for `n` numbers in bf16.
Bfloat16* RoundingScratch(std::int64_t n) {
  thread_local AlignedFloats scratch;
  scratch.Resize((n + 1) / 2);
  return reinterpret_cast<Bfloat16*>(scratch.data());
}

void RoundRow(const float* from, std::int64_t n, std::span<Bfloat16> to) {
  RoundToBfloat16({from, static_cast<std::size_t>(n)}, to.first(n));
  std::fill(to.begin() + n, to.end(), Bfloat16());
}

// Rows of A as `depth` numbers in bf16, zero behind those of A.
const Bfloat16* Rounded(ConstMatrix a, std::int64_t depth) {
  Bfloat16* const to = RoundingScratch(a.rows * depth);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    RoundRow(a.row(r), a.cols, {to + r * depth, static_cast<std::size_t>(depth)});
  }
  return to;
}

// The same in the tiles of MultiplyAmx; rows behind the last of A hold anything.
const Bfloat16* RoundedTiles(ConstMatrix a, std::int64_t depth) {
  constexpr std::int64_t kLine = 2 * kAmxPairs;
  const std::int64_t rows = RoundedUp(a.rows, kAmxRows);
  Bfloat16* const tiles = RoundingScratch((rows + 1) * depth);
  Bfloat16* const row = tiles + rows * depth;
  for (std::int64_t r = 0; r < a.rows; ++r) {
    RoundRow(a.row(r), a.cols, {row, static_cast<std::size_t>(depth)});
    Bfloat16* to = tiles + r / kAmxRows * kAmxRows * depth + r % kAmxRows * kLine;
    for (std::int64_t i = 0; i < depth; i += kLine, to += kAmxRows * kLine) {
      std::copy_n(row + i, kLine, to);
    }
  }
  return tiles;
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
  switch (w.path()) {
    case Bfloat16Path::kAmx:
      MultiplyAmx(tile);
      break;
    case Bfloat16Path::kNative:
      MultiplyNative(tile);
      break;
    case Bfloat16Path::kWide:
      HWY_DYNAMIC_DISPATCH(MultiplyWide)(tile, a.data, a.stride, a.cols);
      break;
  }
  for (std::int64_t r = 0; cols < kWidth && r < a.rows; ++r) {
    std::copy_n(edge.data() + r * kWidth, cols, c + r * c_stride);
  }
}

// Rows of A at a time: equal blocks, whole tiles.
std::int64_t RowBlock(ConstMatrix a, Bfloat16Path path) {
  const bool amx = path == Bfloat16Path::kAmx;
  const std::int64_t tile = amx ? 2 * kAmxRows : 12;
  const std::int64_t bytes = amx ? kRoundedBytesAmx : kRoundedBytes;
  const std::int64_t most = std::max(tile, bytes / (2 * std::max<std::int64_t>(1, a.cols)));
  const std::int64_t blocks = (a.rows + most - 1) / most;
  return RoundedUp((a.rows + blocks - 1) / blocks, tile);
}

void MultiplyInto(ConstMatrix a, const PackedBfloat16& w, std::span<const float> bias, Store store,
                  Matrix c) {
  if (a.rows == 0 || c.cols == 0) return;
  const std::int64_t depth = PaddedDepth(a.cols, w.path());
  std::optional<AmxTiles> tiles;
  if (w.path() == Bfloat16Path::kAmx) tiles.emplace();
  if (store == Store::kAdd) {
    for (std::int64_t r = 0; !bias.empty() && r < c.rows; ++r) {
      for (std::int64_t j = 0; j < c.cols; ++j) c.row(r)[j] += bias[j];
    }
  }
  const std::int64_t block = RowBlock(a, w.path());
  for (std::int64_t begin = 0; begin < a.rows; begin += block) {
    const std::int64_t end = std::min(begin + block, a.rows);
    const ConstMatrix rows = a.Rows(begin, end);
    NativeTile tile{.rows = rows.rows, .pairs = depth / 2, .a_stride = depth};
    if (w.path() == Bfloat16Path::kNative) tile.a = Rounded(rows, depth);
    if (w.path() == Bfloat16Path::kAmx) tile.a = RoundedTiles(rows, depth);
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

// Packs panels of columns of a matrix of `pairs` pairs of rows, read by `at(row, column)`.
template <typename Read>
void PackPanels(std::int64_t columns, std::int64_t pairs, Bfloat16Path path, const Read& at,
                Bfloat16* to) {
  for (std::int64_t begin = 0; begin < columns; begin += kWidth, to += kWidth * 2 * pairs) {
    for (std::int64_t k = 0; k < pairs; ++k) {
      for (std::int64_t j = 0; j < kWidth; ++j) {
        Bfloat16* const out = to + PlaceInPanel(path, k, j);
        out[0] = at(2 * k, begin + j);
        out[1] = at(2 * k + 1, begin + j);
      }
    }
  }
}

}  // namespace

bool HasBfloat16Path(Bfloat16Path path) {
  static const bool amx = HasAmxBfloat16(), native = HasNativeBfloat16();
  return path == Bfloat16Path::kWide || (path == Bfloat16Path::kAmx ? amx : native);
}

Bfloat16Path BestBfloat16Path() {
  for (const Bfloat16Path path : {Bfloat16Path::kAmx, Bfloat16Path::kNative}) {
    if (HasBfloat16Path(path)) return path;
  }
  return Bfloat16Path::kWide;
}

PackedBfloat16::PackedBfloat16(ConstBfloat16Matrix w, PackFor use, Bfloat16Path path)
    : outputs_(w.rows), inputs_(w.cols), use_(use), path_(path) {
  if (use == PackFor::kBoth || !HasBfloat16Path(path)) {
    throw Error(ErrorCode::kInternal, "PackedBfloat16: one direction, and a path of this machine");
  }
  const std::int64_t columns = use == PackFor::kForward ? w.rows : w.cols;
  const std::int64_t depth = PaddedDepth(use == PackFor::kForward ? w.cols : w.rows, path);
  panels_.Resize((columns + kWidth - 1) / kWidth * kWidth * depth / 2);
  auto* const to = reinterpret_cast<Bfloat16*>(panels_.data());
  const auto read = [&w](std::int64_t o, std::int64_t i) {
    return o < w.rows && i < w.cols ? w.row(o)[i] : Bfloat16();
  };
  if (use == PackFor::kForward) {
    PackPanels(
        columns, depth / 2, path, [&](auto i, auto o) { return read(o, i); }, to);
  } else {
    PackPanels(columns, depth / 2, path, read, to);
  }
}

void PackedBfloat16::CopyRows(std::int64_t begin, std::int64_t count,
                              std::span<Bfloat16> rows_NI) const {
  if (use_ != PackFor::kForward || begin < 0 || begin + count > outputs_ ||
      static_cast<std::int64_t>(rows_NI.size()) != count * inputs_) {
    throw Error(ErrorCode::kInternal, "PackedBfloat16: rows that are not there");
  }
  const std::int64_t depth = PaddedDepth(inputs_, path_), end = begin + count;
  // Panel by panel, in the order of its memory.
  for (std::int64_t first = begin; first < end;) {
    const std::int64_t last = std::min(end, (first / kWidth + 1) * kWidth);
    const Bfloat16* const panel = panels() + first / kWidth * kWidth * depth;
    for (std::int64_t i = 0; i < inputs_; i += 2) {
      for (std::int64_t o = first; o < last; ++o) {
        const Bfloat16* const from = panel + PlaceInPanel(path_, i / 2, o % kWidth);
        Bfloat16* const to = rows_NI.data() + (o - begin) * inputs_ + i;
        to[0] = from[0];
        if (i + 1 < inputs_) to[1] = from[1];
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
