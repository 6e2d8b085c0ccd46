#include "data/event_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

#include "data/packed_sort.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kMaxEvents = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t kSortTasks = 64;

// Part of the log's rows that one task handles, and its number of events by user.
struct Chunk {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::unique_ptr<std::uint32_t[]> counts;
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  std::int64_t latest = std::numeric_limits<std::int64_t>::min();
};

// Few chunks where users are many: every chunk has a counter for each.
std::vector<Chunk> CutRows(std::int64_t rows, std::int64_t users) {
  const std::int64_t count =
      std::clamp<std::int64_t>(rows / std::max<std::int64_t>(1, 4 * users), 1, 16);
  std::vector<Chunk> chunks(count);
  for (std::int64_t i = 0; i < count; ++i) {
    chunks[i].begin = rows * i / count;
    chunks[i].end = rows * (i + 1) / count;
  }
  return chunks;
}

// Which rows pass the rating filter.
class RatingFilter {
 public:
  RatingFilter(const InteractionLog& log, double min_rating)
      : ratings_(log.ratings.empty() ? nullptr : log.ratings.data()), min_rating_(min_rating) {}
  bool Passes(std::int64_t row) const {
    return ratings_ == nullptr || static_cast<double>(ratings_[row]) >= min_rating_;
  }
  void Check(std::int64_t row) const {
    if (ratings_ != nullptr && !std::isfinite(ratings_[row])) {
      throw Error(ErrorCode::kCorruptData, "rating of event " + std::to_string(row + 1) +
                                               " is not a finite number: correct or drop it");
    }
  }

 private:
  const float* ratings_;
  double min_rating_;
};

void CountChunk(const InteractionLog& log, const RatingFilter& filter, Chunk& chunk) {
  chunk.counts = std::make_unique<std::uint32_t[]>(log.user_ids.size());
  for (std::int64_t row = chunk.begin; row < chunk.end; ++row) {
    if (!filter.Passes(row)) {
      filter.Check(row);
      continue;
    }
    ++chunk.counts[Index(log.users[row])];
  }
}

// Writes a chunk's events to their users' runs; its counts say how far into each it begins.
void PlaceChunk(const InteractionLog& log, const RatingFilter& filter, Chunk& chunk,
                EventTable& table) {
  std::int64_t earliest = chunk.earliest;
  std::int64_t latest = chunk.latest;
  std::int64_t* times = table.times.data();
  std::int32_t* items = table.items.data();
  for (std::int64_t row = chunk.begin; row < chunk.end; ++row) {
    if (!filter.Passes(row)) continue;
    const std::int32_t user = Index(log.users[row]);
    const std::int64_t at = table.begins[user] + chunk.counts[user]++;
    const std::int64_t time = Seconds(log.times[row]);
    times[at] = time;
    items[at] = Index(log.items[row]);
    earliest = std::min(earliest, time);
    latest = std::max(latest, time);
  }
  chunk.earliest = earliest;
  chunk.latest = latest;
}

// Sorts one run by time, equal times in their present order.
class RunSorter {
 public:
  void Sort(std::span<std::int64_t> times, std::span<std::int32_t> items) {
    if (std::is_sorted(times.begin(), times.end())) return;
    const auto [low, high] = std::minmax_element(times.begin(), times.end());
    const std::int64_t base = *low;
    const auto range = static_cast<std::uint64_t>(*high) - static_cast<std::uint64_t>(base);
    if (range >> 32 == 0) {
      SortPacked(times, items, base);
    } else {
      SortWide(times, items);
    }
  }

 private:
  // The key holds the time above and the position below, so no key equals another.
  void SortPacked(std::span<std::int64_t> times, std::span<std::int32_t> items, std::int64_t base) {
    const std::size_t n = times.size();
    keys_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      keys_[i] = static_cast<std::uint64_t>(times[i] - base) << 32 | i;
    }
    sorter_.Sort(keys_);
    old_items_.assign(items.begin(), items.end());
    for (std::size_t i = 0; i < n; ++i) {
      times[i] = base + static_cast<std::int64_t>(keys_[i] >> 32);
      items[i] = old_items_[static_cast<std::uint32_t>(keys_[i])];
    }
  }

  void SortWide(std::span<std::int64_t> times, std::span<std::int32_t> items) {
    std::vector<std::pair<std::int64_t, std::int32_t>> pairs(times.size());
    for (std::size_t i = 0; i < times.size(); ++i) pairs[i] = {times[i], items[i]};
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < times.size(); ++i) std::tie(times[i], items[i]) = pairs[i];
  }

  KeySorter sorter_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::int32_t> old_items_;
};

