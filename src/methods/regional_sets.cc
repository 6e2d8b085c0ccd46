#include "methods/regional_sets.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/random.h"

namespace raie {
namespace {

// Parts of the seed: what is drawn here is independent of every other draw.
constexpr std::uint64_t kMemoryDraw = 0x6d656d;
constexpr std::uint64_t kShuffle = 0x736866;

std::vector<std::vector<std::int64_t>> WindowsByRegion(std::span<const RegionId> regions,
                                                       std::span<const RegionId> of_window) {
  std::map<RegionId, std::size_t> slots;
  for (std::size_t k = 0; k < regions.size(); ++k) slots[regions[k]] = k;
  std::vector<std::vector<std::int64_t>> result(regions.size());
  for (std::size_t i = 0; i < of_window.size(); ++i) {
    const auto slot = slots.find(of_window[i]);
    if (slot != slots.end()) result[slot->second].push_back(static_cast<std::int64_t>(i));
  }
  return result;
}

}  // namespace

std::int64_t MemoryShare(std::int64_t num_new, std::int64_t available, double rho) {
  const double wanted = std::round(rho / (1 - rho) * static_cast<double>(num_new));
  return std::min(available, static_cast<std::int64_t>(wanted));
}

std::vector<RegionalSet> MakeRegionalSets(std::span<const RegionId> regions,
                                          std::span<const RegionId> new_regions,
                                          std::span<const RegionId> memory_regions, double rho,
                                          std::uint64_t seed) {
  const auto new_windows = WindowsByRegion(regions, new_regions);
  const auto memory_windows = WindowsByRegion(regions, memory_regions);
  std::vector<RegionalSet> sets(regions.size());
  for (std::size_t k = 0; k < regions.size(); ++k) {
    RegionalSet& set = sets[k];
    const auto& available = memory_windows[k];
    set.region = regions[k];
    set.num_new = static_cast<std::int64_t>(new_windows[k].size());
    set.num_memory = MemoryShare(set.num_new, static_cast<std::int64_t>(available.size()), rho);
    for (const std::int64_t window : new_windows[k]) {
      set.samples.push_back({.from_memory = false, .window = window});
    }
    RandomStream random(DeriveSeed(seed, kMemoryDraw), Index(set.region) + 1);
    auto drawn = SampleWithoutReplacement(static_cast<std::int64_t>(available.size()),
                                          set.num_memory, random);
    std::sort(drawn.begin(), drawn.end());
    for (const std::int64_t i : drawn) {
      set.samples.push_back({.from_memory = true, .window = available[i]});
    }
  }
  return sets;
}

BatchSchedule::BatchSchedule(std::vector<std::int64_t> group_sizes, BatchKind kind,
                             std::int64_t batch_size, std::uint64_t seed)
    : group_sizes_(std::move(group_sizes)),
      kind_(kind),
      batch_size_(batch_size),
      seed_(DeriveSeed(seed, kShuffle)) {
  for (const std::int64_t size : group_sizes_) total_ += size;
}

std::span<const ScheduledSample> BatchSchedule::Next() {
  if (total_ == 0) return {};
  if (next_ == batch_ends_.size()) StartEpoch();
  const std::int64_t begin = batch_begins_[next_];
  const std::int64_t end = batch_ends_[next_++];
  return std::span(order_).subspan(begin, end - begin);
}

void BatchSchedule::StartEpoch() {
  order_.clear();
  for (std::size_t group = 0; group < group_sizes_.size(); ++group) {
    const std::size_t begin = order_.size();
    for (std::int64_t i = 0; i < group_sizes_[group]; ++i) {
      order_.push_back({static_cast<std::int32_t>(group), static_cast<std::int32_t>(i)});
    }
    if (kind_ == BatchKind::kSeparate) {
      RandomStream random(DeriveSeed(seed_, epoch_), group + 1);
      Shuffle(std::span(order_).subspan(begin), random);
    }
  }
  RandomStream random(DeriveSeed(seed_, epoch_), 0);
  if (kind_ == BatchKind::kMixed) Shuffle(std::span(order_), random);

  std::vector<std::pair<std::int64_t, std::int64_t>> batches;
  const auto cut = [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += batch_size_) {
      batches.emplace_back(begin, std::min(end, begin + batch_size_));
    }
  };
  if (kind_ == BatchKind::kMixed) {
    cut(0, total_);
  } else {
    std::int64_t begin = 0;
    for (const std::int64_t size : group_sizes_) {
      cut(begin, begin + size);
      begin += size;
    }
    Shuffle(std::span(batches), random);
  }
  batch_begins_.clear();
  batch_ends_.clear();
  for (const auto& [begin, end] : batches) {
    batch_begins_.push_back(begin);
    batch_ends_.push_back(end);
  }
  next_ = 0;
  ++epoch_;
}

}  // namespace raie
