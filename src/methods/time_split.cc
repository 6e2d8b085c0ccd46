#include "methods/time_split.h"

#include <algorithm>
#include <vector>

#include "base/statistics.h"
#include "data/prepare.h"

namespace raie {
namespace {

Timestamp QuantileOfTimes(const PreparedData& data, int slice, double p) {
  std::vector<Timestamp> times;
  for (std::int32_t user = 0; user < data.num_users(); ++user) {
    const EventRange rows = data.SliceEvents(UserId{user}, slice);
    times.insert(times.end(), data.times().begin() + rows.begin, data.times().begin() + rows.end);
  }
  if (times.empty()) return Timestamp{};
  const std::int64_t index = QuantileIndex(std::ssize(times), p);
  std::nth_element(times.begin(), times.begin() + index, times.end());
  return times[index];
}

}  // namespace

TimeSplit SplitInTime(const PreparedData& data, int slice, const WindowSet& windows, double share) {
  TimeSplit split;
  split.border = QuantileOfTimes(data, slice, 1 - share);
  std::vector<std::int64_t> last_target(data.num_users(), -1);
  for (const Window& window : windows.windows) {
    last_target[Index(window.user)] = window.target;
    if (data.times()[window.target] >= split.border) split.validation.windows.push_back(window);
  }
  // Made anew, since a stride counts back from where the slice ends.
  split.early = MakeWindowsBefore(data, slice, WindowOptionsOf(data), split.border);
  std::erase_if(split.early.windows, [&](const Window& window) {
    return window.target > last_target[Index(window.user)];
  });
  split.early_catalogue = data.CatalogueBefore(split.border);
  return split;
}

}  // namespace raie
