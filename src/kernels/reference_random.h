// Random inputs for kernel tests; included by tests only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace raie::kernels {

// Returns n normal numbers; the same ones for the same stream.
inline std::vector<float> RandomValues(std::int64_t n, std::uint64_t stream, double scale = 1) {
  RandomStream random(20240601, stream);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(scale * random.Normal());
  return values;
}

// Returns max|a - b| / max|b| (0 for two zero tensors).
template <class A, class B>
double TensorError(const A& a, const B& b) {
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    difference = d <= difference ? difference : d;  // keeps a NaN
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return largest == 0 ? difference : difference / largest;
}

}  // namespace raie::kernels
