#include "text/bpe_tables.h"

#include <bit>
#include <cstring>

namespace raie {
namespace {

std::size_t NumSlots(std::size_t num_entries) {
  return std::bit_ceil(2 * num_entries + 2);  // one is always free: it ends a search
}

std::uint64_t Load(const char* from, std::size_t bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, from, bytes);
  return value;
}

std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

// Up to 8 bytes as one number, by loads of fixed size.
std::uint64_t ShortBytes(const char* from, std::size_t bytes) {
  if (bytes >= 4) return Load(from, 4) | Load(from + bytes - 4, 4) << 32;
  if (bytes == 0) return 0;
  return Load(from, 1) | Load(from + bytes / 2, 1) << 8 | Load(from + bytes - 1, 1) << 16;
}

std::uint64_t HashOf(std::string_view piece) {
  std::uint64_t hash = 0x9E3779B97F4A7C15U ^ piece.size();
  const char* at = piece.data();
  std::size_t left = piece.size();
  for (; left > 8; at += 8, left -= 8) hash = Mix(hash ^ Load(at, 8), 0xD6E8FEB86659FD93U);
  return Mix(hash ^ ShortBytes(at, left), 0xA0761D6478BD642FU);
}

}  // namespace

PieceTable::PieceTable(std::size_t num_pieces) : slots_(NumSlots(num_pieces)) {}

std::size_t PieceTable::SlotOf(std::string_view piece, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.id == kNoPiece) return at;
    if (slot.tag == tag && slot.length == piece.size() &&
        std::memcmp(bytes_.data() + slot.begin, piece.data(), piece.size()) == 0) {
      return at;
    }
  }
}

void PieceTable::Add(std::string_view piece, std::int32_t id) {
  const std::uint64_t hash = HashOf(piece);
  slots_[SlotOf(piece, hash)] = {static_cast<std::uint32_t>(hash >> 32), id,
                                 static_cast<std::uint32_t>(bytes_.size()),
                                 static_cast<std::uint32_t>(piece.size())};
  bytes_ += piece;
}

std::int32_t PieceTable::Find(std::string_view piece) const {
  return slots_[SlotOf(piece, HashOf(piece))].id;
}

MergeTable::MergeTable(std::size_t num_merges)
    : slots_(NumSlots(num_merges)), mask_(slots_.size() - 1) {}

void MergeTable::Set(std::int32_t left, std::int32_t right, Merge merge) {
  const std::uint64_t key = Key(left, right);
  std::size_t at = Start(key);
  while (slots_[at].key != key && slots_[at].key != kFree) at = (at + 1) & mask_;
  slots_[at] = {key, merge};
}

}  // namespace raie
