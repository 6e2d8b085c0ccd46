#include "data/k_core.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace raie {
namespace {

using Lists = std::vector<std::vector<std::int32_t>>;  // items by user

KCore Fast(const Lists& lists, std::int32_t num_items, std::int64_t k, int threads) {
  std::vector<std::int64_t> begins, ends;
  std::vector<std::int32_t> items;
  for (const auto& list : lists) {
    begins.push_back(static_cast<std::int64_t>(items.size()));
    items.insert(items.end(), list.begin(), list.end());
    ends.push_back(static_cast<std::int64_t>(items.size()));
    items.push_back(0);  // a gap
  }
  TaskPool pool(threads);
  return FindKCore({begins, ends, items.data(), num_items}, k, pool);
}

// Counts again and removes one round, until nothing changes.
KCore Slow(const Lists& lists, std::int32_t num_items, std::int64_t k) {
  KCore core{std::vector<std::uint8_t>(lists.size(), 1), std::vector<std::uint8_t>(num_items, 1)};
  for (bool changed = true; changed;) {
    changed = false;
    std::vector<std::int64_t> users(lists.size()), items(num_items);
    for (std::size_t u = 0; u < lists.size(); ++u) {
      for (const std::int32_t item : lists[u]) {
        if (core.users[u] == 0 || core.items[item] == 0) continue;
        ++users[u];
        ++items[item];
      }
    }
    for (std::size_t u = 0; u < lists.size(); ++u) {
      if (core.users[u] != 0 && users[u] < k) core.users[u] = 0, changed = true;
    }
    for (std::int32_t i = 0; i < num_items; ++i) {
      if (core.items[i] != 0 && items[i] < k) core.items[i] = 0, changed = true;
    }
  }
  return core;
}

TEST(KCore, EqualsTheSlowOne) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomStream random(seed, 0);
    const auto num_items = static_cast<std::int32_t>(5 + random.Below(60));
    Lists lists(3 + random.Below(80));
    const std::uint64_t longest = 1 + random.Below(12);
    for (auto& list : lists) {
      list.resize(random.Below(longest + 1));
      for (std::int32_t& item : list) {
        item = static_cast<std::int32_t>(random.Below(num_items) * random.Uniform());
      }
    }
    for (const std::int64_t k : {0, 1, 2, 3, 5, 8}) {
      const KCore slow = Slow(lists, num_items, std::max<std::int64_t>(k, 1));
      for (const int threads : {1, 3}) {
        const KCore fast = Fast(lists, num_items, k, threads);
        EXPECT_EQ(fast.users, slow.users) << "k " << k;
        EXPECT_EQ(fast.items, slow.items) << "k " << k;
      }
    }
  }
}

// Popular items that lose all their users one after the other: each fall starts the next.
TEST(KCore, HeavyItemsFallInAChain) {
  constexpr std::int32_t kItems = 12;
  constexpr int kUsersEach = 40;
  Lists lists;
  for (std::int32_t item = 0; item < kItems; ++item) {
    for (int u = 0; u < kUsersEach; ++u) {
      lists.push_back({item});
      if (item > 0 && u < 20) lists.back().push_back(item - 1);
    }
  }
  lists.push_back({0, 1, 2, 0, 1, 2});
  for (const std::int64_t k : {2, 3}) {
    const KCore slow = Slow(lists, kItems, k);
    const KCore fast = Fast(lists, kItems, k, 2);
    EXPECT_EQ(fast.users, slow.users);
    EXPECT_EQ(fast.items, slow.items);
  }
}

TEST(KCore, NothingInNothingOut) {
  EXPECT_TRUE(Fast({}, 0, 5, 1).users.empty());
  EXPECT_EQ(Fast({{}, {}}, 1, 1, 1).users, (std::vector<std::uint8_t>{0, 0}));
}

}  // namespace
}  // namespace raie
