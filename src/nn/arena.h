// Where do the activations of a tile live without an allocation per layer?
//
// Concept: an arena hands out float buffers one behind the other and takes all of them back at
// once.
//          A lease borrows one from the calling thread's stock and returns it, memory kept, to the
//          stock of the thread that ends it: in steady state nothing is allocated. Arenas of known
//          size, which may be large, are in one stock for all threads.
// Threads: an arena serves one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/matrix.h"

namespace raie::nn {

class Arena {
 public:
  // Returns uninitialised memory aligned to cache lines, valid until Reset.
  std::span<float> Floats(std::int64_t size);
  kernels::Matrix Rows(std::int64_t rows, std::int64_t cols) {
    return {Floats(rows * cols).data(), rows, cols, cols};
  }
  // Takes everything back; what was several pieces becomes one that holds as much.
  void Reset();
  // Makes room for so many numbers in one piece; nothing may be handed out.
  void Reserve(std::int64_t size);
  // What one piece holds behind a Reset.
  std::int64_t capacity() const { return pieces_.empty() ? 0 : pieces_.back().size(); }

 private:
  std::vector<kernels::AlignedFloats> pieces_;
  std::int64_t used_ = 0;   // of the last piece
  std::int64_t total_ = 0;  // handed out since Reset
};

class ArenaLease {
 public:
  ArenaLease();
  // One that holds so many numbers in one piece: the smallest of the stock that does and is not far
  // larger, else a new one in the place of one of the stock. For who knows what he needs and needs
  // much.
  explicit ArenaLease(std::int64_t size);
  ~ArenaLease();
  ArenaLease(const ArenaLease&) = delete;
  ArenaLease& operator=(const ArenaLease&) = delete;

  Arena& operator*() const { return *arena_; }
  Arena* operator->() const { return arena_.get(); }

 private:
  std::unique_ptr<Arena> arena_;
  bool sized_ = false;
};

// Views the rows of a matrix whose rows are contiguous.
inline std::span<const float> Flat(kernels::ConstMatrix m) {
  return {m.data, static_cast<std::size_t>(m.rows * m.cols)};
}
inline std::span<float> Flat(kernels::Matrix m) {
  return {m.data, static_cast<std::size_t>(m.rows * m.cols)};
}

}  // namespace raie::nn
