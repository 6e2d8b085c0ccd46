#include "nn/frozen_map.h"

#include <vector>

#include "nn/arena.h"

namespace raie::nn {

using kernels::Bfloat16;
using kernels::PackedBfloat16;
using kernels::PackedWeights;
using kernels::PackFor;

FrozenMap::FrozenMap(kernels::ConstMatrix w) : forward32_(w, PackFor::kForward) {}
FrozenMap::FrozenMap(kernels::ConstBfloat16Matrix w) : forward16_(w, PackFor::kForward) {}

std::int64_t FrozenMap::outputs() const {
  return precision() == Precision::kBf16 ? forward16_.outputs() : forward32_.outputs();
}
std::int64_t FrozenMap::inputs() const {
  return precision() == Precision::kBf16 ? forward16_.inputs() : forward32_.inputs();
}

void FrozenMap::Forward(kernels::ConstMatrix x, std::span<const float> bias,
                        kernels::Matrix y) const {
  if (precision() == Precision::kBf16) {
    kernels::MultiplyTransposed(x, forward16_, bias, kernels::Store::kSet, y);
  } else {
    kernels::MultiplyTransposed(x, forward32_, bias, kernels::Store::kSet, y);
  }
}

void FrozenMap::Backward(kernels::ConstMatrix dy, kernels::Store store, kernels::Matrix dx) const {
  std::call_once(backward_made_, [this] { MakeBackward(); });
  if (precision() == Precision::kBf16) {
    kernels::Multiply(dy, backward16_, store, dx);
  } else {
    kernels::Multiply(dy, backward32_, store, dx);
  }
}

void FrozenMap::MakeBackward() const {
  const std::int64_t rows = outputs(), cols = inputs();
  if (precision() == Precision::kBf16) {
    std::vector<Bfloat16> w(rows * cols);
    forward16_.CopyRows(0, rows, w);
    backward16_ = PackedBfloat16({w.data(), rows, cols, cols}, PackFor::kBackward);
    return;
  }
  std::vector<float> w(rows * cols);
  const kernels::Matrix view = kernels::MutableView(w, rows, cols);
  forward32_.CopyRows(0, view);
  backward32_ = PackedWeights(view, PackFor::kBackward);
}

void FrozenMap::CopyRows(std::int64_t begin, kernels::Matrix to) const {
  if (precision() == Precision::kFp32) {
    forward32_.CopyRows(begin, to);
    return;
  }
  std::vector<Bfloat16> rows(to.rows * to.cols);
  forward16_.CopyRows(begin, to.rows, rows);
  for (std::int64_t r = 0; r < to.rows; ++r) {
    kernels::WidenBfloat16(std::span<const Bfloat16>(rows).subspan(r * to.cols, to.cols),
                           {to.row(r), static_cast<std::size_t>(to.cols)});
  }
}

}  // namespace raie::nn
