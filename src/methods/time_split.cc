#include "methods/time_split.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace raie {
namespace {

// Items are numbered by slice, then by first appearance; an item of this slice counts if any event
// of it lies before the border.
std::int64_t CatalogueBefore(const PreparedData& data, int slice, Timestamp border) {
  std::int64_t catalogue = slice > 0 ? data.catalogue_size(slice - 1) : 0;
  for (std::int64_t user = 0; user < data.num_users(); ++user) {
    const EventRange range = data.SliceEvents(static_cast<UserId>(user), slice);
    for (std::int64_t row = range.begin; row < range.end && data.times()[row] < border; ++row) {
      catalogue = std::max<std::int64_t>(catalogue, Index(data.items()[row]) + 1);
    }
  }
  return catalogue;
}

}  // namespace

TimeSplit SplitInTime(const PreparedData& data, int slice, const WindowSet& windows, double share) {
  TimeSplit split;
  std::vector<Timestamp> times;
  for (const Window& window : windows.windows) times.push_back(data.times()[window.target]);
  if (!times.empty()) {
    const auto count = static_cast<double>(times.size());
    const auto index =
        std::min(static_cast<std::size_t>(std::floor((1 - share) * count)), times.size() - 1);
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(index),
                     times.end());
    split.border = times[index];
  }
  for (const Window& window : windows.windows) {
    const bool is_early = data.times()[window.target] < split.border;
    (is_early ? split.early : split.validation).windows.push_back(window);
  }
  split.early_catalogue = CatalogueBefore(data, slice, split.border);
  return split;
}

}  // namespace raie
