// What does a model answer for many contexts: hidden states, ranks of targets, their likelihood,
// best items?
//
// Concept: contexts are cut into tiles of one slot (an adapter and the item rows it goes with) and
//          run in parallel; only the last position of each context is computed. Scores exist only
//          for a few contexts at a time.
// Source:  METHOD section 2 ("Ranking"): rank = 1 + #{j != target: s_j >= s_target}.
// Shapes:  hidden_BD [B, D]; scores_BN [B, N].
// Errors:  kInternal if a score is not finite; kInvalidArgument for an empty context (answer it by
//          popularity) or a slot that is not there.
// Threads: same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "backbones/backbone.h"
#include "base/task_pool.h"
#include "kernels/ranking.h"
#include "raie/types.h"

namespace raie {

// The rank of a target that the catalogue lacks: a miss in every metric.
inline constexpr std::int64_t kMissedRank = std::numeric_limits<std::int64_t>::max();

// What answers a context.
struct ScoringSlot {
  const Adapter* adapter = nullptr;  // null: the backbone as it is
  ItemRows rows;                     // read at the input and ranked
};

struct ScoringModel {
  const Backbone& backbone;
  std::span<const ScoringSlot> slots;
  std::int64_t catalogue_size = 0;  // items ranked: a prefix of the rows
  std::span<const float> bias_N;    // added to every logit (popularity prior); empty: none
};

struct Contexts {
  const WindowBatch& rows;
  std::span<const std::int32_t> slots;  // [B]; empty: all slot 0
};

// Returns hidden_BD: the vectors that are multiplied with item rows, dropout off.
std::vector<float> HiddenStates(const ScoringModel& model, const Contexts& contexts,
                                TaskPool& pool);

// Items that are never counted against the target of their row, as ranges of one list.
struct MaskedItems {
  std::vector<std::int64_t> offsets = {0};  // [B + 1]
  std::vector<ItemId> items;

  bool empty() const { return items.empty(); }
};

// Masks the items of each context itself.
MaskedItems MaskContexts(const WindowBatch& contexts);

// Returns the rank of targets[b] for every context; kMissedRank outside the catalogue.
std::vector<std::int64_t> RankTargets(const ScoringModel& model, const Contexts& contexts,
                                      std::span<const ItemId> targets, const MaskedItems& masked,
                                      TaskPool& pool);

// Returns -log softmax(scores)[target] for every context; infinite outside the catalogue.
std::vector<double> TargetNll(const ScoringModel& model, const Contexts& contexts,
                              std::span<const ItemId> targets, TaskPool& pool);

// Sets scores_BN.
void ScoreAll(const ScoringModel& model, const Contexts& contexts, TaskPool& pool,
              std::span<float> scores_BN);

// Returns the k best items of every context, best first; equal scores by smaller item.
std::vector<std::vector<kernels::ScoredItem>> TopItems(const ScoringModel& model,
                                                       const Contexts& contexts, std::int64_t k,
                                                       const MaskedItems& masked, TaskPool& pool);

}  // namespace raie
