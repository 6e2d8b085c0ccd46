// Which token does a word or a pair of tokens become?
//
// Concept: two hash tables with open addressing, filled once and then only read: what encoding
//          spends its time on.
// Threads: const methods may run concurrently.
// Cost:    one probe a look-up, nearly always; 16 bytes a slot, at most half of them taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace raie {

inline constexpr std::int32_t kNoPiece = -1;

// From the bytes of a piece to its id.
class PieceTable {
 public:
  explicit PieceTable(std::size_t num_pieces);

  // Adds a piece that is not there yet.
  void Add(std::string_view piece, std::int32_t id);
  // Returns the id, or kNoPiece.
  std::int32_t Find(std::string_view piece) const;

 private:
  struct Slot {
    std::uint32_t tag = 0;  // of the hash
    std::int32_t id = kNoPiece;
    std::uint32_t begin = 0;  // in bytes_
    std::uint32_t length = 0;
  };
  std::size_t SlotOf(std::string_view piece, std::uint64_t hash) const;

  std::vector<Slot> slots_;
  std::string bytes_;
};

struct Merge {
  std::uint32_t rank = 0;  // the lower the earlier
  std::int32_t result = kNoPiece;
};

// From two neighbours to what they merge into.
class MergeTable {
 public:
  explicit MergeTable(std::size_t num_merges);

  // Adds a merge; one of the same pair is replaced.
  void Set(std::int32_t left, std::int32_t right, Merge merge);
  // Returns null for a pair that does not merge.
  const Merge* Find(std::int32_t left, std::int32_t right) const {
    const std::uint64_t key = Key(left, right);
    for (std::size_t at = Start(key);; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.key == key) return &slot.merge;
      if (slot.key == kFree) return nullptr;
    }
  }

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};  // ids are never negative
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge;
  };
  static std::uint64_t Key(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t Start(std::uint64_t key) const {
    const std::uint64_t mixed = key * 0x9E3779B97F4A7C15U;
    return (mixed ^ mixed >> 32) & mask_;
  }

  std::vector<Slot> slots_;
  std::size_t mask_;
};

}  // namespace raie
