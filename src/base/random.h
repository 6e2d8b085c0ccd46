// Where do random numbers come from, so that any thread can draw its own and get the same ones?
//
// Concept: a counter-based generator: the i-th number of stream (seed, stream) is a pure function
//          of the three, with no state to share. Philox4x32-10 (Salmon et al. 2011).
// Threads: everything here is a value or a pure function.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace raie {

// Returns the four 32-bit words of block `counter` under `key`.
std::array<std::uint32_t, 4> Philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);

// Returns a seed for a named part of a run: different parts draw independent numbers.
std::uint64_t DeriveSeed(std::uint64_t seed, std::uint64_t part);

// A sequential reader of one stream. Cheap to make; two with the same (seed, stream) agree.
class RandomStream {
 public:
  using result_type = std::uint64_t;

  RandomStream(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  std::uint64_t Next();                      // 64 random bits
  double Uniform();                          // [0, 1)
  double Normal();                           // mean 0, variance 1
  std::uint64_t Below(std::uint64_t bound);  // 0 .. bound - 1, unbiased; bound >= 1
  std::size_t Categorical(std::span<const double> cumulative);  // index by cumulative weights

  // UniformRandomBitGenerator, for the standard library.
  std::uint64_t operator()() { return Next(); }
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
  std::uint64_t counter_ = 0;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
};

// Shuffles in place (Fisher-Yates); the order depends on the stream only, not on the library.
template <class T>
void Shuffle(std::span<T> values, RandomStream& random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.Below(i)]);
}

// Returns `count` different numbers of 0..population-1 in random order.
std::vector<std::int64_t> SampleWithoutReplacement(std::int64_t population, std::int64_t count,
                                                   RandomStream& random);

}  // namespace raie
