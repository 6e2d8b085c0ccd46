#include "kernels/norm.h"

#include <cmath>
#include <string>

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/norm.cc"
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

// h = residual + factor * (x + bias); returns the sum of h.
HWY_INLINE float ResidualRow(std::int64_t dim, const float* x, const float* bias,
                             const float* residual, const float* factor, float* h) {
  Vec sum = hn::Zero(kTag);
  ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    const Vec value =
        hn::MulAdd(lanes.Load(factor + c), hn::Add(lanes.Load(x + c), lanes.Load(bias + c)),
                   lanes.Load(residual + c));
    lanes.Store(value, h + c);
    sum = hn::Add(sum, value);
  });
  return row::Sum(sum);
}

// Returns sum (h - mean)^2.
HWY_INLINE float SquaresAround(std::int64_t dim, const float* h, float mean) {
  Vec sum = hn::Zero(kTag);
  const Vec centre = hn::Set(kTag, mean);
  std::int64_t c = 0;
  for (; c + row::kLanes <= dim; c += row::kLanes) {
    const Vec d = hn::Sub(hn::LoadU(kTag, h + c), centre);
    sum = hn::MulAdd(d, d, sum);
  }
  float rest = 0;
  for (; c < dim; ++c) rest += (h[c] - mean) * (h[c] - mean);
  return row::Sum(sum) + rest;
}

HWY_INLINE void NormaliseRow(std::int64_t dim, const float* h, float mean, float rstd,
                             const float* gamma, const float* beta, float* y) {
  const Vec scale = hn::Set(kTag, rstd);
  const Vec shift = hn::Set(kTag, -mean * rstd);
  ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    const Vec xhat = hn::MulAdd(lanes.Load(h + c), scale, shift);
    lanes.Store(hn::MulAdd(xhat, lanes.Load(gamma + c), lanes.Load(beta + c)), y + c);
  });
}

// dh of one row.
struct RowGradient {
  std::int64_t dim;
  const float* dy;
  const float* h;
  const float* gamma;
  const float* extra;
  float mean, rstd;

  HWY_INLINE void Write(float* dh) const {
    const Vec scale = hn::Set(kTag, rstd);
    const Vec shift = hn::Set(kTag, -mean * rstd);
    Vec sum_g = hn::Zero(kTag);
    Vec sum_gx = hn::Zero(kTag);
    ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
      const Vec g = hn::Mul(lanes.Load(dy + c), lanes.Load(gamma + c));
      sum_g = hn::Add(sum_g, g);  // lanes beyond the end have dy = 0
      sum_gx = hn::MulAdd(g, hn::MulAdd(lanes.Load(h + c), scale, shift), sum_gx);
    });
    const Vec mean_g = hn::Set(kTag, row::Sum(sum_g) / static_cast<float>(dim));
    const Vec mean_gx = hn::Set(kTag, row::Sum(sum_gx) / static_cast<float>(dim));
    ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
      const Vec g = hn::Mul(lanes.Load(dy + c), lanes.Load(gamma + c));
      const Vec xhat = hn::MulAdd(lanes.Load(h + c), scale, shift);
      const Vec inner = hn::NegMulAdd(xhat, mean_gx, hn::Sub(g, mean_g));
      lanes.Store(hn::MulAdd(inner, scale, lanes.Load(extra + c)), dh + c);
    });
  }

  // dgamma += dy xhat, dbeta += dy.
  HWY_INLINE void AddParameters(float* dgamma, float* dbeta) const {
    const Vec scale = hn::Set(kTag, rstd);
    const Vec shift = hn::Set(kTag, -mean * rstd);
    ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
      const Vec g = lanes.Load(dy + c);
      const Vec xhat = hn::MulAdd(lanes.Load(h + c), scale, shift);
      lanes.Store(hn::MulAdd(g, xhat, lanes.Load(dgamma + c)), dgamma + c);
      lanes.Store(hn::Add(g, lanes.Load(dbeta + c)), dbeta + c);
    });
  }
};

