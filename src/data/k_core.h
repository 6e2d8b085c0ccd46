// Which users and items have at least k events among themselves?
//
// Concept: users and items with fewer than k events leave, their events with them, until nobody
//          else falls below k. The result is unique, whatever the order of removal.
// Source:  METHOD section 2 ("k-core, iterated").
// Shapes:  user u's events are items[begins[u], ends[u]).
// Threads: same result for any number.
// Cost:    O(E + removed events) by work lists. Only items with few events (8 k) have a list of
//          their users; a heavier item that leaves costs one more pass over the events, shared by
//          all that leave together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/task_pool.h"

namespace raie {

struct KCoreInput {
  std::span<const std::int64_t> begins;
  std::span<const std::int64_t> ends;
  const std::int32_t* items = nullptr;
  std::int32_t num_items = 0;
};

struct KCore {
  std::vector<std::uint8_t> users;  // 1: stays
  std::vector<std::uint8_t> items;
  std::vector<std::int64_t> item_events;  // of each item at the start
};

// k = 0 or 1 keeps every user and item that has an event.
KCore FindKCore(const KCoreInput& input, std::int64_t k, TaskPool& pool);

}  // namespace raie
