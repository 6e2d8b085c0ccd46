#include "kernels/gemm.h"

#include <string>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {

// One block of depth: a panel of it and a tile of A stay in the first-level cache.
constexpr std::int64_t kDepthBlock = 256;
// Rows of A that meet all panels before the next rows do (second-level cache).
constexpr std::int64_t kRowBlock = 96;
// Columns of one packed block of B in MultiplyOuter.
constexpr std::int64_t kColumnBlock = 256;

std::int64_t PanelWidth() { return kPanel; }

// Returns the size of equal blocks of at most kDepthBlock that cover `depth`.
std::int64_t DepthBlock(std::int64_t depth) {
  const std::int64_t blocks = std::max<std::int64_t>(1, (depth + kDepthBlock - 1) / kDepthBlock);
  return (depth + blocks - 1) / blocks;
}

// C = init + A B with B in panels of `panel_depth` rows, of which rows 0 .. a.cols - 1 are used.
void MultiplyPanels(ConstMatrix a, const float* panels, std::int64_t panel_depth, TileInit init,
                    Matrix c) {
  const std::int64_t depth_block = DepthBlock(a.cols);
  for (std::int64_t k = 0; k == 0 || k < a.cols; k += depth_block) {
    const std::int64_t depth = std::min(depth_block, a.cols - k);
    const TileInit begin = k == 0 ? init : TileInit{c.data, c.stride};
    for (std::int64_t r = 0; r < a.rows; r += kRowBlock) {
      const std::int64_t rows = std::min(kRowBlock, a.rows - r);
      for (std::int64_t col = 0; col < c.cols; col += kPanel) {
        TileInit here = begin;
        if (here.values != nullptr) here.values += r * here.stride + col;
        MultiplyPanel<LayoutA::kRowMajor>(rows, depth, a.data + r * a.stride + k, a.stride,
                                          Panel{panels + col * panel_depth + k * kPanel},
                                          std::min(kPanel, c.cols - col), here,
                                          c.data + r * c.stride + col, c.stride);
      }
    }
  }
}

// Entry of the dispatch: `init` is null (zero), a bias (stride 0) or C itself.
void MultiplyPacked(ConstMatrix a, const float* panels, std::int64_t panel_depth, const float* init,
                    std::int64_t init_stride, Matrix c) {
  MultiplyPanels(a, panels, panel_depth, {init, init_stride}, c);
}

void PackForward(ConstMatrix w, float* out) {
  PackTransposed(w.data, w.rows, w.cols, w.stride, out);
}

void PackBackward(ConstMatrix w, float* out) { PackColumns(w.data, w.rows, w.cols, w.stride, out); }

// Packs columns of dy into blocks [depth, kTileRows].
void PackTileRows(ConstMatrix dy, float* out) {
  for (std::int64_t o = 0; o < dy.cols; o += kTileRows) {
    const std::int64_t n = std::min<std::int64_t>(kTileRows, dy.cols - o);
    if (n == kTileRows) {
      for (std::int64_t t = 0; t < dy.rows; ++t, out += kTileRows) {
        std::memcpy(out, dy.row(t) + o, sizeof(float) * kTileRows);
      }
      continue;
    }
    for (std::int64_t t = 0; t < dy.rows; ++t, out += kTileRows) {
      for (std::int64_t j = 0; j < n; ++j) out[j] = dy.row(t)[o + j];
    }
  }
}

void MultiplyOuterBlock(ConstMatrix dy, const float* panels, TileInit init, Matrix dw) {
  thread_local AlignedFloats packed;
  packed.Resize((kRowBlock + kTileRows) * kDepthBlock);
  const std::int64_t depth = dy.rows;
  for (std::int64_t r = 0; r < dw.rows; r += kRowBlock) {
    const std::int64_t rows = std::min(kRowBlock, dw.rows - r);
    PackTileRows(dy.Columns(r, r + rows), packed.data());
    for (std::int64_t col = 0; col < dw.cols; col += kPanel) {
      for (std::int64_t tile = 0; tile < rows; tile += kTileRows) {
        TileInit here = init;
        if (here.values != nullptr) here.values += (r + tile) * init.stride + col;
        MultiplyPanel<LayoutA::kTransposed>(
            std::min<std::int64_t>(kTileRows, rows - tile), depth, packed.data() + tile * depth,
            kTileRows, Panel{panels + col * depth}, std::min(kPanel, dw.cols - col), here,
            dw.row(r + tile) + col, dw.stride);
      }
    }
  }
}

