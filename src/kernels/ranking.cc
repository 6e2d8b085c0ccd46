#include "kernels/ranking.h"

#include <algorithm>
#include <limits>
#include <string>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/ranking.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

#include "kernels/row-inl.h"

HWY_BEFORE_NAMESPACE();
namespace raie::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace {
using row::kLanes;
using row::kTag;
using row::Vec;
}  // namespace

// Returns #{s >= bound}; says whether all scores are finite.
std::int64_t Count(const float* scores, std::int64_t n, float bound, bool& finite) {
  const hn::RebindToSigned<row::Tag> di;
  const Vec least = hn::Set(kTag, bound);
  auto count = hn::Zero(di);
  Vec odd = hn::Zero(kTag);  // x - x is 0 for finite x only
  std::int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    const Vec x = hn::LoadU(kTag, scores + j);
    const auto hit = hn::RebindMask(di, hn::Ge(x, least));
    count = hn::Sub(count, hn::VecFromMask(di, hit));
    odd = hn::Add(odd, hn::Sub(x, x));
  }
  std::int64_t total = hn::GetLane(hn::SumOfLanes(di, count));
  float odd_rest = row::Sum(odd);
  for (; j < n; ++j) {
    total += scores[j] >= bound;
    odd_rest += scores[j] - scores[j];
  }
  finite = odd_rest == 0;
  return total;
}

// Returns the first j >= begin with scores[j] >= threshold, or n.
std::int64_t FindAtLeast(const float* scores, std::int64_t begin, std::int64_t n, float threshold) {
  const Vec least = hn::Set(kTag, threshold);
  std::int64_t j = begin;
  for (; j + kLanes <= n; j += kLanes) {
    const auto hit = hn::Ge(hn::LoadU(kTag, scores + j), least);
    const std::intptr_t first = hn::FindFirstTrue(kTag, hit);
    if (first >= 0) return j + first;
  }
  while (j < n && !(scores[j] >= threshold)) ++j;
  return j;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace raie::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace raie::kernels {
namespace {
HWY_EXPORT(Count);
HWY_EXPORT(FindAtLeast);

bool Better(const ScoredItem& a, const ScoredItem& b) {
  return a.score != b.score ? a.score > b.score : a.item < b.item;
}

[[noreturn]] void ThrowNotFinite(ConstMatrix scores, std::int64_t r, std::int64_t first_item) {
  std::int64_t j = 0;
  while (j < scores.cols && AllFinite({scores.row(r) + j, 1})) ++j;
  const float score = j < scores.cols ? scores.row(r)[j] : std::numeric_limits<float>::quiet_NaN();
  throw Error(ErrorCode::kCorruptData,
              "ranking row " + std::to_string(r) + ": the score of " +
                  (j < scores.cols ? "item " + std::to_string(first_item + j) : "the target") +
                  " is " + std::to_string(score) +
                  ", every score must be finite; the model diverged or its file is damaged");
}
}  // namespace

std::int64_t CountAtLeast(std::span<const float> scores, float bound) {
  bool finite;
  return HWY_DYNAMIC_DISPATCH(Count)(scores.data(), scores.size(), bound, finite);
}

bool AllFinite(std::span<const float> scores) {
  bool finite;
  HWY_DYNAMIC_DISPATCH(Count)(scores.data(), scores.size(), 0, finite);
  return finite;
}

void AddToRanks(const CountRanksArgs& args, ConstMatrix scores, std::span<std::int64_t> counts) {
  if (static_cast<std::int64_t>(counts.size()) != scores.rows ||
      args.targets_R.size() != counts.size() || args.target_scores_R.size() != counts.size() ||
      (!args.masked_offsets_R1.empty() && args.masked_offsets_R1.size() != counts.size() + 1)) {
    throw Error(ErrorCode::kInternal, "AddToRanks: sizes of buffers do not agree");
  }
  for (std::int64_t r = 0; r < scores.rows; ++r) {
    const float* row = scores.row(r);
    const float bound = args.target_scores_R[r];
    bool finite;
    counts[r] += HWY_DYNAMIC_DISPATCH(Count)(row, scores.cols, bound, finite);
    if (!finite || !AllFinite({&bound, 1})) ThrowNotFinite(scores, r, args.first_item);
    const auto discount = [&](std::int64_t item) {
      const std::int64_t j = item - args.first_item;
      if (j >= 0 && j < scores.cols && row[j] >= bound) --counts[r];
    };
    discount(args.targets_R[r]);
    if (args.masked_offsets_R1.empty()) continue;
    for (std::int32_t m = args.masked_offsets_R1[r]; m < args.masked_offsets_R1[r + 1]; ++m) {
      if (args.masked[m] != args.targets_R[r]) discount(args.masked[m]);
    }
  }
}

TopK::TopK(std::int64_t k)
    : k_(static_cast<std::size_t>(k)), threshold_(-std::numeric_limits<float>::infinity()) {
  if (k < 1)
    throw Error(ErrorCode::kInvalidArgument,
                "top-k: k is " + std::to_string(k) + ", at least 1 is needed");
  candidates_.reserve(2 * k_ + 64);
}

void TopK::Add(std::span<const float> scores, std::int64_t first_item,
               std::span<const std::int32_t> masked) {
  const auto n = static_cast<std::int64_t>(scores.size());
  for (std::int64_t j = 0;; ++j) {
    j = HWY_DYNAMIC_DISPATCH(FindAtLeast)(scores.data(), j, n, threshold_);
    if (j >= n) return;
    const auto item = static_cast<std::int32_t>(first_item + j);
    if (std::binary_search(masked.begin(), masked.end(), item)) continue;
    candidates_.push_back({scores[j], item});
    if (candidates_.size() >= 2 * k_ + 64) Shrink();
  }
}

void TopK::Shrink() {
  std::nth_element(candidates_.begin(), candidates_.begin() + k_ - 1, candidates_.end(), Better);
  candidates_.resize(k_);
  threshold_ = candidates_.back().score;
}

std::vector<ScoredItem> TopK::Best() const {
  std::vector<ScoredItem> best = candidates_;
  std::sort(best.begin(), best.end(), Better);
  if (best.size() > k_) best.resize(k_);
  return best;
}

void TopK::Clear() {
  candidates_.clear();
  threshold_ = -std::numeric_limits<float>::infinity();
}

}  // namespace raie::kernels
#endif
