#include "kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax.cc"
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
}  // namespace

SoftmaxPartial PartialOfRow(const float* logits, std::int64_t items) {
  const Vec lowest = hn::Set(kTag, std::numeric_limits<float>::lowest());
  Vec top = lowest;
  ForLanes(items, [&](std::int64_t j, auto lanes)
                      HWY_ATTR { top = hn::Max(top, lanes.Keep(lanes.Load(logits + j), lowest)); });
  const Vec max = hn::MaxOfLanes(kTag, top);
  Vec sum = hn::Zero(kTag);
  ForLanes(items, [&](std::int64_t j, auto lanes) HWY_ATTR {
    const Vec e = hn::Exp(kTag, hn::Sub(lanes.Keep(lanes.Load(logits + j), max), max));
    sum = hn::Add(sum, lanes.Keep(e, hn::Zero(kTag)));
  });
  return {hn::GetLane(max), row::Sum(sum)};
}

void GradientOfRow(float lse, float weight, std::int64_t items, float* logits) {
  const Vec shift = hn::Set(kTag, lse);
  const Vec scale = hn::Set(kTag, weight);
  ForLanes(items, [&](std::int64_t j, auto lanes) HWY_ATTR {
    const Vec e = hn::Exp(kTag, hn::Sub(lanes.Load(logits + j), shift));
    lanes.Store(hn::Mul(e, scale), logits + j);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(PartialOfRow);
HWY_EXPORT(GradientOfRow);

void Check(bool ok, const char* what) {
  if (!ok) throw Error(ErrorCode::kInternal, std::string(what) + ": sizes of buffers do not agree");
}
}  // namespace

void SoftmaxPartials(ConstMatrix logits, std::span<SoftmaxPartial> partials) {
  Check(static_cast<std::int64_t>(partials.size()) == logits.rows && logits.cols > 0,
        "SoftmaxPartials");
  for (std::int64_t r = 0; r < logits.rows; ++r) {
    partials[r] = HWY_DYNAMIC_DISPATCH(PartialOfRow)(logits.row(r), logits.cols);
  }
}

float LogSumExp(std::span<const SoftmaxPartial> partials) {
  float max = std::numeric_limits<float>::lowest();
  for (const SoftmaxPartial& partial : partials) max = std::max(max, partial.max);
  double sum = 0;
  for (const SoftmaxPartial& partial : partials) {
    sum += partial.sum * std::exp(static_cast<double>(partial.max) - max);
  }
  return static_cast<float>(max + std::log(sum));
}

void LogSoftmax(float scale, std::span<float> logits) {
  constexpr std::size_t kTileLogits = 512;
  for (float& logit : logits) logit *= scale;
  std::vector<SoftmaxPartial> partials;
  for (std::size_t begin = 0; begin < logits.size(); begin += kTileLogits) {
    const auto tile = logits.subspan(begin, std::min(kTileLogits, logits.size() - begin));
    partials.push_back(
        HWY_DYNAMIC_DISPATCH(PartialOfRow)(tile.data(), static_cast<std::int64_t>(tile.size())));
  }
  const float lse = LogSumExp(partials);
  for (float& logit : logits) logit -= lse;
}

void SoftmaxGradient(const SoftmaxGradientArgs& args, Matrix logits) {
  Check(static_cast<std::int64_t>(args.lse_R.size()) == logits.rows &&
            static_cast<std::int64_t>(args.row_weights_R.size()) == logits.rows,
        "SoftmaxGradient");
  for (std::int64_t r = 0; r < logits.rows; ++r) {
    HWY_DYNAMIC_DISPATCH(GradientOfRow)
    (args.lse_R[r], args.row_weights_R[r], logits.cols, logits.row(r));
  }
  for (const SoftmaxTarget& target : args.targets) {
    const std::int64_t j = target.item - args.first_item;
    if (j < 0 || j >= logits.cols || target.row < 0 || target.row >= logits.rows) continue;
    logits.row(target.row)[j] -= target.weight;
  }
}

}  // namespace raie::kernels
#endif
