// Dropout factors of one row by vectors, compiled once per instruction set.
#if defined(RAIE_KERNELS_DROPOUT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RAIE_KERNELS_DROPOUT_INL_H_
#undef RAIE_KERNELS_DROPOUT_INL_H_
#else
#define RAIE_KERNELS_DROPOUT_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "kernels/dropout.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace dropout {
namespace hn = hwy::HWY_NAMESPACE;

// Columns that share 16 hash words.
constexpr std::int64_t kBlock = 32;

inline std::int64_t PaddedColumns(std::int64_t columns) {
  return (columns + kBlock - 1) / kBlock * kBlock;
}

// Writes the factors of columns 0 .. PaddedColumns(columns) - 1.
HWY_INLINE void FillFactors(DropoutRow row, std::uint32_t threshold, float scale,
                            std::int64_t columns, float* factors) {
  const hn::CappedTag<std::uint32_t, 16> d;
  const hn::RebindToFloat<decltype(d)> df;
  constexpr std::int64_t kN = hn::MaxLanes(d);
  const auto a = hn::Set(d, row.a);
  const auto b = hn::Set(d, row.b);
  const hn::RebindToSigned<decltype(d)> di;  // 16-bit values: signed comparisons will do
  const auto bound = hn::Set(di, static_cast<std::int32_t>(threshold) - 1);
  const auto keep = hn::Set(df, scale);
  const auto low_bits = hn::Set(d, 0xffffu);
  for (std::int64_t block = 0; block * kBlock < columns; ++block) {
    float* out = factors + block * kBlock;
    for (std::int64_t w = 0; w < 16; w += kN) {
      const auto word = hn::Iota(d, static_cast<std::uint32_t>(block * 16 + w));
      auto x = hn::Add(hn::Mul(word, hn::Set(d, kDropoutWordStep)), a);
      x = hn::Xor(x, hn::ShiftRight<16>(x));
      x = hn::Mul(x, hn::Set(d, kDropoutMix1));
      x = hn::Xor(hn::Xor(x, hn::ShiftRight<15>(x)), b);
      x = hn::Mul(x, hn::Set(d, kDropoutMix2));
      x = hn::Xor(x, hn::ShiftRight<16>(x));
      const auto low = hn::Gt(hn::BitCast(di, hn::And(x, low_bits)), bound);
      const auto high = hn::Gt(hn::BitCast(di, hn::ShiftRight<16>(x)), bound);
      hn::StoreU(hn::IfThenElseZero(hn::RebindMask(df, low), keep), df, out + w);
      hn::StoreU(hn::IfThenElseZero(hn::RebindMask(df, high), keep), df, out + 16 + w);
    }
  }
}

}  // namespace dropout
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#endif