// dx = factor * dh; dbias += dx where wanted. dx may be dh.
HWY_INLINE void DropRow(std::int64_t dim, const float* dh, const float* factor, float* dx,
                        float* dbias) {
  ForLanes(dim, [&](std::int64_t c, auto lanes) HWY_ATTR {
    const Vec d = hn::Mul(lanes.Load(dh + c), lanes.Load(factor + c));
    if (dx != nullptr) lanes.Store(d, dx + c);
    if (dbias != nullptr) lanes.Store(hn::Add(d, lanes.Load(dbias + c)), dbias + c);
  });
}

float* Row(std::span<float> values, std::int64_t offset) {
  return values.empty() ? nullptr : values.data() + offset;
}

}  // namespace

void NormForwardRows(const NormForwardArgs& args) {
  const std::int64_t dim = args.dim;
  const auto rows = static_cast<std::int64_t>(args.x_TD.size()) / dim;
  row::RowScratch& scratch = row::ScratchFor(dim);
  const row::RowFactors factors(args.dropout, args.tokens_T, dim, scratch);
  const row::RowTerm bias(args.bias_D, 0, scratch.zeros);
  const row::RowTerm residual(args.residual_TD, dim, scratch.zeros);
  thread_local AlignedFloats own_row;
  own_row.Resize(dim);
  for (std::int64_t t = 0; t < rows; ++t) {
    float* h = args.h_TD.empty() ? own_row.data() : args.h_TD.data() + t * dim;
    const float sum =
        ResidualRow(dim, args.x_TD.data() + t * dim, bias.data, residual.Row(t), factors.Row(t), h);
    const float mean = sum / static_cast<float>(dim);
    const float variance = SquaresAround(dim, h, mean) / static_cast<float>(dim);
    const float rstd = 1.0f / std::sqrt(variance + args.eps);
    NormaliseRow(dim, h, mean, rstd, args.gamma_D.data(), args.beta_D.data(),
                 args.y_TD.data() + t * dim);
    if (!args.mean_T.empty()) args.mean_T[t] = mean;
    if (!args.rstd_T.empty()) args.rstd_T[t] = rstd;
  }
}

void NormBackwardRows(const NormBackwardArgs& args) {
  const std::int64_t dim = args.dim;
  const auto rows = static_cast<std::int64_t>(args.dy_TD.size()) / dim;
  row::RowScratch& scratch = row::ScratchFor(dim);
  const row::RowFactors factors(args.dropout, args.tokens_T, dim, scratch);
  const row::RowTerm extra(args.extra_dh_TD, dim, scratch.zeros);
  const bool wants_x = !args.dx_TD.empty() || !args.dbias_D.empty();
  for (std::int64_t t = 0; t < rows; ++t) {
    const RowGradient gradient{dim,
                               args.dy_TD.data() + t * dim,
                               args.h_TD.data() + t * dim,
                               args.gamma_D.data(),
                               extra.Row(t),
                               args.mean_T[t],
                               args.rstd_T[t]};
    if (!args.dgamma_D.empty()) gradient.AddParameters(args.dgamma_D.data(), args.dbeta_D.data());
    float* dh = args.dh_TD.data() + t * dim;
    gradient.Write(dh);
    if (wants_x) {
      DropRow(dim, dh, factors.Row(t), Row(args.dx_TD, t * dim), Row(args.dbias_D, 0));
    }
  }
}

void ResidualForwardRows(const ResidualForwardArgs& args) {
  const std::int64_t dim = args.dim;
  const auto rows = static_cast<std::int64_t>(args.x_TD.size()) / dim;
  row::RowScratch& scratch = row::ScratchFor(dim);
  const row::RowFactors factors(args.dropout, args.tokens_T, dim, scratch);
  const row::RowTerm bias(args.bias_D, 0, scratch.zeros);
  const row::RowTerm residual(args.residual_TD, dim, scratch.zeros);
  for (std::int64_t t = 0; t < rows; ++t) {
    ResidualRow(dim, args.x_TD.data() + t * dim, bias.data, residual.Row(t), factors.Row(t),
                args.h_TD.data() + t * dim);
  }
}

