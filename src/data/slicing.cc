#include "data/slicing.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kTasks = 32;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

bool Stays(const EventTable& table, const CoreRule& core, std::int64_t user, std::int64_t row) {
  return core.ends.empty() || row >= core.ends[user] ||
         (core.core.users[user] != 0 && core.core.items[table.items[row]] != 0);
}

// What one thread has seen; merged over threads by "or", minimum and sum.
struct ItemsSeen {
  std::vector<std::uint8_t> in_slice;     // [slices * items]: 1: has an event, 2: one that stays
  std::vector<std::int64_t> first_event;  // [items]: slice above, time since the first below

  std::vector<SliceCounts> before;  // [slices]: users and events

  void Prepare(std::int64_t items, int slices) {
    if (!in_slice.empty()) return;
    in_slice.resize(items * slices);
    first_event.resize(items, kNever);
    before.resize(slices);
  }
};

constexpr int kTimeBits = 47;

class TableReader {
 public:
  TableReader(const EventTable& table, const SliceRule& rule, const CoreRule& core,
              SameTime same_time)
      : table_(table),
        rule_(rule),
        core_(core),
        same_time_(same_time),
        slices_(rule.num_slices()),
        per_user_(table.num_users() * slices_) {}

  void Read(TaskPool& pool) {
    const std::uint64_t range =
        static_cast<std::uint64_t>(table_.latest) - static_cast<std::uint64_t>(table_.earliest);
    if (range >> kTimeBits != 0) {
      throw Error(ErrorCode::kCorruptData,
                  "time stamps reach from " + std::to_string(table_.earliest) + " to " +
                      std::to_string(table_.latest) + ": they must be in seconds");
    }
    const std::vector<std::int64_t> borders =
        BalancedUserRanges(table_.begins, table_.ends.empty() ? 0 : table_.ends.back(), kTasks);
    const auto tasks = static_cast<std::int64_t>(borders.size()) - 1;
    seen_.resize(pool.threads());
    longest_.assign(pool.threads(), std::vector<std::int64_t>(slices_, -1));
    pool.ForEach(tasks, [&](std::int64_t task, int worker) {
      seen_[worker].Prepare(table_.num_items, slices_);
      std::vector<std::int64_t> run;
      for (std::int64_t u = borders[task]; u < borders[task + 1]; ++u) ReadUser(u, worker, run);
    });
    seen_[0].Prepare(table_.num_items, slices_);
  }

  Slicing Finish() {
    Slicing result;
    result.counts.resize(slices_);
    MergeThreads(result);
    NumberUsers(result);
    NumberItems(result);
    return result;
  }

 private:
  void ReadUser(std::int64_t user, int worker, std::vector<std::int64_t>& borders) {
    CutRun(table_, table_.begins[user], table_.ends[user], rule_, borders);
    std::uint8_t* in_slice = seen_[worker].in_slice.data();
    std::int64_t* first_event = seen_[worker].first_event.data();
    std::int64_t history = 0;  // leave-last-out: contexts reach back over the border
    for (int slice = 0; slice < slices_; ++slice) {
      std::int64_t kept = 0;
      std::int64_t before_last_time = 0;  // kept events strictly before the last kept one
      std::int64_t last_time = 0;
      const std::int64_t size = borders[slice + 1] - borders[slice];
      seen_[worker].before[slice].events += size;
      seen_[worker].before[slice].users += size > 0;
      for (std::int64_t row = borders[slice]; row < borders[slice + 1]; ++row) {
        const std::int32_t item = table_.items[row];
        std::uint8_t& mark = in_slice[std::int64_t{slice} * table_.num_items + item];
        if (!Stays(table_, core_, user, row)) {
          mark |= 1;
          continue;
        }
        const std::int64_t time = table_.times[row];
        if (kept == 0 || time != last_time) before_last_time = kept;
        last_time = time;
        ++kept;
        mark = 3;
        const std::int64_t key = (std::int64_t{slice} << kTimeBits) | (time - table_.earliest);
        first_event[item] = std::min(first_event[item], key);
      }
      per_user_[user * slices_ + slice] = kept;
      if (kept == 0) continue;
      const std::int64_t eligible =
          history + (same_time_ == SameTime::kStrict ? before_last_time : kept - 1);
      longest_[worker][slice] = std::max(longest_[worker][slice], eligible);
      if (rule_.leave_last_out) history += kept;
    }
  }

