#include "base/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "raie/error.h"

namespace raie {
namespace {
__extension__ using Wide = unsigned __int128;
}  // namespace

std::array<std::uint32_t, 4> Philox(std::array<std::uint32_t, 4> x,
                                    std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * x[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * x[2];
    x = {static_cast<std::uint32_t>(b >> 32) ^ x[1] ^ key[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ x[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return x;
}

std::uint64_t DeriveSeed(std::uint64_t seed, std::uint64_t part) {
  const auto words = Philox(
      {static_cast<std::uint32_t>(part), static_cast<std::uint32_t>(part >> 32), 0x5eed5eed, 0},
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return (std::uint64_t{words[1]} << 32) | words[0];
}

std::uint64_t RandomStream::Next() {
  if (used_ == 4) {
    block_ =
        Philox({static_cast<std::uint32_t>(counter_), static_cast<std::uint32_t>(counter_ >> 32),
                static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
               {static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)});
    ++counter_;
    used_ = 0;
  }
  const std::uint64_t low = block_[used_];
  const std::uint64_t high = block_[used_ + 1];
  used_ += 2;
  return (high << 32) | low;
}

double RandomStream::Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double RandomStream::Normal() {
  const double u = 1.0 - Uniform();  // (0, 1]: the logarithm is finite
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * Uniform());
}

std::uint64_t RandomStream::Below(std::uint64_t bound) {
  // Multiply-shift with rejection (Lemire 2019).
  const std::uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const auto product = static_cast<Wide>(Next()) * bound;
    if (static_cast<std::uint64_t>(product) >= threshold) {
      return static_cast<std::uint64_t>(product >> 64);
    }
  }
}

std::size_t RandomStream::Categorical(std::span<const double> cumulative) {
  const double u = Uniform() * cumulative.back();
  const auto it = std::upper_bound(cumulative.begin(), cumulative.end(), u);
  return std::min<std::size_t>(it - cumulative.begin(), cumulative.size() - 1);
}

std::vector<std::int64_t> SampleWithoutReplacement(std::int64_t population, std::int64_t count,
                                                   RandomStream& random) {
  if (count < 0 || count > population) {
    throw Error(ErrorCode::kInternal, "cannot draw " + std::to_string(count) + " of " +
                                          std::to_string(population) + " without replacement");
  }
  std::vector<std::int64_t> all(population);
  std::iota(all.begin(), all.end(), 0);
  for (std::int64_t i = 0; i < count; ++i) std::swap(all[i], all[i + random.Below(population - i)]);
  all.resize(count);
  return all;
}

}  // namespace raie
