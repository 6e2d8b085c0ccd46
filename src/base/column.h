// How are large arrays of plain values allocated, when every byte will be written anyway?
//
// Concept: a std::vector whose resize leaves new elements uninitialised (so that the tasks that
//          fill it also pay for its pages, in parallel) and whose large blocks ask for huge pages.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

namespace raie {
namespace internal {
inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
void* AllocateColumn(std::size_t bytes);
void FreeColumn(void* block, std::size_t bytes) noexcept;
}  // namespace internal

template <class T>
class ColumnAllocator {
 public:
  using value_type = T;
  ColumnAllocator() = default;
  template <class U>
  ColumnAllocator(const ColumnAllocator<U>&) {}

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(internal::AllocateColumn(count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t count) noexcept {
    internal::FreeColumn(block, count * sizeof(T));
  }
  // Default initialisation: nothing is written for plain values.
  template <class U>
  void construct(U* place) noexcept(std::is_nothrow_default_constructible_v<U>) {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }
  bool operator==(const ColumnAllocator&) const { return true; }
};

template <class T>
using Column = std::vector<T, ColumnAllocator<T>>;

}  // namespace raie
