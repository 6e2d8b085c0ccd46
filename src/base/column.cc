#include "base/column.h"

#include <sys/mman.h>

#include <new>

namespace raie::internal {

void* AllocateColumn(std::size_t bytes) {
  if (bytes < 2 * kHugePageBytes) return ::operator new(bytes);
  void* block = ::operator new(bytes, std::align_val_t(kHugePageBytes));
  // Only advice: where the system has no huge pages, ordinary ones do.
  (void)madvise(block, bytes, MADV_HUGEPAGE);
  return block;
}

void FreeColumn(void* block, std::size_t bytes) noexcept {
  if (bytes < 2 * kHugePageBytes) {
    ::operator delete(block);
  } else {
    ::operator delete(block, std::align_val_t(kHugePageBytes));
  }
}

}  // namespace raie::internal
