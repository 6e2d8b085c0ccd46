// What does a model answer for many contexts: hidden states, ranks of targets, their likelihood,
// best items?
//
// Concept: a BoundModel holds everything that is made once for a model (W_0 merged with each
//          adapter, item rows in the layout of the product) and then answers any number of calls.
//          Contexts are cut into tiles of one slot (an adapter and the item rows it goes with);
//          only the last position of each context is computed, and scores exist only for a few
//          contexts and a tile of items at a time.
// Source:  METHOD section 2 ("Ranking"): rank = 1 + #{j != target: s_j >= s_target}.
// Shapes:  hidden_BD [B, D]; scores_BN [B, N].
// Errors:  kInternal if a score is not finite; kInvalidArgument for an empty context (answer it by
//          popularity) or a slot that is not there.
// Threads: const methods may run concurrently; same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "backbones/backbone.h"
#include "base/task_pool.h"
#include "kernels/gemm.h"
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
  std::vector<ScoringSlot> slots;   // all with the same base rows
  std::int64_t catalogue_size = 0;  // items ranked: a prefix of the rows; 0: hidden states only
  std::span<const float> bias_N;    // added to every score (popularity prior); empty: none
};

class BoundModel {
 public:
  // The backbone, the adapters, the item rows and the bias must outlive it and not change.
  BoundModel(ScoringModel model, TaskPool& pool);

  const Backbone& backbone() const { return model_.backbone; }
  std::int64_t catalogue_size() const { return model_.catalogue_size; }
  std::int64_t num_slots() const { return std::ssize(model_.slots); }
  const ScoringSlot& slot(std::int64_t slot) const { return model_.slots[slot]; }
  const BoundWeights& weights(std::int64_t slot) const { return *weights_[slot]; }

  // Sets scores_RJ of hidden states of one slot over items first .. first + J - 1; `first` is a
  // multiple of PackedWeights::kRowAlignment.
  void Score(std::int64_t slot, kernels::ConstMatrix hidden_RD, std::int64_t first,
             kernels::Matrix scores_RJ) const;

  // Returns the scores of one item a row, the very bits Score gives.
  std::vector<float> ScoresOf(std::int64_t slot, kernels::ConstMatrix hidden_RD,
                              std::span<const ItemId> items_R) const;

 private:
  ScoringModel model_;
  std::vector<std::shared_ptr<const BoundWeights>> weights_;  // by slot; equal adapters share one
  kernels::PackedWeights base_;
  std::vector<kernels::PackedWeights> own_rows_;  // by slot: the region's rows in the catalogue
};

struct Contexts {
  const WindowBatch& rows;
  std::span<const std::int32_t> slots = {};  // [B]; empty: all slot 0
};

// Returns hidden_BD: the vectors that are multiplied with item rows, dropout off.
std::vector<float> HiddenStates(const BoundModel& model, const Contexts& contexts, TaskPool& pool);

// Returns the mean of the hidden states of all positions of each context, [B, D], dropout off.
std::vector<float> MeanHiddenStates(const BoundModel& model, const Contexts& contexts,
                                    TaskPool& pool);

// Items that never compete with the target of their row (the target itself always does).
struct MaskedItems {
  std::vector<std::int32_t> offsets = {0};  // [B + 1]
  std::vector<std::int32_t> items;          // of each row: sorted, none twice

  void AppendRow(std::vector<ItemId> row);  // in any order
  bool empty() const { return items.empty(); }
  std::span<const std::int32_t> Row(std::int64_t row) const;
};

// Masks the items of each context itself.
MaskedItems MaskContexts(const WindowBatch& contexts);

// What the functions below rank for each context.
struct RankQuery {
  std::span<const ItemId> targets;
  const MaskedItems* masked = nullptr;  // null: everything competes
};

// Returns the rank of every target; kMissedRank outside the catalogue.
std::vector<std::int64_t> RankTargets(const BoundModel& model, const Contexts& contexts,
                                      const RankQuery& query, TaskPool& pool);

// Returns -log softmax(scores)[target] for every context; infinite outside the catalogue.
std::vector<double> TargetNll(const BoundModel& model, const Contexts& contexts,
                              std::span<const ItemId> targets, TaskPool& pool);

// Sets scores_BN.
void ScoreAll(const BoundModel& model, const Contexts& contexts, TaskPool& pool,
              std::span<float> scores_BN);

struct TopQuery {
  std::int64_t k = 10;
  const MaskedItems* masked = nullptr;  // left out
};

// Returns the k best items of every context, best first; equal scores by smaller item.
std::vector<std::vector<kernels::ScoredItem>> TopItems(const BoundModel& model,
                                                       const Contexts& contexts,
                                                       const TopQuery& query, TaskPool& pool);

}  // namespace raie
