#include "kernels/rope.h"

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rope.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void RotateRows(const Rotations& rotations, float direction,
                std::span<const std::int32_t> positions, Matrix x) {
  const std::int64_t half = rotations.dim / 2;
  const auto sign = hn::Set(row::kTag, direction);
  for (std::int64_t t = 0; t < x.rows; ++t) {
    const float* const cos = rotations.cos_LF.data() + positions[t] * half;
    const float* const sin = rotations.sin_LF.data() + positions[t] * half;
    for (float* head = x.row(t); head < x.row(t) + x.cols; head += rotations.dim) {
      row::ForLanes(half, [&](std::int64_t c, auto lanes) HWY_ATTR {
        const row::Vec a = lanes.Load(head + c), b = lanes.Load(head + half + c);
        const row::Vec co = lanes.Load(cos + c), si = hn::Mul(sign, lanes.Load(sin + c));
        lanes.Store(hn::NegMulAdd(b, si, hn::Mul(a, co)), head + c);
        lanes.Store(hn::MulAdd(a, si, hn::Mul(b, co)), head + half + c);
      });
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(RotateRows);
}  // namespace

void Rotate(const Rotations& rotations, Turn turn, std::span<const std::int32_t> positions,
            Matrix x) {
  const std::int64_t dim = rotations.dim;
  const bool fits = dim > 0 && dim % 2 == 0 && x.cols % dim == 0 &&
                    static_cast<std::int64_t>(positions.size()) == x.rows &&
                    rotations.cos_LF.size() == rotations.sin_LF.size();
  if (!fits) throw Error(ErrorCode::kInternal, "Rotate: shapes do not agree");
  const auto places = static_cast<std::int64_t>(rotations.cos_LF.size()) / (dim / 2);
  for (const std::int32_t position : positions) {
    if (position < 0 || position >= places) {
      throw Error(ErrorCode::kInternal, "Rotate: a position beyond the table");
    }
  }
  HWY_DYNAMIC_DISPATCH(RotateRows)
  (rotations, turn == Turn::kForward ? 1.0f : -1.0f, positions, x);
}

}  // namespace raie::kernels
#endif
