// Where do kernels keep numbers that vector loads read?
//
// Concept: a float buffer aligned to cache lines that grows and never shrinks; contents are not
//          kept when it grows and not initialised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace raie::kernels {

class AlignedFloats {
 public:
  static constexpr std::size_t kAlignment = 64;

  AlignedFloats() = default;
  explicit AlignedFloats(std::int64_t size) { Resize(size); }

  // Makes room for `size` numbers; old contents are lost if that needs more memory.
  void Resize(std::int64_t size) {
    if (size > capacity_) {
      values_.reset(static_cast<float*>(
          ::operator new(static_cast<std::size_t>(size) * sizeof(float), Alignment())));
      capacity_ = size;
    }
    size_ = size;
  }

  float* data() { return values_.get(); }
  const float* data() const { return values_.get(); }
  std::int64_t size() const { return size_; }
  std::span<float> span() { return {data(), static_cast<std::size_t>(size_)}; }
  std::span<const float> span() const { return {data(), static_cast<std::size_t>(size_)}; }

 private:
  static constexpr std::align_val_t Alignment() { return std::align_val_t{kAlignment}; }
  struct Free {
    void operator()(float* values) const { ::operator delete(values, Alignment()); }
  };
  std::unique_ptr<float, Free> values_;
  std::int64_t size_ = 0;
  std::int64_t capacity_ = 0;
};

}  // namespace raie::kernels
