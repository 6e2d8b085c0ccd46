// How does any method, whatever it is made of, answer a context?
//
// Concept: the protocol runner and the server see methods only through this: ranks of given
//          targets, and the best items. A method gives dense scores of a few contexts; ranking and
//          top-k over them are written once here, and overridden where a faster way exists.
// Source:  METHOD section 2 ("Ranking"): rank = 1 + #{j != target: s_j >= s_target}.
// Shapes:  scores_BN [contexts, catalogue], row-major.
// Errors:  kInternal if a score is not finite.
// Threads: const methods may run concurrently unless they are given the same pool.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "base/task_pool.h"
#include "raie/types.h"
#include "regions/router.h"
#include "training/score.h"

namespace raie {

enum class ContextItems { kRanked, kMasked };  // masked: never recommended, except as the target

// Changes the scores of one context before they are compared; null: they stay as they are.
using ScoreChange = std::function<void(std::int64_t row, std::span<float> scores_N)>;

struct RankRequest {
  std::span<const ItemId> targets;      // one a context
  std::int64_t catalogue_size = 0;      // items ranked: a prefix of the table
  const MaskedItems* masked = nullptr;  // a row a context; null: every item competes
  ScoreChange change = nullptr;
};

struct RoutedRanks {
  std::vector<std::int64_t> ranks;  // kMissedRank where the catalogue lacks the target
  std::vector<Route> routes;        // one a context; empty for methods without regions
};

struct RankedItem {
  ItemId item = kNoItem;
  float score = 0;
  bool operator==(const RankedItem&) const = default;
};

struct TopKRequest {
  std::int64_t k = 10;
  std::int64_t catalogue_size = 0;
  ContextItems context_items = ContextItems::kRanked;
  std::vector<ItemId> excluded;  // sorted; for every context
  ScoreChange change = nullptr;
};

class Scorer {
 public:
  virtual ~Scorer() = default;

  // Sets scores_BN of a few contexts (none empty) over items 0 .. catalogue_size - 1.
  virtual void Score(const WindowBatch& contexts, std::int64_t catalogue_size,
                     std::span<float> scores_BN) const = 0;

  // Returns the region each context is routed to; empty for methods without regions.
  virtual std::vector<Route> Routes(const WindowBatch& contexts, TaskPool& pool) const;

  // Returns the rank of each target and where its context was routed.
  virtual RoutedRanks Ranks(const WindowBatch& contexts, const RankRequest& request,
                            TaskPool& pool) const;

  // Returns the best items of each context, best first; equal scores by smaller item.
  virtual std::vector<std::vector<RankedItem>> TopK(const WindowBatch& contexts,
                                                    const TopKRequest& request,
                                                    TaskPool& pool) const;
};

// Returns, for every bias, the ranks the targets would have if it were added to the scores of every
// context; the contexts are scored once. Biases hold at least `catalogue_size` items.
std::vector<std::vector<std::int64_t>> RanksWithBiases(const Scorer& scorer,
                                                       const WindowBatch& contexts,
                                                       const RankRequest& request,
                                                       std::span<const std::vector<float>> biases,
                                                       TaskPool& pool);

// Returns contexts [begin, end) of a batch.
WindowBatch SliceOf(const WindowBatch& contexts, std::int64_t begin, std::int64_t end);

}  // namespace raie
