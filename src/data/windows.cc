#include "data/windows.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "data/packed_sort.h"
#include "raie/error.h"

namespace raie {
namespace {

// Adds the windows of one user's slice; scratch memory is kept between users.
class WindowMaker {
 public:
  WindowMaker(const PreparedData& data, int slice, const WindowOptions& options)
      : data_(data),
        slice_(slice),
        stride_(options.stride),
        min_context_(options.min_context < 0 ? options.context : options.min_context),
        same_time_(options.same_time) {
    if (slice < 0 || slice >= data.num_slices()) {
      throw Error(ErrorCode::kInvalidArgument, "slice " + std::to_string(slice) +
                                                   " is asked for, the data set has slices 0 to " +
                                                   std::to_string(data.num_slices() - 1));
    }
    if (options.context < 1 || options.stride < 1) {
      throw Error(ErrorCode::kInvalidArgument, "context and stride must be at least 1");
    }
  }

  void SetUser(UserId user) {
    user_ = user;
    events_ = data_.SliceEvents(user, slice_);
    context_begin_ = data_.ContextBegin(user, slice_);
    eligible_ends_.clear();
    if (same_time_ == SameTime::kOrder) return;
    const auto times = data_.times();
    std::int64_t end = context_begin_;  // first row of the time stamp at hand
    for (std::int64_t row = context_begin_; row < events_.end; ++row) {
      if (times[row] != times[end]) end = row;
      if (row >= events_.begin) eligible_ends_.push_back(end);
    }
  }

  const EventRange& events() const { return events_; }

  // Targets are the last row before `end` and every stride-th backwards to `begin`.
  void Add(std::int64_t begin, std::int64_t end, WindowSet& set) const {
    if (begin >= end) return;
    for (std::int64_t row = begin + (end - 1 - begin) % stride_; row < end; row += stride_) {
      const std::int64_t context_end = EligibleEnd(row);
      if (context_end - context_begin_ < min_context_) continue;
      set.windows.push_back({user_, row, context_begin_, context_end});
    }
  }

 private:
  std::int64_t EligibleEnd(std::int64_t row) const {
    return same_time_ == SameTime::kOrder ? row : eligible_ends_[row - events_.begin];
  }

  const PreparedData& data_;
  int slice_;
  std::int64_t stride_;
  std::int64_t min_context_;
  SameTime same_time_;
  UserId user_{0};
  EventRange events_;
  std::int64_t context_begin_ = 0;
  std::vector<std::int64_t> eligible_ends_;  // by row of the slice: end of its eligible events
};

SetupWindows LeaveLastOutWindows(const PreparedData& data, const WindowOptions& options) {
  SetupWindows result;
  result.training = MakeWindows(data, 0, options);
  result.validation = MakeWindows(data, 1, options);
  result.held_out = MakeWindows(data, 2, options);
  for (std::int32_t user = 0; user < data.num_users(); ++user) {
    for (const int slice : {1, 2}) {
      const EventRange events = data.SliceEvents(UserId{user}, slice);
      if (events.size() > 0) result.removed_events.push_back(events.begin);
    }
  }
  return result;
}

}  // namespace

WindowSet MakeWindows(const PreparedData& data, int slice, const WindowOptions& options) {
  WindowMaker maker(data, slice, options);
  WindowSet result;
  for (std::int32_t user = 0; user < data.num_users(); ++user) {
    maker.SetUser(UserId{user});
    maker.Add(maker.events().begin, maker.events().end, result);
  }
  return result;
}

SetupWindows MakeSetupWindows(const PreparedData& data, int slice, const WindowOptions& options) {
  if (data.contexts_cross_slices() && slice == 0) return LeaveLastOutWindows(data, options);
  SetupWindows result;
  if (options.held_out == HeldOut::kNone) {
    result.training = MakeWindows(data, slice, options);
    return result;
  }
  WindowMaker maker(data, slice, options);
  for (std::int32_t user = 0; user < data.num_users(); ++user) {
    maker.SetUser(UserId{user});
    const auto [begin, end] = maker.events();
    if (end - begin < options.context + 2) {
      maker.Add(begin, end, result.training);
      continue;
    }
    maker.Add(begin, end - 2, result.training);
    maker.Add(end - 2, end - 1, result.validation);
    maker.Add(end - 1, end, result.held_out);
    result.removed_events.push_back(end - 2);
    result.removed_events.push_back(end - 1);
  }
  return result;
}

WindowSet MakeWindowsBefore(const PreparedData& data, int slice, const WindowOptions& options,
                            Timestamp border) {
  WindowMaker maker(data, slice, options);
  const auto times = data.times();
  WindowSet result;
  for (std::int32_t user = 0; user < data.num_users(); ++user) {
    maker.SetUser(UserId{user});
    const auto [begin, end] = maker.events();
    const auto first_later =
        std::lower_bound(times.begin() + begin, times.begin() + end, border) - times.begin();
    maker.Add(begin, first_later, result);
  }
  return result;
}

StreamPart SplitLastWindows(const WindowSet& windows) {
  StreamPart result;
  const std::size_t n = windows.windows.size();
  for (std::size_t i = 0; i < n; ++i) {
    const bool last = i + 1 == n || windows.windows[i + 1].user != windows.windows[i].user;
    (last ? result.part : result.training).windows.push_back(windows.windows[i]);
  }
  return result;
}

std::int64_t AppendContext(const PreparedData& data, const Window& window, std::int64_t length,
                           std::int64_t catalogue_size, std::vector<ItemId>& items,
                           std::vector<Timestamp>& times) {
  const auto first = static_cast<std::int64_t>(items.size());
  for (std::int64_t row = window.context_end; row-- > window.context_begin;) {
    if (static_cast<std::int64_t>(items.size()) - first >= length) break;
    if (Index(data.items()[row]) >= catalogue_size) continue;
    items.push_back(data.items()[row]);
    times.push_back(data.times()[row]);
  }
  const auto added = static_cast<std::int64_t>(items.size()) - first;
  std::reverse(items.end() - added, items.end());
  std::reverse(times.end() - added, times.end());
  return added;
}

std::vector<std::int64_t> OrderByTime(const PreparedData& data, const WindowSet& windows) {
  const auto times = data.times();
  std::vector<std::int64_t> order(windows.windows.size());
  if (order.empty()) return order;
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  std::int64_t latest = std::numeric_limits<std::int64_t>::min();
  for (const Window& window : windows.windows) {
    earliest = std::min(earliest, Seconds(times[window.target]));
    latest = std::max(latest, Seconds(times[window.target]));
  }
  // Windows come by (user, position) already, so their number settles equal times.
  if ((latest - earliest) >> 32 == 0 && order.size() >> 32 == 0) {
    std::vector<std::uint64_t> keys(order.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::int64_t since = Seconds(times[windows.windows[i].target]) - earliest;
      keys[i] = static_cast<std::uint64_t>(since) << 32 | i;
    }
    KeySorter().Sort(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) order[i] = keys[i] & 0xffffffff;
  } else {
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return times[windows.windows[a].target] < times[windows.windows[b].target];
    });
  }
  return order;
}

}  // namespace raie
