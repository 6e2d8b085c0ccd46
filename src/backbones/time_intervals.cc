#include "backbones/time_intervals.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void RefuseIntervals(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "time intervals: " + what);
}

// The seconds from the first event of a row to each.
void SecondsSinceFirst(std::span<const Timestamp> times, std::int64_t row,
                       std::vector<double>& seconds) {
  seconds.clear();
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (i > 0 && times[i] < times[i - 1]) {
      RefuseIntervals("event " + std::to_string(i) + " of row " + std::to_string(row) + " is of " +
                      std::to_string(Seconds(times[i])) + ", the one before it of " +
                      std::to_string(Seconds(times[i - 1])) + "; events must come oldest first");
    }
    // Unsigned: the distance of any two times fits.
    seconds.push_back(static_cast<double>(static_cast<std::uint64_t>(Seconds(times[i])) -
                                          static_cast<std::uint64_t>(Seconds(times[0]))));
  }
}

// Appends the runs of event i; `scale` is 0 if all events so far are of one time.
void AppendRuns(std::span<const double> seconds, std::size_t i, double scale, double longest,
                std::vector<kernels::IntervalRun>& runs) {
  const double now = seconds[i];
  std::size_t j = 0;
  while (j <= i && scale > 0) {
    // The key is in the run of whole scales it is away, as are the later ones that far away.
    const double interval = std::min(longest, std::floor((now - seconds[j]) / scale));
    if (interval == 0) break;
    const double border = interval * scale;
    while (j <= i && now - seconds[j] >= border) ++j;
    runs.push_back({static_cast<std::uint16_t>(interval), static_cast<std::uint16_t>(j)});
  }
  if (j <= i) runs.push_back({0, static_cast<std::uint16_t>(i + 1)});
}

}  // namespace

TimeIntervals FindIntervals(const WindowBatch& batch, std::int64_t max_interval) {
  if (static_cast<std::int64_t>(batch.times.size()) != batch.num_tokens()) {
    RefuseIntervals(std::to_string(batch.times.size()) + " times for " +
                    std::to_string(batch.num_tokens()) +
                    " events; this backbone reads the time of every event");
  }
  TimeIntervals result;
  result.run_offsets_T1 = {0};
  result.run_offsets_T1.reserve(batch.num_tokens() + 1);
  std::vector<double> seconds;
  for (std::int64_t row = 0; row < batch.num_rows(); ++row) {
    const std::int32_t begin = batch.offsets[row], length = batch.offsets[row + 1] - begin;
    SecondsSinceFirst(std::span(batch.times).subspan(begin, length), row, seconds);
    double scale = 0;
    for (std::int32_t i = 0; i < length; ++i) {
      const double step = i == 0 ? 0 : seconds[i] - seconds[i - 1];
      if (step > 0 && (scale == 0 || step < scale)) scale = step;
      AppendRuns(seconds, i, scale, static_cast<double>(max_interval), result.runs);
      result.run_offsets_T1.push_back(static_cast<std::int32_t>(result.runs.size()));
    }
  }
  return result;
}

}  // namespace raie