// Keeps the first event of each item of a run; `last_user[item]` marks what the user has had.
std::int64_t KeepFirst(std::span<std::int64_t> times, std::span<std::int32_t> items,
                       std::int32_t user, std::vector<std::int32_t>& last_user) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (std::exchange(last_user[items[i]], user) == user) continue;
    times[kept] = times[i];
    items[kept++] = items[i];
  }
  return static_cast<std::int64_t>(kept);
}

// Counts of times in equal intervals: finds the interval of a rank without sorting.
struct TimeHistogram {
  static constexpr int kBits = 14;
  std::int64_t base;
  int shift;

  TimeHistogram(std::int64_t earliest, std::int64_t latest) : base(earliest) {
    const auto range = static_cast<std::uint64_t>(latest) - static_cast<std::uint64_t>(earliest);
    shift = std::max(0, static_cast<int>(std::bit_width(range)) - kBits);
  }
  std::size_t BinOf(std::int64_t time) const {
    return (static_cast<std::uint64_t>(time) - static_cast<std::uint64_t>(base)) >> shift;
  }
};

// The counts of each thread, added up (a sum of integers does not depend on who counted).
class TimeCounts {
 public:
  explicit TimeCounts(int threads) : by_thread_(threads) {}
  std::vector<std::uint32_t>& Of(int worker) {
    by_thread_[worker].resize(std::size_t{1} << TimeHistogram::kBits);
    return by_thread_[worker];
  }
  std::vector<std::int64_t> Sum() const {
    std::vector<std::int64_t> sum(std::size_t{1} << TimeHistogram::kBits);
    for (const auto& part : by_thread_) {
      for (std::size_t i = 0; i < part.size(); ++i) sum[i] += part[i];
    }
    return sum;
  }

 private:
  std::vector<std::vector<std::uint32_t>> by_thread_;
};

void CountRun(std::span<const std::int64_t> times, const TimeHistogram& histogram,
              std::vector<std::uint32_t>& counts) {
  for (const std::int64_t time : times) ++counts[histogram.BinOf(time)];
}

}  // namespace

std::int64_t EventTable::num_events() const {
  std::int64_t sum = 0;
  for (std::size_t u = 0; u < begins.size(); ++u) sum += ends[u] - begins[u];
  return sum;
}

EventTable GroupByUser(const InteractionLog& log, double min_rating, TaskPool& pool) {
  if (log.size() > kMaxEvents) {
    throw Error(ErrorCode::kInvalidArgument, "the log has " + std::to_string(log.size()) +
                                                 " events; at most " + std::to_string(kMaxEvents) +
                                                 " can be prepared at once: cut it in time");
  }
  const RatingFilter filter(log, min_rating);
  const std::int64_t users = log.user_ids.size();
  std::vector<Chunk> chunks = CutRows(log.size(), users);
  const auto num_chunks = static_cast<std::int64_t>(chunks.size());
  pool.ForEach(num_chunks, [&](std::int64_t task, int) { CountChunk(log, filter, chunks[task]); });

  EventTable table;
  table.num_items = static_cast<std::int32_t>(log.item_ids.size());
  table.begins.resize(users);
  table.ends.resize(users);
  std::int64_t position = 0;
  for (std::int64_t u = 0; u < users; ++u) {
    table.begins[u] = position;
    std::uint32_t within = 0;  // from a user's count of the chunk to where the chunk writes
    for (Chunk& chunk : chunks) within += std::exchange(chunk.counts[u], within);
    position += within;
    table.ends[u] = position;
  }
  table.times.resize(position);
  table.items.resize(position);
  pool.ForEach(num_chunks,
               [&](std::int64_t task, int) { PlaceChunk(log, filter, chunks[task], table); });
  table.earliest = std::numeric_limits<std::int64_t>::max();
  table.latest = std::numeric_limits<std::int64_t>::min();
  for (const Chunk& chunk : chunks) {
    table.earliest = std::min(table.earliest, chunk.earliest);
    table.latest = std::max(table.latest, chunk.latest);
  }
  return table;
}

