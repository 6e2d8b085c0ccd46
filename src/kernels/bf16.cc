#include "kernels/bf16.h"

#include <algorithm>

#include "raie/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/bf16.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void Round(const float* from, std::size_t size, Bfloat16* to) {
  const hn::ScalableTag<std::uint32_t> d;
  const hn::Rebind<std::uint16_t, decltype(d)> narrow;
  const auto magnitude = hn::Set(d, 0x7fffffffu);
  const auto infinity = hn::Set(d, 0x7f800000u);
  const auto half = hn::Set(d, 0x7fffu);
  const auto one = hn::Set(d, 1u);
  const auto quiet = hn::Set(d, 0x00400000u);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) {
    const auto bits = hn::LoadU(d, reinterpret_cast<const std::uint32_t*>(from + i));
    const auto even = hn::And(hn::ShiftRight<16>(bits), one);
    const auto rounded = hn::Add(bits, hn::Add(half, even));
    const auto nan = hn::Gt(hn::And(bits, magnitude), infinity);
    const auto kept = hn::IfThenElse(nan, hn::Or(bits, quiet), rounded);
    hn::StoreU(hn::TruncateTo(narrow, hn::ShiftRight<16>(kept)), narrow,
               reinterpret_cast<std::uint16_t*>(to + i));
  }
  for (; i < size; ++i) to[i] = ToBfloat16(from[i]);
}

void Widen(const Bfloat16* from, std::size_t size, float* to) {
  const hn::ScalableTag<std::uint32_t> d;
  const hn::Rebind<std::uint16_t, decltype(d)> narrow;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) {
    const auto bits = hn::LoadU(narrow, reinterpret_cast<const std::uint16_t*>(from + i));
    hn::StoreU(hn::ShiftLeft<16>(hn::PromoteTo(d, bits)), d,
               reinterpret_cast<std::uint32_t*>(to + i));
  }
  for (; i < size; ++i) to[i] = ToFloat(from[i]);
}

// Whole vectors; what is behind them is up to the caller.
std::size_t WidenHalfVectors(const std::uint16_t* from, std::size_t size, float* to) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> narrow;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) {
    const auto half = hn::LoadU(narrow, reinterpret_cast<const hwy::float16_t*>(from + i));
    hn::StoreU(hn::PromoteTo(d, half), d, to + i);
  }
  return i;
}

// The largest exponent of all values.
std::uint16_t LargestExponent(const Bfloat16* from, std::size_t size) {
  const hn::ScalableTag<std::uint16_t> d;
  const auto mask = hn::Set(d, std::uint16_t{0x7f80});
  auto top = hn::Zero(d);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) {
    const auto bits = hn::LoadU(d, reinterpret_cast<const std::uint16_t*>(from + i));
    top = hn::Max(top, hn::And(bits, mask));
  }
  alignas(64) std::uint16_t lanes[hn::MaxLanes(d)];
  hn::Store(top, d, lanes);
  std::uint16_t largest = 0;
  for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) largest = std::max(largest, lanes[lane]);
  for (; i < size; ++i) {
    largest = std::max(largest, static_cast<std::uint16_t>(from[i].bits & 0x7f80));
  }
  return largest;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(Round);
HWY_EXPORT(Widen);
HWY_EXPORT(WidenHalfVectors);
HWY_EXPORT(LargestExponent);

constexpr std::uint16_t kExponent = 0x7f80;
}  // namespace

void RoundToBfloat16(std::span<const float> from, std::span<Bfloat16> to) {
  if (from.size() != to.size()) throw Error(ErrorCode::kInternal, "RoundToBfloat16: sizes");
  HWY_DYNAMIC_DISPATCH(Round)(from.data(), from.size(), to.data());
}

void WidenBfloat16(std::span<const Bfloat16> from, std::span<float> to) {
  if (from.size() != to.size()) throw Error(ErrorCode::kInternal, "WidenBfloat16: sizes");
  HWY_DYNAMIC_DISPATCH(Widen)(from.data(), from.size(), to.data());
}

void WidenHalf(std::span<const std::uint16_t> from, std::span<float> to) {
  if (from.size() != to.size()) throw Error(ErrorCode::kInternal, "WidenHalf: sizes");
  std::size_t at = HWY_DYNAMIC_DISPATCH(WidenHalfVectors)(from.data(), from.size(), to.data());
  if (at == from.size()) return;
  // The rest as a vector of its own, filled with zeros.
  std::uint16_t rest[64] = {};
  float wide[64];
  std::copy(from.begin() + static_cast<std::ptrdiff_t>(at), from.end(), rest);
  HWY_DYNAMIC_DISPATCH(WidenHalfVectors)(rest, 64, wide);
  for (std::size_t i = 0; at < from.size(); ++i, ++at) to[at] = wide[i];
}

std::int64_t FirstNotFinite(std::span<const Bfloat16> values) {
  if (HWY_DYNAMIC_DISPATCH(LargestExponent)(values.data(), values.size()) != kExponent) return -1;
  const auto bad = std::find_if(values.begin(), values.end(), [](Bfloat16 value) {
    return (value.bits & kExponent) == kExponent;
  });
  return bad - values.begin();
}

}  // namespace raie::kernels
#endif
