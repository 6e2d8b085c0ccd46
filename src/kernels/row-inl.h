// Loops over the columns of a row by vectors with an exact end, compiled once per instruction set.
//
// Concept: ForLanes(n, body) calls body(column, access): access loads and stores whole vectors, or
//          the last few columns (then the other lanes load as zero). An absent term of a formula
//          reads a row of zeros or ones instead of branching.
#if defined(RAIE_KERNELS_ROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RAIE_KERNELS_ROW_INL_H_
#undef RAIE_KERNELS_ROW_INL_H_
#else
#define RAIE_KERNELS_ROW_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/aligned.h"
#include "kernels/dropout-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace row {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using Vec = hn::Vec<Tag>;
constexpr Tag kTag;
constexpr std::int64_t kLanes = hn::MaxLanes(Tag());

struct WholeLanes {
  HWY_INLINE Vec Load(const float* from) const { return hn::LoadU(kTag, from); }
  HWY_INLINE void Store(Vec v, float* to) const { hn::StoreU(v, kTag, to); }
  // v in lanes that exist, `other` beyond the end.
  HWY_INLINE Vec Keep(Vec v, Vec /*other*/) const { return v; }
};

struct FirstLanes {
  std::int64_t n;
  HWY_INLINE Vec Load(const float* from) const {
    alignas(64) float lanes[kLanes] = {};
    std::memcpy(lanes, from, sizeof(float) * n);
    return hn::Load(kTag, lanes);
  }
  HWY_INLINE void Store(Vec v, float* to) const {
    alignas(64) float lanes[kLanes];
    hn::Store(v, kTag, lanes);
    std::memcpy(to, lanes, sizeof(float) * n);
  }
  HWY_INLINE Vec Keep(Vec v, Vec other) const {
    return hn::IfThenElse(hn::FirstN(kTag, n), v, other);
  }
};

template <class Body>
HWY_INLINE void ForLanes(std::int64_t n, const Body& body) {
  std::int64_t c = 0;
  for (; c + kLanes <= n; c += kLanes) body(c, WholeLanes{});
  if (c < n) body(c, FirstLanes{n - c});
}

HWY_INLINE float Sum(Vec v) { return hn::GetLane(hn::SumOfLanes(kTag, v)); }

// Per-thread rows of zeros, ones and dropout factors for `dim` columns.
struct RowScratch {
  AlignedFloats zeros, ones, factors;
  void Prepare(std::int64_t dim) {
    if (zeros.size() >= dim) return;
    const std::int64_t n = dropout::PaddedColumns(dim);
    zeros.Resize(n);
    ones.Resize(n);
    factors.Resize(n);
    std::fill_n(zeros.data(), n, 0.0f);
    std::fill_n(ones.data(), n, 1.0f);
  }
};

inline RowScratch& ScratchFor(std::int64_t dim) {
  thread_local RowScratch scratch;
  scratch.Prepare(dim);
  return scratch;
}

// The dropout factors of the rows of one call; all ones if nothing is dropped.
class RowFactors {
 public:
  RowFactors(const Dropout& dropout, std::span<const TokenKey> tokens, std::int64_t dim,
             RowScratch& scratch)
      : dim_(dim), tokens_(tokens), scratch_(scratch) {
    if (!dropout.active()) return;
    active_ = true;
    key_ = dropout.Key();
    threshold_ = dropout.threshold();
    scale_ = dropout.scale();
  }
  HWY_INLINE const float* Row(std::int64_t t) const {
    if (!active_) return scratch_.ones.data();
    dropout::FillFactors(MakeDropoutRow(key_, tokens_[t]), threshold_, scale_, dim_,
                         scratch_.factors.data());
    return scratch_.factors.data();
  }

 private:
  std::int64_t dim_;
  std::span<const TokenKey> tokens_ = {};
  RowScratch& scratch_;
  bool active_ = false;
  std::uint64_t key_ = 0;
  std::uint32_t threshold_ = 0;
  float scale_ = 1;
};

// A term that may be absent: row t of the values, or the constant row.
struct RowTerm {
  RowTerm(std::span<const float> values, std::int64_t stride, const AlignedFloats& absent)
      : data(values.empty() ? absent.data() : values.data()),
        row_stride(values.empty() ? 0 : stride) {}
  const float* Row(std::int64_t t) const { return data + t * row_stride; }
  const float* data;
  std::int64_t row_stride;
};

}  // namespace row
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#endif
