#include "kernels/nearest.h"

#include <algorithm>
#include <limits>
#include <string>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nearest.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "hwy/cache_control.h"
#include "kernels/gemm-inl.h"
#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace {

// Points come from memory once, a few rows at a time: hardware alone does not read ahead far
// enough. A prefetch behind the last row does no harm.
constexpr std::int64_t kPointsAhead = 8;
constexpr std::int64_t kFloatsOfLine = 16;  // 64 bytes

constexpr float kLowest = -std::numeric_limits<float>::infinity();

struct BestTwo {
  float best = kLowest;
  float second = kLowest;
  std::int32_t index = 0;

  // By selections: which centre wins is as good as random, a branch would be mispredicted.
  HWY_INLINE void Offer(float value, std::int32_t k) {
    index = value > best ? k : index;
    second = std::max(second, std::min(value, best));
    best = std::max(best, value);
  }
  HWY_INLINE void Store(const NearestOutputs& out, std::int64_t i) const {
    out.best_N[i] = index;
    if (!out.best_cos_N.empty()) out.best_cos_N[i] = best;
    if (!out.second_cos_N.empty()) out.second_cos_N[i] = second;
  }
};

// A few points against a few centres, all sums in registers, vectors along D.
template <int kPoints, int kCentres>
HWY_INLINE void FewCentres(ConstMatrix points, ConstMatrix centres, std::int64_t first,
                           const NearestOutputs& out) {
  FloatVec sum[kPoints][kCentres];
#pragma GCC unroll 16
  for (int p = 0; p < kPoints; ++p) {
#pragma GCC unroll 16
    for (int k = 0; k < kCentres; ++k) sum[p][k] = hn::Zero(kFloat);
  }
  const float* z = points.row(first);
  const auto add = [&](std::int64_t c, auto lanes) HWY_ATTR {
    FloatVec mu[kCentres];
#pragma GCC unroll 16
    for (int k = 0; k < kCentres; ++k) mu[k] = lanes.Load(centres.row(k) + c);
#pragma GCC unroll 16
    for (int p = 0; p < kPoints; ++p) {
      const FloatVec x = lanes.Load(z + p * points.stride + c);
      hwy::Prefetch(z + (p + kPointsAhead) * points.stride + c);
#pragma GCC unroll 16
      for (int k = 0; k < kCentres; ++k) sum[p][k] = hn::MulAdd(x, mu[k], sum[p][k]);
    }
  };
  row::ForLanes(points.cols, add);
#pragma GCC unroll 16
  for (int p = 0; p < kPoints; ++p) {
    BestTwo found;
#pragma GCC unroll 16
    for (int k = 0; k < kCentres; ++k) {
      found.Offer(hn::GetLane(hn::SumOfLanes(kFloat, sum[p][k])), k);
    }
    found.Store(out, first + p);
  }
}

template <int kPoints, int kCentres>
void AllPointsFewCentres(ConstMatrix points, ConstMatrix centres, const NearestOutputs& out) {
  std::int64_t i = 0;
  for (; i + kPoints <= points.rows; i += kPoints) {
    FewCentres<kPoints, kCentres>(points, centres, i, out);
  }
  for (; i < points.rows; ++i) FewCentres<1, kCentres>(points, centres, i, out);
}

// The two best of a row of products whose length is padded to whole vectors.
HWY_INLINE BestTwo BestOfRow(const float* products, std::int64_t centres) {
  const hn::RebindToSigned<FloatTag> di;
  FloatVec best = hn::Set(kFloat, kLowest);
  FloatVec second = best;
  auto index = hn::Zero(di);
  for (std::int64_t k = 0; k < centres; k += kLanes) {
    FloatVec x = hn::LoadU(kFloat, products + k);
    if (k + kLanes > centres) {
      x = hn::IfThenElse(hn::FirstN(kFloat, centres - k), x, hn::Set(kFloat, kLowest));
    }
    const auto better = hn::Gt(x, best);
    second = hn::Max(second, hn::Min(x, best));
    best = hn::Max(best, x);
    index = hn::IfThenElse(hn::RebindMask(di, better), hn::Iota(di, static_cast<std::int32_t>(k)),
                           index);
  }
  const FloatVec top = hn::MaxOfLanes(kFloat, best);
  const auto none = hn::Set(di, std::numeric_limits<std::int32_t>::max());
  const auto candidates = hn::IfThenElse(hn::RebindMask(di, hn::Eq(best, top)), index, none);
  const auto first = hn::MinOfLanes(di, candidates);
  const auto winner = hn::RebindMask(kFloat, hn::Eq(candidates, first));
  const FloatVec runner_up = hn::MaxOfLanes(kFloat, hn::IfThenElse(winner, second, best));
  return {hn::GetLane(top), hn::GetLane(runner_up), hn::GetLane(first)};
}