// dW = or += dy^T x for a dy of at most kTileRows columns (LoRA): one tile of rows reads each panel
// of x once, so both sides are read in place; packing them would cost as much as the product. Sums
// run in the order of MultiplyOuterAll, with the same bits.
void MultiplyOuterSkinny(ConstMatrix dy, ConstMatrix x, Store store, Matrix dw) {
  const std::int64_t depth_block = DepthBlock(x.rows);
  for (std::int64_t t = 0; t == 0 || t < x.rows; t += depth_block) {
    const std::int64_t depth = std::min(depth_block, x.rows - t);
    for (std::int64_t col = 0; col < x.cols; col += kPanel) {
      const TileInit init =
          t > 0 || store == Store::kAdd ? TileInit{dw.data + col, dw.stride} : TileInit{};
      MultiplyPanel<LayoutA::kTransposed>(dy.cols, depth, dy.data + t * dy.stride, dy.stride,
                                          Panel{x.data + t * x.stride + col, x.stride},
                                          std::min(kPanel, x.cols - col), init, dw.data + col,
                                          dw.stride);
    }
  }
}

// The same for an x of at most kTileRows columns: the transposed product, turned over at the end.
// A product of two numbers does not depend on their order, so the bits are the same again.
void MultiplyOuterNarrow(ConstMatrix dy, ConstMatrix x, Store store, Matrix dw) {
  thread_local AlignedFloats turned;
  turned.Resize(dw.rows * dw.cols);
  const Matrix dw_IO{turned.data(), dw.cols, dw.rows, dw.rows};
  if (store == Store::kAdd) {
    for (std::int64_t o = 0; o < dw.rows; ++o) {
      for (std::int64_t i = 0; i < dw.cols; ++i) dw_IO.row(i)[o] = dw.row(o)[i];
    }
  }
  MultiplyOuterSkinny(x, dy, store, dw_IO);
  for (std::int64_t o = 0; o < dw.rows; ++o) {
    for (std::int64_t i = 0; i < dw.cols; ++i) dw.row(o)[i] = dw_IO.row(i)[o];
  }
}

void MultiplyOuterAll(ConstMatrix dy, ConstMatrix x, Store store, Matrix dw) {
  // Full panels only: an edge would be read beyond a row.
  if (dy.cols <= kTileRows && x.cols % kPanel == 0) {
    MultiplyOuterSkinny(dy, x, store, dw);
    return;
  }
  if (x.cols <= kTileRows && dy.cols % kPanel == 0) {
    MultiplyOuterNarrow(dy, x, store, dw);
    return;
  }
  thread_local AlignedFloats panels;
  panels.Resize(kColumnBlock * kDepthBlock);
  const std::int64_t depth_block = DepthBlock(x.rows);
  for (std::int64_t t = 0; t == 0 || t < x.rows; t += depth_block) {
    const std::int64_t end = std::min(t + depth_block, x.rows);
    for (std::int64_t col = 0; col < x.cols; col += kColumnBlock) {
      const std::int64_t cols = std::min(kColumnBlock, x.cols - col);
      PackColumns(x.row(t) + col, end - t, cols, x.stride, panels.data());
      const TileInit init =
          t > 0 || store == Store::kAdd ? TileInit{dw.data + col, dw.stride} : TileInit{};
      MultiplyOuterBlock(dy.Rows(t, end), panels.data(), init, dw.Columns(col, col + cols));
    }
  }
}