  void MergeThreads(Slicing& result) {
    for (std::size_t worker = 1; worker < seen_.size(); ++worker) {
      const ItemsSeen& other = seen_[worker];
      for (std::size_t i = 0; i < other.in_slice.size(); ++i) {
        seen_[0].in_slice[i] |= other.in_slice[i];
      }
      for (std::size_t i = 0; i < other.first_event.size(); ++i) {
        seen_[0].first_event[i] = std::min(seen_[0].first_event[i], other.first_event[i]);
      }
    }
    result.before.resize(slices_);
    for (int slice = 0; slice < slices_; ++slice) {
      for (const ItemsSeen& part : seen_) {
        if (part.before.empty()) continue;
        result.before[slice].users += part.before[slice].users;
        result.before[slice].events += part.before[slice].events;
      }
      const std::uint8_t* marks = seen_[0].in_slice.data() + std::int64_t{slice} * table_.num_items;
      for (std::int32_t item = 0; item < table_.num_items; ++item) {
        result.before[slice].items += marks[item] & 1;
        result.counts[slice].items += marks[item] >> 1;
      }
    }
    result.longest.assign(slices_, -1);
    for (const auto& part : longest_) {
      for (int slice = 0; slice < slices_; ++slice) {
        result.longest[slice] = std::max(result.longest[slice], part[slice]);
      }
    }
  }

  void NumberUsers(Slicing& result) {
    std::vector<std::vector<std::int32_t>> by_first_slice(slices_);
    for (std::int64_t user = 0; user < table_.num_users(); ++user) {
      int first = slices_;
      for (int slice = slices_ - 1; slice >= 0; --slice) {
        const std::int64_t events = per_user_[user * slices_ + slice];
        if (events == 0) continue;
        first = slice;
        result.counts[slice].events += events;
        ++result.counts[slice].users;
      }
      if (first < slices_) by_first_slice[first].push_back(static_cast<std::int32_t>(user));
    }
    for (const auto& users : by_first_slice) {
      result.users.insert(result.users.end(), users.begin(), users.end());
      result.users_after.push_back(static_cast<std::int64_t>(result.users.size()));
    }
    result.starts.reserve(result.users.size() * slices_ + 1);
    result.starts.push_back(0);
    for (const std::int32_t user : result.users) {
      for (int slice = 0; slice < slices_; ++slice) {
        result.starts.push_back(result.starts.back() +
                                per_user_[std::int64_t{user} * slices_ + slice]);
      }
    }
  }

  void NumberItems(Slicing& result) {
    const std::vector<std::int64_t>& first_event = seen_[0].first_event;
    for (std::int32_t item = 0; item < table_.num_items; ++item) {
      if (first_event[item] != kNever) result.items.push_back(item);
    }
    std::stable_sort(result.items.begin(), result.items.end(), [&](std::int32_t a, std::int32_t b) {
      return first_event[a] < first_event[b];
    });
    result.item_numbers.assign(table_.num_items, -1);
    result.items_after.assign(slices_, 0);
    for (std::size_t number = 0; number < result.items.size(); ++number) {
      const std::int32_t item = result.items[number];
      result.item_numbers[item] = static_cast<std::int32_t>(number);
      const std::int64_t key = first_event[item];
      result.item_times.push_back(table_.earliest + (key & ((std::int64_t{1} << kTimeBits) - 1)));
      ++result.items_after[key >> kTimeBits];
    }
    std::partial_sum(result.items_after.begin(), result.items_after.end(),
                     result.items_after.begin());
  }

  const EventTable& table_;
  const SliceRule& rule_;
  const CoreRule& core_;
  SameTime same_time_;
  int slices_;
  std::vector<std::int64_t> per_user_;  // [users of the log * slices]: kept events
  std::vector<ItemsSeen> seen_;         // by thread
  std::vector<std::vector<std::int64_t>> longest_;
};

}  // namespace

void CutRun(const EventTable& table, std::int64_t begin, std::int64_t end, const SliceRule& rule,
            std::vector<std::int64_t>& borders) {
  borders.assign(1, begin);
  if (rule.leave_last_out) {
    const std::int64_t removed = end - begin >= 3 ? 1 : 0;
    borders.push_back(end - 2 * removed);
    borders.push_back(end - removed);
  } else {
    for (const std::int64_t cut : rule.cuts) {
      borders.push_back(
          std::lower_bound(table.times.data() + borders.back(), table.times.data() + end, cut) -
          table.times.data());
    }
  }
  borders.push_back(end);
}

std::vector<SliceCounts> CountSlices(const EventTable& table, const SliceRule& rule,
                                     TaskPool& pool) {
  return SliceTable(table, rule, CoreRule{}, SameTime::kOrder, pool).counts;
}

Slicing SliceTable(const EventTable& table, const SliceRule& rule, const CoreRule& core,
                   SameTime same_time, TaskPool& pool) {
  TableReader reader(table, rule, core, same_time);
  reader.Read(pool);
  return reader.Finish();
}

}  // namespace raie
