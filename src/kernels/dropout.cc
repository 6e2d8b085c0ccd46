#include "kernels/dropout.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dropout.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/dropout-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {

void Factors(DropoutRow row, std::uint32_t threshold, float scale, std::span<float> out) {
  const auto columns = static_cast<std::int64_t>(out.size());
  const std::int64_t whole = columns / dropout::kBlock * dropout::kBlock;
  dropout::FillFactors(row, threshold, scale, whole, out.data());
  if (whole < columns) {
    // A row that begins `whole` columns later has its words whole / 2 steps on.
    float block[dropout::kBlock];
    DropoutRow shifted = row;
    shifted.a += kDropoutWordStep * static_cast<std::uint32_t>(whole / 2);
    dropout::FillFactors(shifted, threshold, scale, dropout::kBlock, block);
    std::copy_n(block, columns - whole, out.begin() + whole);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(Factors);

std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}
}  // namespace

std::vector<TokenKey> TokenKeys(std::span<const std::uint32_t> row_keys_S,
                                std::span<const std::int32_t> offsets_S1) {
  std::vector<TokenKey> tokens;
  tokens.reserve(offsets_S1.empty() ? 0 : offsets_S1.back());
  for (std::size_t s = 0; s < row_keys_S.size(); ++s) {
    const std::int32_t length = offsets_S1[s + 1] - offsets_S1[s];
    for (std::int32_t p = 0; p < length; ++p) {
      tokens.push_back({row_keys_S[s], static_cast<std::uint32_t>(p)});
    }
  }
  return tokens;
}

std::uint64_t Dropout::Key() const {
  return Mix(Mix(Mix(seed) + step) + 0x9e3779b97f4a7c15 * (std::uint64_t{site} + 1));
}

DropoutRow MakeDropoutRow(std::uint64_t key, TokenKey token, std::uint32_t lane) {
  const std::uint64_t place = (std::uint64_t{token.row_key} << 32) | token.position;
  const std::uint64_t x = Mix((key + 0xd1342543de82ef95 * lane) ^ place);
  return {static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(x >> 32)};
}

float DropoutFactor(const Dropout& dropout, DropoutRow row, std::uint32_t column) {
  std::uint32_t x = ((column / 32) * 16 + column % 16) * kDropoutWordStep + row.a;
  x ^= x >> 16;
  x *= kDropoutMix1;
  x ^= (x >> 15) ^ row.b;
  x *= kDropoutMix2;
  x ^= x >> 16;
  const std::uint32_t bits = (column & 16) != 0 ? x >> 16 : x & 0xffff;
  return bits >= dropout.threshold() ? dropout.scale() : 0.0f;
}

void DropoutFactors(const Dropout& dropout, DropoutRow row, std::span<float> factors) {
  HWY_DYNAMIC_DISPATCH(Factors)(row, dropout.threshold(), dropout.scale(), factors);
}

}  // namespace raie::kernels
#endif
