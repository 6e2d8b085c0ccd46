#include "kernels/activation.h"

#include <string>

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/activation.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "hwy/contrib/math/math-inl.h"
#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {
using row::ForLanes;
using row::kTag;
using row::Vec;

struct ValueAndDerivative {
  Vec value, derivative;
};

struct Gelu {
  // Phi by erfc(z) = poly(t) exp(-z^2), t = 1 / (1 + p z) (Abramowitz & Stegun 7.1.26, error of erf
  // 1.5e-7): the tail keeps its relative precision, and the same exponential gives the density.
  static HWY_INLINE ValueAndDerivative At(Vec u) {
    const Vec one = hn::Set(kTag, 1.0f);
    const Vec z = hn::Abs(u);  // the factors 1 / sqrt(2) are in the constants
    const Vec t = hn::Div(one, hn::MulAdd(z, hn::Set(kTag, 0.23164190f), one));
    const Vec e = hn::Exp(kTag, hn::Mul(hn::Mul(u, u), hn::Set(kTag, -0.5f)));
    Vec poly = hn::Set(kTag, 0.5f * 1.061405429f);
    poly = hn::MulAdd(poly, t, hn::Set(kTag, 0.5f * -1.453152027f));
    poly = hn::MulAdd(poly, t, hn::Set(kTag, 0.5f * 1.421413741f));
    poly = hn::MulAdd(poly, t, hn::Set(kTag, 0.5f * -0.284496736f));
    poly = hn::MulAdd(poly, t, hn::Set(kTag, 0.5f * 0.254829592f));
    const Vec tail = hn::Mul(hn::Mul(poly, t), e);
    const Vec phi = hn::IfThenElse(hn::Lt(u, hn::Zero(kTag)), tail, hn::Sub(one, tail));
    const Vec density = hn::Mul(e, hn::Set(kTag, 0.3989422804f));
    return {hn::Mul(u, phi), hn::MulAdd(u, density, phi)};
  }
};

struct Relu {
  static HWY_INLINE ValueAndDerivative At(Vec u) {
    const Vec zero = hn::Zero(kTag);
    return {hn::Max(u, zero), hn::IfThenElseZero(hn::Gt(u, zero), hn::Set(kTag, 1.0f))};
  }
};

template <class Function>
void ForwardRows(const ActivationForwardArgs& args) {
  const std::int64_t dim = args.dim;
  const auto rows = static_cast<std::int64_t>(args.x_TF.size()) / dim;
  row::RowScratch& scratch = row::ScratchFor(dim);
  const row::RowFactors factors(args.dropout, args.tokens_T, dim, scratch);
  const row::RowTerm bias(args.bias_F, 0, scratch.zeros);
  const bool keep = !args.derivative_TF.empty();
  for (std::int64_t t = 0; t < rows; ++t) {
    const float* x = args.x_TF.data() + t * dim;
    const float* factor = factors.Row(t);
    float* y = args.y_TF.data() + t * dim;
    float* derivative = keep ? args.derivative_TF.data() + t * dim : nullptr;
    ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
      const auto f = Function::At(hn::Add(lanes.Load(x + c), lanes.Load(bias.data + c)));
      const Vec scale = lanes.Load(factor + c);
      lanes.Store(hn::Mul(f.value, scale), y + c);
      if (keep) lanes.Store(hn::Mul(f.derivative, scale), derivative + c);
    });
  }
}

}  // namespace

void ActivationForwardRows(const ActivationForwardArgs& args) {
  if (args.activation == Activation::kGelu) {
    ForwardRows<Gelu>(args);
  } else {
    ForwardRows<Relu>(args);
  }
}

void ActivationBackwardRows(const ActivationBackwardArgs& args) {
  const std::int64_t dim = args.dim;
  const auto rows = static_cast<std::int64_t>(args.dy_TF.size()) / dim;
  const bool sum = !args.dbias_F.empty();
  float* dbias = args.dbias_F.data();
  for (std::int64_t t = 0; t < rows; ++t) {
    const float* dy = args.dy_TF.data() + t * dim;
    const float* derivative = args.derivative_TF.data() + t * dim;
    float* dx = args.dx_TF.data() + t * dim;
    ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
      const Vec d = hn::Mul(lanes.Load(dy + c), lanes.Load(derivative + c));
      lanes.Store(d, dx + c);
      if (sum) lanes.Store(hn::Add(d, lanes.Load(dbias + c)), dbias + c);
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
HWY_EXPORT(ActivationForwardRows);
HWY_EXPORT(ActivationBackwardRows);

void Check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string(what) + ": sizes of buffers do not agree");
}
}  // namespace

void ActivationForward(const ActivationForwardArgs& args) {
  const std::size_t size = args.x_TF.size();
  const auto dim = static_cast<std::size_t>(args.dim);
  Check(dim > 0 && size % dim == 0 && args.y_TF.size() == size &&
            (args.bias_F.empty() || args.bias_F.size() == dim) &&
            (args.derivative_TF.empty() || args.derivative_TF.size() == size) &&
            (!args.dropout.active() || args.tokens_T.size() == size / dim),
        "ActivationForward");
  HWY_DYNAMIC_DISPATCH(ActivationForwardRows)(args);
}

void ActivationBackward(const ActivationBackwardArgs& args) {
  const std::size_t size = args.dy_TF.size();
  const auto dim = static_cast<std::size_t>(args.dim);
  Check(dim > 0 && size % dim == 0 && args.derivative_TF.size() == size &&
            args.dx_TF.size() == size && (args.dbias_F.empty() || args.dbias_F.size() == dim),
        "ActivationBackward");
  HWY_DYNAMIC_DISPATCH(ActivationBackwardRows)(args);
}

}  // namespace raie::kernels
#endif
