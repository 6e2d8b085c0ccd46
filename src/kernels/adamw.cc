#include "kernels/adamw.h"

#include <cmath>
#include <string>

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/adamw.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void Step(const AdamWArgs& args) {
  using row::kTag;
  using row::Vec;
  const auto set = [](double x) HWY_ATTR { return hn::Set(kTag, static_cast<float>(x)); };
  const Vec new1 = set(1 - args.beta1);
  const Vec old2 = set(args.beta2);
  const Vec new2 = set(1 - args.beta2);
  const Vec grad_scale = set(args.gradient_scale);
  const Vec step_size =
      set(args.learning_rate / (1 - std::pow(args.beta1, static_cast<double>(args.step))));
  const Vec root_correction =
      set(1 / std::sqrt(1 - std::pow(args.beta2, static_cast<double>(args.step))));
  const Vec eps = set(args.eps);
  for (const AdamWRange& range : args.ranges) {
    const Vec decay = set(range.decays ? 1 - args.learning_rate * args.weight_decay : 1);
    const float* gradient = args.gradient.data() + range.begin;
    float* parameters = args.parameters.data() + range.begin;
    float* first = args.first_moment.data() + range.begin;
    float* second = args.second_moment.data() + range.begin;
    row::ForLanes(range.end - range.begin, [&](std::int64_t i, auto lanes) HWY_ATTR {
      const Vec g = hn::Mul(lanes.Load(gradient + i), grad_scale);
      const Vec m_old = lanes.Load(first + i);
      const Vec m = hn::MulAdd(hn::Sub(g, m_old), new1, m_old);
      const Vec v = hn::MulAdd(hn::Mul(g, g), new2, hn::Mul(lanes.Load(second + i), old2));
      const Vec root = hn::MulAdd(hn::Sqrt(v), root_correction, eps);
      const Vec p = hn::Mul(lanes.Load(parameters + i), decay);
      lanes.Store(m, first + i);
      lanes.Store(v, second + i);
      lanes.Store(hn::Sub(p, hn::Mul(step_size, hn::Div(m, root))), parameters + i);
    });
  }
}

double Squares(const float* values, std::int64_t n) {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> df;
  constexpr std::int64_t kN = hn::MaxLanes(dd);
  auto sum0 = hn::Zero(dd);
  auto sum1 = hn::Zero(dd);
  std::int64_t i = 0;
  for (; i + 2 * kN <= n; i += 2 * kN) {
    const auto a = hn::PromoteTo(dd, hn::LoadU(df, values + i));
    const auto b = hn::PromoteTo(dd, hn::LoadU(df, values + i + kN));
    sum0 = hn::MulAdd(a, a, sum0);
    sum1 = hn::MulAdd(b, b, sum1);
  }
  double sum = hn::GetLane(hn::SumOfLanes(dd, hn::Add(sum0, sum1)));
  for (; i < n; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(Step);
HWY_EXPORT(Squares);
}  // namespace

void AdamWStep(const AdamWArgs& args) {
  const std::size_t n = args.parameters.size();
  bool ok = args.gradient.size() == n && args.first_moment.size() == n &&
            args.second_moment.size() == n && args.step >= 1;
  for (const AdamWRange& range : args.ranges) {
    ok = ok && range.begin >= 0 && range.begin <= range.end &&
         range.end <= static_cast<std::int64_t>(n);
  }
  if (!ok) {
    throw Error(ErrorCode::kInternal,
                "AdamWStep: buffers of " + std::to_string(n) +
                    " parameters, their gradients, moments and ranges do not agree, or step " +
                    std::to_string(args.step) + " is not positive");
  }
  HWY_DYNAMIC_DISPATCH(Step)(args);
}

double SumOfSquares(std::span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(Squares)(values.data(), static_cast<std::int64_t>(values.size()));
}

}  // namespace raie::kernels
#endif
