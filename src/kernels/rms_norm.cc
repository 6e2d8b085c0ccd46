#include "kernels/rms_norm.h"

#include <cmath>
#include <string>

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/rms_norm.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {
using row::ForLanes;
using row::kTag;
using row::Vec;

// h = residual + x (residual may be null); returns sum h^2.
HWY_INLINE float SumRow(std::int64_t dim, const float* x, const float* residual, float* h) {
  Vec sum = hn::Zero(kTag);
  ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    Vec value = lanes.Load(x + c);
    if (residual != nullptr) value = hn::Add(value, lanes.Load(residual + c));
    if (h != nullptr) lanes.Store(value, h + c);
    sum = hn::MulAdd(value, value, sum);
  });
  return row::Sum(sum);
}

HWY_INLINE void ScaleRow(std::int64_t dim, const float* h, float rstd, const float* gamma,
                         float* y) {
  const Vec scale = hn::Set(kTag, rstd);
  ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    lanes.Store(hn::Mul(hn::Mul(lanes.Load(h + c), scale), lanes.Load(gamma + c)), y + c);
  });
}

HWY_INLINE void GradientRow(std::int64_t dim, const float* dy, const float* h, float rstd,
                            const float* gamma, const float* extra, float* dh) {
  const Vec scale = hn::Set(kTag, rstd);
  Vec sum = hn::Zero(kTag);
  ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    const Vec g = hn::Mul(lanes.Load(dy + c), lanes.Load(gamma + c));
    sum = hn::MulAdd(g, hn::Mul(lanes.Load(h + c), scale), sum);
  });
  const Vec mean = hn::Set(kTag, row::Sum(sum) / static_cast<float>(dim));
  ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    const Vec g = hn::Mul(lanes.Load(dy + c), lanes.Load(gamma + c));
    const Vec xhat = hn::Mul(lanes.Load(h + c), scale);
    const Vec inner = hn::NegMulAdd(xhat, mean, g);
    const Vec more = extra == nullptr ? hn::Zero(kTag) : lanes.Load(extra + c);
    lanes.Store(hn::MulAdd(inner, scale, more), dh + c);
  });
}

}  // namespace

void RmsForwardRows(const RmsNormForwardArgs& args) {
  const std::int64_t dim = args.dim, groups = args.x.cols / dim;
  for (std::int64_t t = 0; t < args.x.rows; ++t) {
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int64_t at = g * dim;
      const float* const x = args.x.row(t) + at;
      // Without a place for h it is read where it is made: in y.
      float* const y = args.y.row(t) + at;
      const float* const residual = args.residual.empty() ? nullptr : args.residual.row(t) + at;
      float* h = args.h.empty() ? nullptr : args.h.row(t) + at;
      if (h == nullptr && residual != nullptr) h = y;
      const float squares = SumRow(dim, x, residual, h);
      const float rstd = 1 / std::sqrt(squares / static_cast<float>(dim) + args.eps);
      ScaleRow(dim, h == nullptr ? x : h, rstd, args.gamma_D.data(), y);
      if (!args.rstd_TG.empty()) args.rstd_TG[t * groups + g] = rstd;
    }
  }
}

void RmsBackwardRows(const RmsNormBackwardArgs& args) {
  const std::int64_t dim = args.dim, groups = args.dy.cols / dim;
  for (std::int64_t t = 0; t < args.dy.rows; ++t) {
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int64_t at = g * dim;
      GradientRow(dim, args.dy.row(t) + at, args.h.row(t) + at, args.rstd_TG[t * groups + g],
                  args.gamma_D.data(), args.extra_dh.empty() ? nullptr : args.extra_dh.row(t) + at,
                  args.dh.row(t) + at);
    }
  }
}

void RmsAgainRows(std::int64_t dim, ConstMatrix h, std::span<const float> rstd,
                  std::span<const float> gamma, Matrix y) {
  const std::int64_t groups = h.cols / dim;
  for (std::int64_t t = 0; t < h.rows; ++t) {
    for (std::int64_t g = 0; g < groups; ++g) {
      ScaleRow(dim, h.row(t) + g * dim, rstd[t * groups + g], gamma.data(), y.row(t) + g * dim);
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
HWY_EXPORT(RmsForwardRows);
HWY_EXPORT(RmsBackwardRows);
HWY_EXPORT(RmsAgainRows);

void Check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string(what) + ": shapes do not agree");
}

bool SameShape(ConstMatrix a, ConstMatrix b) { return a.rows == b.rows && a.cols == b.cols; }
bool Fits(ConstMatrix m, ConstMatrix as) { return m.empty() || SameShape(m, as); }

// One number a row and group, of rows of `dim` columns a group.
bool Whole(std::int64_t dim, ConstMatrix m, std::size_t gamma, std::size_t rstd) {
  return dim > 0 && m.cols % dim == 0 && static_cast<std::int64_t>(gamma) == dim &&
         static_cast<std::int64_t>(rstd) == m.rows * (m.cols / dim);
}
}  // namespace

void RmsNormForward(const RmsNormForwardArgs& args) {
  const ConstMatrix x = args.x;
  Check(args.dim > 0 && SameShape(args.y, x) && Fits(args.residual, x) && Fits(args.h, x) &&
            Whole(args.dim, x, args.gamma_D.size(),
                  args.rstd_TG.empty() ? x.rows * (x.cols / args.dim) : args.rstd_TG.size()),
        "RmsNormForward");
  HWY_DYNAMIC_DISPATCH(RmsForwardRows)(args);
}

void RmsNormBackward(const RmsNormBackwardArgs& args) {
  const ConstMatrix dy = args.dy;
  Check(SameShape(args.dh, dy) && SameShape(args.h, dy) && Fits(args.extra_dh, dy) &&
            Whole(args.dim, dy, args.gamma_D.size(), args.rstd_TG.size()),
        "RmsNormBackward");
  HWY_DYNAMIC_DISPATCH(RmsBackwardRows)(args);
}

void RmsNormAgain(std::int64_t dim, ConstMatrix h, std::span<const float> rstd,
                  std::span<const float> gamma, Matrix y) {
  Check(SameShape(y, h) && Whole(dim, h, gamma.size(), rstd.size()), "RmsNormAgain");
  HWY_DYNAMIC_DISPATCH(RmsAgainRows)(dim, h, rstd, gamma, y);
}

}  // namespace raie::kernels
#endif