HWY_INLINE void PrefetchRows(ConstMatrix points, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < std::min(end, points.rows); ++i) {
    for (std::int64_t c = 0; c < points.cols; c += kFloatsOfLine) {
      hwy::Prefetch(points.row(i) + c);
    }
  }
}

void AllPointsManyCentres(ConstMatrix points, std::int64_t centres, const float* panels,
                          const NearestOutputs& out) {
  thread_local AlignedFloats products;
  const std::int64_t stride = (centres + kPanel - 1) / kPanel * kPanel;
  products.Resize(kTileRows * stride);
  for (std::int64_t i = 0; i < points.rows; i += kTileRows) {
    const std::int64_t rows = std::min<std::int64_t>(kTileRows, points.rows - i);
    PrefetchRows(points, i + kTileRows, i + 2 * kTileRows);
    for (std::int64_t k = 0; k < centres; k += kPanel) {
      MultiplyPanel<LayoutA::kRowMajor>(
          rows, points.cols, points.row(i), points.stride, Panel{panels + k * points.cols},
          centres - k > kLanes ? kPanel : kLanes, {}, products.data() + k, stride);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      BestOfRow(products.data() + r * stride, centres).Store(out, i + r);
    }
  }
}

}  // namespace

void PackCentres(ConstMatrix centres, AlignedFloats& panels) {
  panels.Resize((centres.rows + kPanel - 1) / kPanel * kPanel * centres.cols);
  PackTransposed(centres.data, centres.rows, centres.cols, centres.stride, panels.data());
}

void Nearest(ConstMatrix points, ConstMatrix centres, const float* panels,
             const NearestOutputs& out) {
  switch (centres.rows) {
    case 1:
      return AllPointsFewCentres<4, 1>(points, centres, out);
    case 2:
      return AllPointsFewCentres<4, 2>(points, centres, out);
    case 3:
      return AllPointsFewCentres<4, 3>(points, centres, out);
    case 4:
      return AllPointsFewCentres<2, 4>(points, centres, out);
    case 5:
      return AllPointsFewCentres<2, 5>(points, centres, out);
    default:
      return AllPointsManyCentres(points, centres.rows, panels, out);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(PackCentres);
HWY_EXPORT(Nearest);

constexpr std::int64_t kPointsPerTask = 2048;

template <class T>
std::span<T> Part(std::span<T> values, std::int64_t begin, std::int64_t count) {
  return values.empty() ? values : values.subspan(begin, count);
}
}  // namespace

void NearestCentres(ConstMatrix points, ConstMatrix centres, TaskPool& pool,
                    const NearestOutputs& outputs) {
  const auto n = static_cast<std::size_t>(points.rows);
  if (centres.rows < 1 || centres.cols != points.cols || outputs.best_N.size() != n ||
      (!outputs.best_cos_N.empty() && outputs.best_cos_N.size() != n) ||
      (!outputs.second_cos_N.empty() && outputs.second_cos_N.size() != n)) {
    throw Error(ErrorCode::kInternal, "NearestCentres: " + std::to_string(points.rows) +
                                          " points and " + std::to_string(centres.rows) +
                                          " centres: shapes do not agree or no centre");
  }
  AlignedFloats panels;
  HWY_DYNAMIC_DISPATCH(PackCentres)(centres, panels);
  pool.ForEach((points.rows + kPointsPerTask - 1) / kPointsPerTask, [&](std::int64_t task, int) {
    const std::int64_t begin = task * kPointsPerTask;
    const std::int64_t count = std::min(kPointsPerTask, points.rows - begin);
    HWY_DYNAMIC_DISPATCH(Nearest)
    (points.Rows(begin, begin + count), centres, panels.data(),
     {Part(outputs.best_N, begin, count), Part(outputs.best_cos_N, begin, count),
      Part(outputs.second_cos_N, begin, count)});
  });
}

}  // namespace raie::kernels
#endif
