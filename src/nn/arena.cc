#include "nn/arena.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace raie::nn {
namespace {

constexpr std::int64_t kLine = kernels::AlignedFloats::kAlignment / sizeof(float);
constexpr std::int64_t kFirstPiece = 1 << 16;
// Arenas a thread keeps for later: a training step may hold one for every tile of its batch.
constexpr std::size_t kKept = 256;
// A lease of known size takes no arena of more than so many times that size.
constexpr std::int64_t kFarLarger = 2;

std::vector<std::unique_ptr<Arena>>& Stock() {
  thread_local std::vector<std::unique_ptr<Arena>> stock;
  return stock;
}

// Arenas of known size go from thread to thread, so that there are no more than were ever lent at
// once: what a tape of one thread leaves behind is a tape of another.
struct SizedStock {
  std::mutex mutex;
  std::vector<std::unique_ptr<Arena>> arenas;

  static SizedStock& Get() {
    static auto* const stock = new SizedStock;  // outlives the threads
    return *stock;
  }

  // The smallest that holds `size` and is not far larger, or null; then the largest is given up for
  // the one that has to be made.
  std::unique_ptr<Arena> Take(std::int64_t size) {
    const std::lock_guard lock(mutex);
    if (arenas.empty()) return nullptr;
    const auto capacity = [](const std::unique_ptr<Arena>& arena) { return arena->capacity(); };
    auto best = arenas.end();
    for (auto it = arenas.begin(); it != arenas.end(); ++it) {
      if (capacity(*it) < size || capacity(*it) > kFarLarger * size) continue;
      if (best == arenas.end() || capacity(*it) < capacity(*best)) best = it;
    }
    const bool found = best != arenas.end();
    if (!found) best = std::ranges::max_element(arenas, {}, capacity);
    std::unique_ptr<Arena> arena = std::move(*best);
    arenas.erase(best);
    return found ? std::move(arena) : nullptr;
  }
};

}  // namespace

std::span<float> Arena::Floats(std::int64_t size) {
  const std::int64_t rounded = (size + kLine - 1) / kLine * kLine;
  if (pieces_.empty() || used_ + rounded > pieces_.back().size()) {
    const std::int64_t last = pieces_.empty() ? 0 : pieces_.back().size();
    pieces_.emplace_back(std::max({rounded, 2 * last, kFirstPiece}));
    used_ = 0;
  }
  float* const begin = pieces_.back().data() + used_;
  used_ += rounded;
  total_ += rounded;
  return {begin, static_cast<std::size_t>(size)};
}

void Arena::Reset() {
  if (pieces_.size() > 1) {
    pieces_.clear();
    pieces_.emplace_back(total_);
  }
  used_ = 0;
  total_ = 0;
}

void Arena::Reserve(std::int64_t size) {
  if (capacity() >= size) return;
  pieces_.clear();
  pieces_.emplace_back(size);
}

ArenaLease::ArenaLease(std::int64_t size) : arena_(SizedStock::Get().Take(size)), sized_(true) {
  if (arena_ != nullptr) return;
  arena_ = std::make_unique<Arena>();
  arena_->Reserve(size);
}

ArenaLease::ArenaLease() {
  auto& stock = Stock();
  if (stock.empty()) {
    arena_ = std::make_unique<Arena>();
  } else {
    arena_ = std::move(stock.back());
    stock.pop_back();
  }
}

ArenaLease::~ArenaLease() {
  arena_->Reset();
  if (sized_) {
    SizedStock& stock = SizedStock::Get();
    const std::lock_guard lock(stock.mutex);
    stock.arenas.push_back(std::move(arena_));
  } else if (Stock().size() < kKept) {
    Stock().push_back(std::move(arena_));
  }
}

}  // namespace raie::nn
