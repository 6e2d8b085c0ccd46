// Which dense index does a raw id get?
//
// Concept: ids are numbered by first appearance. An id written as a plain number is looked up by
//          its value in a table indexed directly while the value is small; other numbers and text
//          go through one open-addressing hash. A chunk of a file numbers its ids for itself
//          (IdList: what it saw; IdIndex: the worker's scratch); the lists are then joined in
//          chunk order, so the numbering never depends on the number of threads.
// Cost:    ~1 ns per small number, one hash and one comparison per text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace raie {

// Different ids in order of first appearance.
class IdList {
 public:
  struct Entry {
    std::uint64_t value;   // the number, or where the text begins
    std::uint32_t length;  // of the text; kNumber
  };
  static constexpr std::uint32_t kNumber = ~std::uint32_t{0};

  std::int32_t size() const { return static_cast<std::int32_t>(entries_.size()); }
  const Entry& operator[](std::int32_t index) const {
    return entries_[static_cast<std::size_t>(index)];
  }
  std::string_view Text(const Entry& entry) const {  // of a text entry
    return std::string_view(bytes_).substr(entry.value, entry.length);
  }
  std::string ToString(std::int32_t index) const;
  void AddNumber(std::uint64_t number) { entries_.push_back({number, kNumber}); }
  void AddText(std::string_view text);
  void Clear();

 private:
  std::vector<Entry> entries_;
  std::string bytes_;
};

// Finds the index of an id in an IdList; both must be filled together.
class IdIndex {
 public:
  // Returns the index of the id, which is appended to `list` if new.
  std::int32_t AddNumber(IdList& list, std::uint64_t number) {
    if (number < direct_.size() && direct_[number] != 0) return direct_[number] - 1;
    return AddNewNumber(list, number);
  }
  std::int32_t AddText(IdList& list, std::string_view text);  // "17" is the number 17
  std::int32_t Add(IdList& list, const IdList& from, std::int32_t index);

  void Forget(const IdList& list);  // empties the index, which holds exactly this list

 private:
  static constexpr std::uint64_t kDirectLimit = std::uint64_t{1} << 22;
  struct Slot {
    std::uint64_t hash;
    std::int32_t index_plus_one;  // 0: free
  };

  std::int32_t AddNewNumber(IdList& list, std::uint64_t number);
  template <class Same>
  Slot& FindSlot(std::uint64_t hash, const Same& same);
  void GrowHash();

  std::vector<std::int32_t> direct_;  // by number: index + 1, 0: absent
  std::vector<Slot> slots_;           // size 0 or a power of two, at most half full
  std::size_t used_slots_ = 0;
};

}  // namespace raie
