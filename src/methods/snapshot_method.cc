#include "methods/snapshot_method.h"

#include <algorithm>
#include <set>

#include "training/item_table.h"

namespace raie {

std::int64_t BytesKept(const Snapshot& snapshot) {
  std::int64_t floats = 0;
  std::set<const Adapter*> counted;
  for (const auto& [region, adapter] : snapshot.adapters) {
    if (counted.insert(adapter.get()).second) floats += std::ssize(adapter->values());
  }
  for (const auto& [region, rows] : snapshot.items->replaced()) floats += std::ssize(rows.rows_nD);
  if (snapshot.items != snapshot.routing_items) {
    const auto now = snapshot.items->base_ND();
    const auto start = snapshot.routing_items->base_ND();
    const std::int64_t dim = snapshot.items->dim();
    for (std::int64_t row = 0; row + dim <= std::ssize(now); row += dim) {
      if (!std::equal(now.begin() + row, now.begin() + row + dim, start.begin() + row)) {
        floats += dim;
      }
    }
  }
  return floats * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t MemoryBytes(const WindowSet& memory) {
  std::int64_t events = 0;
  std::int64_t covered = 0;  // windows are sorted, their events overlap
  for (const Window& window : memory.windows) {
    const std::int64_t begin = std::max(window.context_begin, covered);
    events += std::max<std::int64_t>(0, window.target + 1 - begin);
    covered = std::max(covered, window.target + 1);
  }
  constexpr std::int64_t kEventBytes = sizeof(ItemId) + sizeof(Timestamp);
  return memory.size() * static_cast<std::int64_t>(sizeof(Window)) + events * kEventBytes;
}

}  // namespace raie
