#include "data/packed_sort.h"

#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>

namespace raie {
namespace {
constexpr std::size_t kShort = 64;
}  // namespace

struct KeySorter::Vectorised {
  hwy::Sorter sorter;
};

KeySorter::KeySorter() : vectorised_(std::make_unique<Vectorised>()) {}
KeySorter::~KeySorter() = default;
KeySorter::KeySorter(KeySorter&&) noexcept = default;

void KeySorter::Sort(std::span<std::uint64_t> keys) {
  if (keys.size() < kShort) {
    std::sort(keys.begin(), keys.end());
  } else {
    vectorised_->sorter(keys.data(), keys.size(), hwy::SortAscending());
  }
}

}  // namespace raie
