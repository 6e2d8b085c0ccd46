#include "data/readers/id_table.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "data/readers/number_text.h"

namespace raie {
namespace {

// A bijection of 64-bit words: equal hashes of numbers are equal numbers.
std::uint64_t HashNumber(std::uint64_t number) {
  number ^= number >> 32;
  number *= 0xD6E8FEB86659FD93ULL;
  number ^= number >> 32;
  number *= 0xD6E8FEB86659FD93ULL;
  return number ^ (number >> 32);
}

}  // namespace

std::string IdList::ToString(std::int32_t index) const {
  const Entry& entry = (*this)[index];
  return entry.length == kNumber ? std::to_string(entry.value) : std::string(Text(entry));
}

void IdList::AddText(std::string_view text) {
  entries_.push_back({bytes_.size(), static_cast<std::uint32_t>(text.size())});
  bytes_ += text;
}

void IdList::Clear() {
  entries_.clear();
  bytes_.clear();
}

template <class Same>
IdIndex::Slot& IdIndex::FindSlot(std::uint64_t hash, const Same& same) {
  if (used_slots_ * 2 >= slots_.size()) GrowHash();
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t place = hash & mask;; place = (place + 1) & mask) {
    Slot& slot = slots_[place];
    if (slot.index_plus_one == 0) return slot;
    if (slot.hash == hash && same(slot.index_plus_one - 1)) return slot;
  }
}

void IdIndex::GrowHash() {
  std::vector<Slot> old = std::move(slots_);
  slots_.assign(std::max<std::size_t>(1024, old.size() * 2), Slot{0, 0});
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.index_plus_one == 0) continue;
    std::size_t place = slot.hash & mask;
    while (slots_[place].index_plus_one != 0) place = (place + 1) & mask;
    slots_[place] = slot;
  }
}

std::int32_t IdIndex::AddNewNumber(IdList& list, std::uint64_t number) {
  if (number < kDirectLimit) {
    if (number >= direct_.size()) direct_.resize(std::bit_ceil(std::max(number + 1, 1024UL)), 0);
    list.AddNumber(number);
    direct_[number] = list.size();
    return list.size() - 1;
  }
  const std::uint64_t hash = HashNumber(number);
  Slot& slot =
      FindSlot(hash, [&](std::int32_t index) { return list[index].length == IdList::kNumber; });
  if (slot.index_plus_one == 0) {
    list.AddNumber(number);
    slot = {hash, list.size()};
    ++used_slots_;
  }
  return slot.index_plus_one - 1;
}

std::int32_t IdIndex::AddText(IdList& list, std::string_view text) {
  if (const auto number = CanonicalNumber(text)) return AddNumber(list, *number);
  const std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  Slot& slot = FindSlot(hash, [&](std::int32_t index) {
    const IdList::Entry& entry = list[index];
    return entry.length == text.size() && list.Text(entry) == text;
  });
  if (slot.index_plus_one == 0) {
    list.AddText(text);
    slot = {hash, list.size()};
    ++used_slots_;
  }
  return slot.index_plus_one - 1;
}

std::int32_t IdIndex::Add(IdList& list, const IdList& from, std::int32_t index) {
  const IdList::Entry& entry = from[index];
  return entry.length == IdList::kNumber ? AddNumber(list, entry.value)
                                         : AddText(list, from.Text(entry));
}

void IdIndex::Forget(const IdList& list) {
  bool hashed = false;
  for (std::int32_t i = 0; i < list.size(); ++i) {
    const IdList::Entry& entry = list[i];
    if (entry.length == IdList::kNumber && entry.value < kDirectLimit) {
      direct_[entry.value] = 0;
    } else {
      hashed = true;
    }
  }
  if (hashed) std::fill(slots_.begin(), slots_.end(), Slot{0, 0});
  used_slots_ = 0;
}

}  // namespace raie
