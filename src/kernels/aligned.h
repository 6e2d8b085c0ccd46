// Where do kernels keep numbers that vector loads read?
//
// Concept: a float buffer aligned to cache lines that grows and never shrinks; contents are not
//          kept when it grows and not initialised. Large buffers ask for huge pages: a step streams
//          through the activations of a whole batch, and a virtual machine pays twice for every
//          page it has to look up.
#pragma once

#include <sys/mman.h>

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
      const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
      const std::size_t alignment = bytes >= kHugePage ? kHugePage : kAlignment;
      void* const memory = ::operator new (bytes, std::align_val_t{alignment});
      // Only a wish: without huge pages everything works as before.
      if (alignment == kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
      values_ = {static_cast<float*>(memory), Free{alignment}};
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
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  struct Free {
    std::size_t alignment;
    void operator()(float* values) const {
      ::operator delete (values, std::align_val_t{alignment});
    }
  };
  std::unique_ptr<float, Free> values_{nullptr, Free{kAlignment}};
  std::int64_t size_ = 0;
  std::int64_t capacity_ = 0;
};

}  // namespace raie::kernels