void ResidualBackwardRows(const ResidualBackwardArgs& args) {
  const std::int64_t dim = args.dim;
  const auto rows = static_cast<std::int64_t>(args.dh_TD.size()) / dim;
  row::RowScratch& scratch = row::ScratchFor(dim);
  const row::RowFactors factors(args.dropout, args.tokens_T, dim, scratch);
  for (std::int64_t t = 0; t < rows; ++t) {
    DropRow(dim, args.dh_TD.data() + t * dim, factors.Row(t), Row(args.dx_TD, t * dim),
            Row(args.dbias_D, 0));
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(NormForwardRows);
HWY_EXPORT(NormBackwardRows);
HWY_EXPORT(ResidualForwardRows);
HWY_EXPORT(ResidualBackwardRows);

void Check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string(what) + ": sizes of buffers do not agree");
}

bool TokensFit(const Dropout& dropout, std::size_t tokens, std::size_t rows) {
  return !dropout.active() || tokens == rows;
}
bool Fits(std::size_t size, std::size_t expected) { return size == 0 || size == expected; }
}  // namespace

void NormForward(const NormForwardArgs& args) {
  const std::size_t size = args.x_TD.size();
  const auto dim = static_cast<std::size_t>(args.dim);
  Check(dim > 0 && size % dim == 0 && args.y_TD.size() == size && args.gamma_D.size() == dim &&
            args.beta_D.size() == dim && Fits(args.bias_D.size(), dim) &&
            Fits(args.residual_TD.size(), size) && Fits(args.h_TD.size(), size) &&
            Fits(args.mean_T.size(), size / dim) && Fits(args.rstd_T.size(), size / dim) &&
            TokensFit(args.dropout, args.tokens_T.size(), size / dim),
        "NormForward");
  HWY_DYNAMIC_DISPATCH(NormForwardRows)(args);
}

void NormBackward(const NormBackwardArgs& args) {
  const std::size_t size = args.dy_TD.size();
  const auto dim = static_cast<std::size_t>(args.dim);
  Check(dim > 0 && size % dim == 0 && args.h_TD.size() == size && args.dh_TD.size() == size &&
            args.gamma_D.size() == dim && args.mean_T.size() == size / dim &&
            args.rstd_T.size() == size / dim && Fits(args.extra_dh_TD.size(), size) &&
            Fits(args.dx_TD.size(), size) && Fits(args.dgamma_D.size(), dim) &&
            args.dbeta_D.size() == args.dgamma_D.size() && Fits(args.dbias_D.size(), dim) &&
            TokensFit(args.dropout, args.tokens_T.size(), size / dim),
        "NormBackward");
  HWY_DYNAMIC_DISPATCH(NormBackwardRows)(args);
}

void ResidualForward(const ResidualForwardArgs& args) {
  const std::size_t size = args.x_TD.size();
  const auto dim = static_cast<std::size_t>(args.dim);
  Check(dim > 0 && size % dim == 0 && args.h_TD.size() == size && Fits(args.bias_D.size(), dim) &&
            Fits(args.residual_TD.size(), size) &&
            TokensFit(args.dropout, args.tokens_T.size(), size / dim),
        "ResidualForward");
  HWY_DYNAMIC_DISPATCH(ResidualForwardRows)(args);
}

void ResidualBackward(const ResidualBackwardArgs& args) {
  const std::size_t size = args.dh_TD.size();
  const auto dim = static_cast<std::size_t>(args.dim);
  Check(dim > 0 && size % dim == 0 && Fits(args.dx_TD.size(), size) &&
            Fits(args.dbias_D.size(), dim) &&
            TokensFit(args.dropout, args.tokens_T.size(), size / dim),
        "ResidualBackward");
  HWY_DYNAMIC_DISPATCH(ResidualBackwardRows)(args);
}

}  // namespace raie::kernels
#endif
