// How does a kernel see a matrix it does not own?
//
// Concept: a pointer, a size and the distance between rows, so that a kernel can read or write a
//          slice of columns of a wider buffer (q, k and v inside one [T, 3 D] buffer).
// Shapes:  row-major float32; element (r, c) is data[r * stride + c], stride >= cols.
#pragma once

#include <cstdint>
#include <span>

#include "raie/error.h"

namespace raie::kernels {

struct ConstMatrix {
  const float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;

  const float* row(std::int64_t r) const { return data + r * stride; }
  bool empty() const { return data == nullptr; }
  ConstMatrix Columns(std::int64_t begin, std::int64_t end) const {
    return {data + begin, rows, end - begin, stride};
  }
  ConstMatrix Rows(std::int64_t begin, std::int64_t end) const {
    return {data + begin * stride, end - begin, cols, stride};
  }
};

struct Matrix {
  float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;

  float* row(std::int64_t r) const { return data + r * stride; }
  bool empty() const { return data == nullptr; }
  operator ConstMatrix() const { return {data, rows, cols, stride}; }
  Matrix Columns(std::int64_t begin, std::int64_t end) const {
    return {data + begin, rows, end - begin, stride};
  }
  Matrix Rows(std::int64_t begin, std::int64_t end) const {
    return {data + begin * stride, end - begin, cols, stride};
  }
};

// Views a whole buffer of rows * cols numbers (at least).
inline ConstMatrix View(std::span<const float> values, std::int64_t rows, std::int64_t cols) {
  return {values.data(), rows, cols, cols};
}
inline Matrix MutableView(std::span<float> values, std::int64_t rows, std::int64_t cols) {
  return {values.data(), rows, cols, cols};
}

// Does an output replace what is there or add to it?
enum class Store { kSet, kAdd };

}  // namespace raie::kernels
