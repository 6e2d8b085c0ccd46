#include "kernels/swiglu.h"

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/swiglu.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "hwy/contrib/math/math-inl.h"
#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// 1 / (1 + e^-x) by the exponential of a negative number, which cannot overflow.
HWY_INLINE row::Vec Sigmoid(row::Vec x) {
  const row::Vec one = hn::Set(row::kTag, 1.0f);
  const row::Vec low = hn::Set(row::kTag, -87.0f);
  const row::Vec e = hn::Exp(row::kTag, hn::Max(low, hn::Neg(hn::Abs(x))));
  const row::Vec numerator = hn::IfThenElse(hn::Lt(x, hn::Zero(row::kTag)), e, one);
  return hn::Div(numerator, hn::Add(one, e));
}

void SwigluForwardRows(ConstMatrix gate_up, Matrix y) {
  for (std::int64_t t = 0; t < y.rows; ++t) {
    const float* const gate = gate_up.row(t);
    const float* const up = gate + y.cols;
    float* const out = y.row(t);
    row::ForLanes(y.cols, [&](std::int64_t c, auto lanes) HWY_ATTR {
      const row::Vec g = lanes.Load(gate + c);
      lanes.Store(hn::Mul(hn::Mul(g, Sigmoid(g)), lanes.Load(up + c)), out + c);
    });
  }
}

void SwigluBackwardRows(ConstMatrix dy, Matrix gate_up) {
  const row::Vec one = hn::Set(row::kTag, 1.0f);
  for (std::int64_t t = 0; t < dy.rows; ++t) {
    const float* const from = dy.row(t);
    float* const gate = gate_up.row(t);
    float* const up = gate + dy.cols;
    row::ForLanes(dy.cols, [&](std::int64_t c, auto lanes) HWY_ATTR {
      const row::Vec d = lanes.Load(from + c), g = lanes.Load(gate + c);
      const row::Vec s = Sigmoid(g);
      const row::Vec slope = hn::Mul(s, hn::MulAdd(g, hn::Sub(one, s), one));
      const row::Vec du = hn::Mul(d, hn::Mul(g, s));
      lanes.Store(hn::Mul(hn::Mul(d, lanes.Load(up + c)), slope), gate + c);
      lanes.Store(du, up + c);
    });
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(SwigluForwardRows);
HWY_EXPORT(SwigluBackwardRows);

void Check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string(what) + ": shapes do not agree");
}
}  // namespace

void SwigluForward(ConstMatrix gate_up, Matrix y) {
  Check(gate_up.rows == y.rows && gate_up.cols == 2 * y.cols, "SwigluForward");
  HWY_DYNAMIC_DISPATCH(SwigluForwardRows)(gate_up, y);
}

void SwigluBackward(ConstMatrix dy, Matrix gate_up) {
  Check(gate_up.rows == dy.rows && gate_up.cols == 2 * dy.cols, "SwigluBackward");
  HWY_DYNAMIC_DISPATCH(SwigluBackwardRows)(dy, gate_up);
}

}  // namespace raie::kernels
#endif
