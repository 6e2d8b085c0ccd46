#include "data/k_core.h"

#include <algorithm>
#include <utility>

#include "data/event_table.h"

namespace raie {
namespace {

constexpr std::int64_t kTasks = 32;

class Peeling {
 public:
  Peeling(const KCoreInput& input, std::int64_t k, TaskPool& pool)
      : input_(input), k_(std::max<std::int64_t>(k, 1)), light_(8 * k_), pool_(pool) {
    const std::int64_t span = input.ends.empty() ? 0 : input.ends.back();
    borders_ = BalancedUserRanges(input.begins, span, kTasks);
  }

  KCore Run() {
    CountEvents();
    ListUsersOfLightItems();
    for (std::size_t u = 0; u < user_counts_.size(); ++u) DropUserIfBelow(u);
    for (std::size_t i = 0; i < item_counts_.size(); ++i) DropItemIfBelow(i);
    for (;;) {
      if (!users_.empty()) {
        RemoveEventsOfUser(Pop(users_));
      } else if (!light_items_.empty()) {
        RemoveEventsOfItem(Pop(light_items_));
      } else if (!heavy_items_.empty()) {
        RemoveEventsOfHeavyItems();
      } else {
        break;
      }
    }
    return std::move(core_);
  }

 private:
  static std::int32_t Pop(std::vector<std::int32_t>& list) {
    const std::int32_t value = list.back();
    list.pop_back();
    return value;
  }

  template <class Body>
  void ForUserRanges(const Body& body) {
    pool_.ForEach(static_cast<std::int64_t>(borders_.size()) - 1,
                  [&](std::int64_t task, int worker) {
                    for (std::int64_t u = borders_[task]; u < borders_[task + 1]; ++u) {
                      body(u, task, worker);
                    }
                  });
  }

  void CountEvents() {
    std::vector<std::vector<std::int64_t>> counts(pool_.threads());
    for (auto& part : counts) part.resize(input_.num_items);
    ForUserRanges([&](std::int64_t u, std::int64_t, int worker) {
      std::int64_t* mine = counts[worker].data();
      for (std::int64_t e = input_.begins[u]; e < input_.ends[u]; ++e) ++mine[input_.items[e]];
    });
    item_counts_.resize(input_.num_items);
    for (const auto& part : counts) {
      for (std::size_t i = 0; i < part.size(); ++i) item_counts_[i] += part[i];
    }
    user_counts_.resize(input_.begins.size());
    for (std::size_t u = 0; u < user_counts_.size(); ++u) {
      user_counts_[u] = input_.ends[u] - input_.begins[u];
    }
    core_.item_events = item_counts_;
    core_.users.assign(user_counts_.size(), 1);
    core_.items.assign(item_counts_.size(), 1);
  }

  void ListUsersOfLightItems() {
    is_light_.resize(item_counts_.size());
    list_begins_.resize(item_counts_.size() + 1);
    for (std::size_t i = 0; i < item_counts_.size(); ++i) {
      is_light_[i] = item_counts_[i] < light_;
      list_begins_[i + 1] = list_begins_[i] + (is_light_[i] ? item_counts_[i] : 0);
    }
    std::vector<std::vector<std::pair<std::int32_t, std::int32_t>>> pairs(borders_.size());
    ForUserRanges([&](std::int64_t u, std::int64_t task, int) {
      for (std::int64_t e = input_.begins[u]; e < input_.ends[u]; ++e) {
        const std::int32_t item = input_.items[e];
        if (is_light_[item]) pairs[task].emplace_back(item, static_cast<std::int32_t>(u));
      }
    });
    std::vector<std::int64_t> next(list_begins_.begin(), list_begins_.end() - 1);
    listed_users_.resize(list_begins_.back());
    for (const auto& part : pairs) {
      for (const auto& [item, user] : part) listed_users_[next[item]++] = user;
    }
  }

  void DropUserIfBelow(std::int64_t u) {
    if (core_.users[u] == 0 || user_counts_[u] >= k_) return;
    core_.users[u] = 0;
    users_.push_back(static_cast<std::int32_t>(u));
  }

  void DropItemIfBelow(std::int64_t i) {
    if (core_.items[i] == 0 || item_counts_[i] >= k_) return;
    core_.items[i] = 0;
    (is_light_[i] ? light_items_ : heavy_items_).push_back(static_cast<std::int32_t>(i));
  }

  // An event between two that left is counted on neither side any more.
  void RemoveEventsOfUser(std::int32_t u) {
    for (std::int64_t e = input_.begins[u]; e < input_.ends[u]; ++e) {
      const std::int32_t item = input_.items[e];
      if (core_.items[item] == 0) continue;
      --item_counts_[item];
      DropItemIfBelow(item);
    }
  }

  void RemoveEventsOfItem(std::int32_t i) {
    for (std::int64_t at = list_begins_[i]; at < list_begins_[i + 1]; ++at) {
      const std::int32_t user = listed_users_[at];
      if (core_.users[user] == 0) continue;
      --user_counts_[user];
      DropUserIfBelow(user);
    }
  }

  void RemoveEventsOfHeavyItems() {
    std::vector<std::uint8_t> leaves(item_counts_.size());
    for (const std::int32_t item : heavy_items_) leaves[item] = 1;
    heavy_items_.clear();
    ForUserRanges([&](std::int64_t u, std::int64_t, int) {
      if (core_.users[u] == 0) return;
      for (std::int64_t e = input_.begins[u]; e < input_.ends[u]; ++e) {
        user_counts_[u] -= leaves[input_.items[e]];
      }
    });
    for (std::size_t u = 0; u < user_counts_.size(); ++u) DropUserIfBelow(u);
  }

  const KCoreInput& input_;
  std::int64_t k_;
  std::int64_t light_;
  TaskPool& pool_;
  std::vector<std::int64_t> borders_;
  KCore core_;
  std::vector<std::int64_t> user_counts_, item_counts_;  // events between those that stay
  std::vector<std::uint8_t> is_light_;
  std::vector<std::int64_t> list_begins_;
  std::vector<std::int32_t> listed_users_;                       // by light item
  std::vector<std::int32_t> users_, light_items_, heavy_items_;  // left, events still to remove
};

}  // namespace

KCore FindKCore(const KCoreInput& input, std::int64_t k, TaskPool& pool) {
  return Peeling(input, k, pool).Run();
}

}  // namespace raie
