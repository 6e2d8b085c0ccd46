#include "methods/popularity.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "data/prepare.h"

namespace raie {
namespace {

class ConstantScorer final : public Scorer {
 public:
  explicit ConstantScorer(std::vector<float> scores_N) : scores_N_(std::move(scores_N)) {}

  void Score(const WindowBatch& contexts, std::int64_t catalogue_size,
             std::span<float> scores_BN) const override {
    const std::int64_t known = std::min(catalogue_size, std::ssize(scores_N_));
    for (std::int64_t row = 0; row < contexts.num_rows(); ++row) {
      const auto scores = scores_BN.subspan(row * catalogue_size, catalogue_size);
      std::copy_n(scores_N_.begin(), known, scores.begin());
      std::fill(scores.begin() + known, scores.end(), 0.0f);
    }
  }

 private:
  std::vector<float> scores_N_;
};

// Calls body(item, time) for every counted event.
template <class Body>
void ForEachEvent(const PreparedData& data, const CountedEvents& events,
                  const std::vector<std::int64_t>& left_out, std::int64_t catalogue_size,
                  const Body& body) {
  for (std::int32_t user = 0; user < data.num_users(); ++user) {
    for (int slice = events.first_slice; slice <= events.last_slice; ++slice) {
      const EventRange rows = data.SliceEvents(UserId{user}, slice);
      for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        const std::int32_t item = Index(data.items()[row]);
        const auto time = Seconds(data.times()[row]);
        if (item >= catalogue_size || time < events.begin || time >= events.end) continue;
        if (!std::ranges::binary_search(left_out, row)) body(item, time);
      }
    }
  }
}

}  // namespace

std::vector<std::int64_t> HeldOutEvents(const PreparedData& data, int slice,
                                        const WindowSet& training) {
  const WindowOptions options = WindowOptionsOf(data);
  std::vector<std::int64_t> rows;
  if (!data.contexts_cross_slices()) rows = MakeSetupWindows(data, 0, options).removed_events;
  if (slice == 0) return rows;
  std::vector<std::int64_t> trained;
  for (const Window& window : training.windows) trained.push_back(window.target);
  std::ranges::sort(trained);  // a memory of several slices is in the order of the slices
  for (const Window& window : MakeWindows(data, slice, options).windows) {
    if (!std::ranges::binary_search(trained, window.target)) rows.push_back(window.target);
  }
  std::ranges::sort(rows);
  return rows;
}

std::vector<double> CountItems(const PreparedData& data, const CountedEvents& events,
                               const std::vector<std::int64_t>& left_out,
                               std::int64_t catalogue_size) {
  std::vector<double> counts(catalogue_size);
  ForEachEvent(data, events, left_out, catalogue_size,
               [&](std::int32_t item, std::int64_t) { ++counts[item]; });
  return counts;
}

std::vector<double> FadingCounts(const PreparedData& data, const CountedEvents& events,
                                 const std::vector<std::int64_t>& left_out,
                                 std::int64_t catalogue_size, double half_life) {
  std::vector<double> counts(catalogue_size);
  ForEachEvent(data, events, left_out, catalogue_size, [&](std::int32_t item, std::int64_t time) {
    counts[item] += std::exp2(-static_cast<double>(events.end - time) / half_life);
  });
  return counts;
}

FadingHistory::FadingHistory(const PreparedData& data, const CountedEvents& events,
                             const std::vector<std::int64_t>& left_out, std::int64_t catalogue_size,
                             double half_life)
    : half_life_(half_life) {
  std::vector<std::pair<std::int32_t, std::int64_t>> counted;
  ForEachEvent(data, events, left_out, catalogue_size,
               [&](std::int32_t item, std::int64_t time) { counted.emplace_back(item, time); });
  std::ranges::sort(counted);
  begin_.resize(catalogue_size + 1);
  for (const auto& [item, time] : counted) {
    const bool follows = begin_[item + 1] > 0;
    const double before =
        follows ? counts_.back() * std::exp2(-static_cast<double>(time - times_.back()) / half_life)
                : 0;
    ++begin_[item + 1];
    times_.push_back(time);
    counts_.push_back(before + 1);
  }
  std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
}

double FadingHistory::CountAt(ItemId item, std::int64_t time) const {
  const auto first = times_.begin() + begin_[Index(item)];
  const auto next = std::lower_bound(first, times_.begin() + begin_[Index(item) + 1], time);
  if (next == first) return 0;
  const std::int64_t last = next - times_.begin() - 1;
  return counts_[last] * std::exp2(-static_cast<double>(time - times_[last]) / half_life_);
}

std::int64_t StartOfSlice(const PreparedData& data, int slice) {
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  for (std::int32_t user = 0; user < data.num_users(); ++user) {
    const EventRange rows = data.SliceEvents(UserId{user}, slice);
    if (rows.begin < rows.end) first = std::min(first, Seconds(data.times()[rows.begin]));
  }
  return first;
}

std::int64_t EndOfSlice(const PreparedData& data, int slice) {
  std::int64_t last = std::numeric_limits<std::int64_t>::min();
  for (std::int32_t user = 0; user < data.num_users(); ++user) {
    const std::int64_t end = data.SliceEvents(UserId{user}, slice).end;
    if (data.SliceEvents(UserId{user}, 0).begin == end) continue;
    last = std::max(last, Seconds(data.times()[end - 1]));
  }
  return last + 1;
}

std::unique_ptr<Scorer> MakeConstantScorer(std::vector<float> scores_N) {
  return std::make_unique<ConstantScorer>(std::move(scores_N));
}

}  // namespace raie
