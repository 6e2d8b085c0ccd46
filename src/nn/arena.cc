#include "nn/arena.h"

#include <algorithm>
#include <utility>

namespace raie::nn {
namespace {

constexpr std::int64_t kLine = kernels::AlignedFloats::kAlignment / sizeof(float);
constexpr std::int64_t kFirstPiece = 1 << 16;
// Arenas a thread keeps for later: a training step holds one for every tile of its batch.
constexpr std::size_t kKept = 256;
// A lease of known size takes no arena of more than so many times that size.
constexpr std::int64_t kFarLarger = 2;

std::vector<std::unique_ptr<Arena>>& Stock() {
  thread_local std::vector<std::unique_ptr<Arena>> stock;
  return stock;
}

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

ArenaLease::ArenaLease(std::int64_t size) {
  auto& stock = Stock();
  auto best = stock.end();
  for (auto it = stock.begin(); it != stock.end(); ++it) {
    const std::int64_t capacity = (*it)->capacity();
    if (capacity < size || capacity > kFarLarger * size) continue;
    if (best == stock.end() || capacity < (*best)->capacity()) best = it;
  }
  if (best != stock.end()) {
    arena_ = std::move(*best);
    stock.erase(best);
    return;
  }
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
  auto& stock = Stock();
  if (stock.size() >= kKept) return;
  arena_->Reset();
  stock.push_back(std::move(arena_));
}

}  // namespace raie::nn
