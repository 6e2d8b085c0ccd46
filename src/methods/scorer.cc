#include "methods/scorer.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/ranking.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kTile = 32;  // contexts scored at once; never depends on the threads
constexpr float kMasked = -std::numeric_limits<float>::infinity();

std::span<const ItemId> ItemsOf(const WindowBatch& contexts, std::int64_t row) {
  return std::span(contexts.items)
      .subspan(contexts.offsets[row], contexts.offsets[row + 1] - contexts.offsets[row]);
}

void CheckFinite(std::span<const float> scores) {
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) {
      throw Error(ErrorCode::kInternal, "ranking: the score of item " + std::to_string(i) +
                                            " is not finite; the model is damaged");
    }
  }
}

void Mask(std::span<const std::int32_t> items, ItemId keep, std::span<float> scores) {
  for (const std::int32_t item : items) {
    if (item != Index(keep) && item < std::ssize(scores)) scores[item] = kMasked;
  }
}

void Mask(std::span<const ItemId> items, std::span<float> scores) {
  for (const ItemId item : items) {
    if (Index(item) < std::ssize(scores)) scores[Index(item)] = kMasked;
  }
}

std::int64_t RankOf(std::span<const float> scores, ItemId target) {
  if (Index(target) < 0 || Index(target) >= std::ssize(scores)) return kMissedRank;
  // The target itself is one of those counted.
  return kernels::CountAtLeast(scores, scores[Index(target)]);
}

std::vector<RankedItem> Best(std::span<const float> scores, std::int64_t k) {
  std::vector<RankedItem> items;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] != kMasked) items.push_back({static_cast<ItemId>(i), scores[i]});
  }
  const auto better = [](const RankedItem& a, const RankedItem& b) {
    return a.score != b.score ? a.score > b.score : Index(a.item) < Index(b.item);
  };
  const std::int64_t count = std::min(k, static_cast<std::int64_t>(items.size()));
  std::partial_sort(items.begin(), items.begin() + count, items.end(), better);
  items.resize(count);
  return items;
}

// Runs body(row, scores of the row) for every context, tile by tile.
void ForEachScoredRow(const Scorer& scorer, const WindowBatch& contexts,
                      std::int64_t catalogue_size, TaskPool& pool,
                      const std::function<void(std::int64_t, std::span<float>)>& body) {
  const std::int64_t rows = contexts.num_rows();
  pool.ForEach((rows + kTile - 1) / kTile, [&](std::int64_t task, int) {
    const std::int64_t begin = task * kTile;
    const std::int64_t end = std::min(rows, begin + kTile);
    std::vector<float> scores((end - begin) * catalogue_size);
    scorer.Score(SliceOf(contexts, begin, end), catalogue_size, scores);
    CheckFinite(scores);
    for (std::int64_t row = begin; row < end; ++row) {
      body(row, std::span(scores).subspan((row - begin) * catalogue_size, catalogue_size));
    }
  });
}

}  // namespace

std::vector<Route> Scorer::Routes(const WindowBatch&, TaskPool&) const { return {}; }

RoutedRanks Scorer::Ranks(const WindowBatch& contexts, const RankRequest& request,
                          TaskPool& pool) const {
  std::vector<std::int64_t> ranks(contexts.num_rows());
  ForEachScoredRow(*this, contexts, request.catalogue_size, pool,
                   [&](std::int64_t row, std::span<float> scores) {
                     const ItemId target = request.targets[row];
                     if (request.change) request.change(row, scores);
                     if (request.masked != nullptr) {
                       Mask(request.masked->Row(row), target, scores);
                     }
                     ranks[row] = RankOf(scores, target);
                   });
  return {.ranks = std::move(ranks), .routes = Routes(contexts, pool)};
}

std::vector<std::vector<RankedItem>> Scorer::TopK(const WindowBatch& contexts,
                                                  const TopKRequest& request,
                                                  TaskPool& pool) const {
  std::vector<std::vector<RankedItem>> best(contexts.num_rows());
  ForEachScoredRow(*this, contexts, request.catalogue_size, pool,
                   [&](std::int64_t row, std::span<float> scores) {
                     if (request.change) request.change(row, scores);
                     if (request.context_items == ContextItems::kMasked) {
                       Mask(ItemsOf(contexts, row), scores);
                     }
                     Mask(request.excluded, scores);
                     best[row] = Best(scores, request.k);
                   });
  return best;
}

std::vector<std::vector<std::int64_t>> RanksWithBiases(const Scorer& scorer,
                                                       const WindowBatch& contexts,
                                                       const RankRequest& request,
                                                       std::span<const std::vector<float>> biases,
                                                       TaskPool& pool) {
  std::vector<std::vector<std::int64_t>> ranks(
      biases.size(), std::vector<std::int64_t>(contexts.num_rows(), kMissedRank));
  ForEachScoredRow(scorer, contexts, request.catalogue_size, pool,
                   [&](std::int64_t row, std::span<float> scores) {
                     const ItemId target = request.targets[row];
                     if (request.masked != nullptr) {
                       Mask(request.masked->Row(row), target, scores);
                     }
                     std::vector<float> biased(scores.size());
                     for (std::size_t b = 0; b < biases.size(); ++b) {
                       std::transform(scores.begin(), scores.end(), biases[b].begin(),
                                      biased.begin(), std::plus<>());
                       ranks[b][row] = RankOf(biased, target);
                     }
                   });
  return ranks;
}

WindowBatch SliceOf(const WindowBatch& contexts, std::int64_t begin, std::int64_t end) {
  WindowBatch part;
  const std::int32_t first = contexts.offsets[begin];
  const std::int32_t last = contexts.offsets[end];
  for (std::int64_t row = begin; row < end; ++row) {
    part.offsets.push_back(contexts.offsets[row + 1] - first);
  }
  part.items.assign(contexts.items.begin() + first, contexts.items.begin() + last);
  if (!contexts.times.empty()) {
    part.times.assign(contexts.times.begin() + first, contexts.times.begin() + last);
  }
  if (!contexts.users.empty()) {
    part.users.assign(contexts.users.begin() + begin, contexts.users.begin() + end);
  }
  if (!contexts.row_keys.empty()) {
    part.row_keys.assign(contexts.row_keys.begin() + begin, contexts.row_keys.begin() + end);
  }
  return part;
}

}  // namespace raie