std::vector<std::int64_t> BalancedUserRanges(std::span<const std::int64_t> begins,
                                             std::int64_t num_events, std::int64_t tasks) {
  std::vector<std::int64_t> borders = {0};
  const auto users = static_cast<std::int64_t>(begins.size());
  for (std::int64_t task = 1; task < tasks; ++task) {
    const auto it = std::lower_bound(begins.begin(), begins.end(), num_events * task / tasks);
    const std::int64_t border = it - begins.begin();
    if (border > borders.back() && border < users) borders.push_back(border);
  }
  borders.push_back(users);
  return borders;
}

void SortRuns(EventTable& table, KeepPairs pairs, TaskPool& pool) {
  if (table.num_users() == 0) return;
  const std::vector<std::int64_t> borders =
      BalancedUserRanges(table.begins, table.ends.back(), kSortTasks);
  const TimeHistogram histogram(table.earliest, table.latest);
  TimeCounts counts(pool.threads());
  std::vector<RunSorter> sorters(pool.threads());
  std::vector<std::vector<std::int32_t>> last_user(pool.threads());
  pool.ForEach(static_cast<std::int64_t>(borders.size()) - 1, [&](std::int64_t task, int worker) {
    if (pairs == KeepPairs::kFirst) last_user[worker].resize(table.num_items, -1);
    for (std::int64_t u = borders[task]; u < borders[task + 1]; ++u) {
      const std::int64_t begin = table.begins[u];
      const std::size_t n = table.ends[u] - begin;
      const std::span<std::int64_t> times(table.times.data() + begin, n);
      const std::span<std::int32_t> items(table.items.data() + begin, n);
      sorters[worker].Sort(times, items);
      if (pairs == KeepPairs::kFirst) {
        table.ends[u] =
            begin + KeepFirst(times, items, static_cast<std::int32_t>(u), last_user[worker]);
      }
      CountRun(times.first(table.ends[u] - begin), histogram, counts.Of(worker));
    }
  });
  table.time_counts = counts.Sum();
}

namespace {

std::vector<std::int64_t> CountBins(const EventTable& table, const TimeHistogram& histogram,
                                    TaskPool& pool) {
  const std::vector<std::int64_t> borders =
      BalancedUserRanges(table.begins, table.ends.back(), kSortTasks);
  TimeCounts counts(pool.threads());
  pool.ForEach(static_cast<std::int64_t>(borders.size()) - 1, [&](std::int64_t task, int worker) {
    for (std::int64_t u = borders[task]; u < borders[task + 1]; ++u) {
      CountRun(std::span(table.times).subspan(table.begins[u], table.ends[u] - table.begins[u]),
               histogram, counts.Of(worker));
    }
  });
  return counts.Sum();
}

// Returns all times of one interval; runs are sorted, so each gives a range.
std::vector<std::int64_t> TimesOfBin(const EventTable& table, const TimeHistogram& histogram,
                                     std::size_t bin) {
  std::vector<std::int64_t> times;
  for (std::int64_t u = 0; u < table.num_users(); ++u) {
    const std::int64_t* begin = table.times.data() + table.begins[u];
    const std::int64_t* end = table.times.data() + table.ends[u];
    const std::int64_t* from = std::lower_bound(
        begin, end, bin,
        [&](std::int64_t time, std::size_t b) { return histogram.BinOf(time) < b; });
    for (; from != end && histogram.BinOf(*from) == bin; ++from) times.push_back(*from);
  }
  return times;
}

}  // namespace

std::vector<std::int64_t> TimeQuantiles(const EventTable& table, std::span<const double> shares,
                                        TaskPool& pool) {
  const std::int64_t n = table.num_events();
  if (n == 0) {
    throw Error(ErrorCode::kCorruptData, "no events are left to take time quantiles of");
  }
  const TimeHistogram histogram(table.earliest, table.latest);
  const std::vector<std::int64_t> counts =
      table.time_counts.empty() ? CountBins(table, histogram, pool) : table.time_counts;
  std::vector<std::int64_t> result;
  for (const double share : shares) {
    std::int64_t rank =
        std::min(static_cast<std::int64_t>(std::floor(share * static_cast<double>(n))), n - 1);
    std::size_t bin = 0;
    while (rank >= counts[bin]) rank -= counts[bin++];
    std::vector<std::int64_t> times = TimesOfBin(table, histogram, bin);
    std::nth_element(times.begin(), times.begin() + rank, times.end());
    result.push_back(times[rank]);
  }
  return result;
}

}  // namespace raie
