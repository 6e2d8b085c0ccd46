// Which windows does each region's adapter learn from, and in which order?
//
// Concept: D_k = all windows of the new slice that belong to region k, and n_S of its memory
//          windows, n_S = min(available, round(rho / (1 - rho) n_F)), drawn once without
//          replacement. A region without new windows learns nothing. A BatchSchedule then cuts the
//          sets of the trained groups into batches, epoch after epoch.
// Source:  METHOD section 4, Eq. 7.
// Threads: pure functions of their arguments and the seed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/options.h"
#include "raie/types.h"

namespace raie {

enum class BatchKind { kMixed, kSeparate };
inline std::span<const char* const> EnumNames(BatchKind) {
  static constexpr const char* kNames[] = {"mixed", "separate"};
  return kNames;
}

// One sample: a window of the new slice or of the memory.
struct SampleRef {
  bool from_memory = false;
  std::int64_t window = 0;  // index in its window set
  bool operator==(const SampleRef&) const = default;
};

struct RegionalSet {
  RegionId region = kNoRegion;
  std::int64_t num_new = 0;        // n_F
  std::int64_t num_memory = 0;     // n_S
  std::vector<SampleRef> samples;  // new windows first, then drawn memory windows by index
};

// Returns n_S of the formula above.
std::int64_t MemoryShare(std::int64_t num_new, std::int64_t available, double rho);

// Returns D_k of every region, in the order of `regions`. `new_regions` and `memory_regions` give
// the region of each window; windows of regions that are not listed are left out.
std::vector<RegionalSet> MakeRegionalSets(std::span<const RegionId> regions,
                                          std::span<const RegionId> new_regions,
                                          std::span<const RegionId> memory_regions, double rho,
                                          std::uint64_t seed);

// One sample of a batch and the group (adapter) that learns from it.
struct ScheduledSample {
  std::int32_t group = 0;
  std::int32_t index = 0;  // in the group's samples
};

// Deals batches for ever: every epoch all samples once, in an order of its own. Mixed batches are
// cut from one shuffle of everything; separate ones hold one group each, in shuffled order.
class BatchSchedule {
 public:
  BatchSchedule(std::vector<std::int64_t> group_sizes, BatchKind kind, std::int64_t batch_size,
                std::uint64_t seed);

  std::int64_t epoch_size() const { return total_; }

  // The next batch; the last of an epoch may be smaller. Valid until the next call. Empty only if
  // there are no samples at all.
  std::span<const ScheduledSample> Next();

 private:
  void StartEpoch();

  std::vector<std::int64_t> group_sizes_;
  BatchKind kind_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::int64_t total_ = 0;
  std::uint64_t epoch_ = 0;
  std::size_t next_ = 0;                  // next batch of this epoch
  std::vector<ScheduledSample> order_;    // this epoch's samples
  std::vector<std::int64_t> batch_ends_;  // cuts of order_
  std::vector<std::int64_t> batch_begins_;
};

}  // namespace raie