void ColumnSums(ConstMatrix x, float* sums) {
  std::int64_t c = 0;
  for (; c + kLanes <= x.cols; c += kLanes) {
    FloatVec sum = hn::LoadU(kFloat, sums + c);
    for (std::int64_t r = 0; r < x.rows; ++r) {
      sum = hn::Add(sum, hn::LoadU(kFloat, x.row(r) + c));
    }
    hn::StoreU(sum, kFloat, sums + c);
  }
  for (; c < x.cols; ++c) {
    for (std::int64_t r = 0; r < x.rows; ++r) sums[c] += x.row(r)[c];
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {

HWY_EXPORT(PanelWidth);
HWY_EXPORT(MultiplyPacked);
HWY_EXPORT(PackForward);
HWY_EXPORT(PackBackward);
HWY_EXPORT(MultiplyOuterAll);
HWY_EXPORT(ColumnSums);

void Check(bool ok, const char* what, ConstMatrix a, ConstMatrix b, ConstMatrix c) {
  if (ok) return;
  const auto shape = [](ConstMatrix m) {
    return "[" + std::to_string(m.rows) + ", " + std::to_string(m.cols) + "]";
  };
  throw Error(ErrorCode::kInternal, std::string(what) + ": shapes do not agree: " + shape(a) +
                                        " and " + shape(b) + " into " + shape(c));
}

std::int64_t PackedSize(std::int64_t columns, std::int64_t depth) {
  const std::int64_t width = HWY_DYNAMIC_DISPATCH(PanelWidth)();
  return (columns + width - 1) / width * width * depth;
}

void MultiplyInto(ConstMatrix a, const float* panels, std::int64_t panel_depth,
                  std::span<const float> bias, Store store, Matrix c) {
  if (a.rows == 0 || c.cols == 0) return;
  const float* init = bias.empty() ? nullptr : bias.data();
  std::int64_t init_stride = 0;
  if (store == Store::kAdd) {
    for (std::int64_t r = 0; !bias.empty() && r < c.rows; ++r) {
      for (std::int64_t j = 0; j < c.cols; ++j) c.row(r)[j] += bias[j];
    }
    init = c.data;
    init_stride = c.stride;
  }
  HWY_DYNAMIC_DISPATCH(MultiplyPacked)(a, panels, panel_depth, init, init_stride, c);
}

ConstMatrix ShapeOf(const PackedWeights& w) { return {nullptr, w.outputs(), w.inputs(), 0}; }

}  // namespace

void PackedWeights::Pack(ConstMatrix w, PackFor use) {
  outputs_ = w.rows;
  inputs_ = w.cols;
  forward_.Resize(0);
  backward_.Resize(0);
  if (use != PackFor::kBackward) {
    forward_.Resize(PackedSize(outputs_, inputs_));
    HWY_DYNAMIC_DISPATCH(PackForward)(w, forward_.data());
  }
  if (use != PackFor::kForward) {
    backward_.Resize(PackedSize(inputs_, outputs_));
    HWY_DYNAMIC_DISPATCH(PackBackward)(w, backward_.data());
  }
}

void PackedWeights::CopyRows(std::int64_t begin, Matrix to) const {
  Check(packed_forward() && begin >= 0 && begin + to.rows <= outputs_ && to.cols == inputs_,
        "rows of a packed weight", ShapeOf(*this), {}, to);
  const std::int64_t width = HWY_DYNAMIC_DISPATCH(PanelWidth)();
  for (std::int64_t r = 0; r < to.rows; ++r) {
    const std::int64_t o = begin + r;
    const float* const panel = forward_panels() + o / width * width * inputs_ + o % width;
    for (std::int64_t i = 0; i < inputs_; ++i) to.row(r)[i] = panel[i * width];
  }
}

void MultiplyTransposed(ConstMatrix x, const PackedWeights& w, std::span<const float> bias,
                        Store store, Matrix y) {
  Check(x.cols == w.inputs() && y.cols == w.outputs() && y.rows == x.rows && w.packed_forward() &&
            (bias.empty() || static_cast<std::int64_t>(bias.size()) == y.cols),
        "x W^T", x, ShapeOf(w), y);
  MultiplyInto(x, w.forward_panels(), w.inputs(), bias, store, y);
}

void MultiplyTransposedRange(ConstMatrix x, const PackedWeights& w, std::int64_t begin, Matrix y) {
  Check(x.cols == w.inputs() && begin + y.cols <= w.outputs() && y.rows == x.rows &&
            begin % PackedWeights::kRowAlignment == 0 && w.packed_forward(),
        "x W^T of a range", x, ShapeOf(w), y);
  MultiplyInto(x, w.forward_panels() + begin * w.inputs(), w.inputs(), {}, Store::kSet, y);
}

void Multiply(ConstMatrix dy, const PackedWeights& w, Store store, Matrix dx) {
  Check(dy.cols == w.outputs(), "dy W", dy, ShapeOf(w), dx);
  MultiplyRange(dy, w, 0, store, dx);
}

void MultiplyRange(ConstMatrix dy, const PackedWeights& w, std::int64_t begin, Store store,
                   Matrix dx) {
  Check(begin + dy.cols <= w.outputs() && dx.cols == w.inputs() && dx.rows == dy.rows &&
            w.packed_backward(),
        "dy W", dy, ShapeOf(w), dx);
  const std::int64_t width = HWY_DYNAMIC_DISPATCH(PanelWidth)();
  MultiplyInto(dy, w.backward_panels() + begin * width, w.outputs(), {}, store, dx);
}

void MultiplyOuter(ConstMatrix dy, ConstMatrix x, Store store, Matrix dw) {
  Check(dy.rows == x.rows && dw.rows == dy.cols && dw.cols == x.cols, "dy^T x", dy, x, dw);
  if (dw.rows == 0 || dw.cols == 0) return;
  HWY_DYNAMIC_DISPATCH(MultiplyOuterAll)(dy, x, store, dw);
}

void MultiplyPlain(ConstMatrix a, ConstMatrix b, Store store, Matrix c) {
  Check(a.cols == b.rows && c.rows == a.rows && c.cols == b.cols, "a b", a, b, c);
  thread_local AlignedFloats panels;
  panels.Resize(PackedSize(b.cols, b.rows));
  HWY_DYNAMIC_DISPATCH(PackBackward)(b, panels.data());
  MultiplyInto(a, panels.data(), b.rows, {}, store, c);
}

void AddColumnSums(ConstMatrix x, std::span<float> sums) {
  Check(static_cast<std::int64_t>(sums.size()) == x.cols, "column sums", x, {}, {});
  HWY_DYNAMIC_DISPATCH(ColumnSums)(x, sums.data());
}

}  // namespace raie::kernels
#endif
