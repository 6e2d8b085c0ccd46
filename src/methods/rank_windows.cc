#include "methods/rank_windows.h"

#include <algorithm>

#include "methods/popularity.h"
#include "methods/popularity_prior.h"
#include "methods/window_states.h"

namespace raie {
namespace {

// Ranks by counts of a slice, for contexts of which nothing is known.
class PopularityRanks {
 public:
  PopularityRanks(const PreparedData& data, int slice, std::int64_t catalogue_size) {
    if (slice < 0) return;
    counts_ = CountItems(data, {.first_slice = slice, .last_slice = slice}, {}, catalogue_size);
    sorted_ = counts_;
    std::sort(sorted_.begin(), sorted_.end());
  }

  std::int64_t RankOf(ItemId target) const {
    if (Index(target) >= std::ssize(counts_)) return kMissedRank;
    return sorted_.end() - std::lower_bound(sorted_.begin(), sorted_.end(), counts_[Index(target)]);
  }

 private:
  std::vector<double> counts_;
  std::vector<double> sorted_;
};

// Every window asks when its target was taken.
ScoreChange ChangeOf(const RankSetRequest& request, const PreparedData& data,
                     const WindowSet& windows, const ReadWindows& read) {
  if (request.earlier == nullptr) return nullptr;
  return [&](std::int64_t row, std::span<float> scores_N) {
    const Window& window = windows.windows[read.windows[row]];
    request.earlier->Change(Seconds(data.times()[window.target]), scores_N);
  };
}

}  // namespace

RankedSet RankWindows(const Scorer& scorer, const PreparedData& data, const WindowSet& windows,
                      const RankSetRequest& request, const PassRun& run) {
  const PopularityRanks popularity(data, request.popularity_slice, request.catalogue_size);
  RankedSet result;
  for (const Window& window : windows.windows) {
    result.users.push_back(window.user);
    result.ranks.push_back(popularity.RankOf(data.items()[window.target]));
  }
  result.empty_contexts = windows.size();
  const auto body = [&](const ReadWindows& read) {
    const MaskedItems masked = MaskSeen(request.seen, data, windows, read.windows, read.contexts);
    const RankRequest ranking{.targets = read.targets,
                              .catalogue_size = request.catalogue_size,
                              .masked = &masked,
                              .change = ChangeOf(request, data, windows, read)};
    const RoutedRanks ranked = scorer.Ranks(read.contexts, ranking, run.pool);
    if (!ranked.routes.empty()) {
      result.regions.resize(windows.size(), kNoRegion);
      result.margins.resize(windows.size());
    }
    for (std::size_t i = 0; i < read.windows.size(); ++i) {
      result.ranks[read.windows[i]] = ranked.ranks[i];
      if (ranked.routes.empty()) continue;
      result.regions[read.windows[i]] = ranked.routes[i].region;
      result.margins[read.windows[i]] = static_cast<float>(ranked.routes[i].margin);
    }
    result.empty_contexts -= std::ssize(read.windows);
  };
  ForEachChunk(data, windows, {request.context, request.catalogue_size, run.watch}, body);
  return result;
}

std::vector<ItemId> TopOfWindows(const Scorer& scorer, const PreparedData& data,
                                 const WindowSet& windows, const RankSetRequest& request,
                                 std::int64_t count, const PassRun& run) {
  std::vector<ItemId> top(windows.size() * count, kNoItem);
  TopKRequest asked{.k = count,
                    .catalogue_size = request.catalogue_size,
                    .context_items = request.seen == SeenItems::kRanked ? ContextItems::kRanked
                                                                        : ContextItems::kMasked,
                    .excluded = {}};
  const auto body = [&](const ReadWindows& read) {
    asked.change = ChangeOf(request, data, windows, read);
    const auto best = scorer.TopK(read.contexts, asked, run.pool);
    for (std::size_t i = 0; i < best.size(); ++i) {
      for (std::size_t k = 0; k < best[i].size(); ++k) {
        top[read.windows[i] * count + static_cast<std::int64_t>(k)] = best[i][k].item;
      }
    }
  };
  ForEachChunk(data, windows, {request.context, request.catalogue_size, run.watch}, body);
  return top;
}

}  // namespace raie
