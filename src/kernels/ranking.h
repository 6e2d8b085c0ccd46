// What is the rank of a target among all items, and which k items are best, from tiles of scores?
//
// Concept: a rank needs a count, not a sort; top-k keeps k candidates and a threshold most scores
//          fail. Both see the catalogue tile by tile.
// Source:  METHOD 2: rank = 1 + #{j != target: s_j >= s_target}; ties of top-k go to the smaller
//          index.
// Errors:  AddToRanks throws kCorruptData if a score is not finite; TopK ignores NaN (AllFinite
// asks). Cost:    one read of the scores.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/matrix.h"

namespace raie::kernels {

// Returns #{j: s_j >= bound}.
std::int64_t CountAtLeast(std::span<const float> scores, float bound);

// Returns whether every number is finite.
bool AllFinite(std::span<const float> scores);

struct CountRanksArgs {
  std::int64_t first_item = 0;                   // the tile holds items first_item ..
  std::span<const std::int32_t> targets_R = {};  // item of every row
  std::span<const float> target_scores_R = {};   // its score, the very bits that are in its tile
  // Items that do not compete (never counted, the target itself excepted), per row:
  // masked[masked_offsets[r]] .. masked[masked_offsets[r + 1] - 1], in item order and without
  // repetition; may be empty.
  std::span<const std::int32_t> masked_offsets_R1 = {};
  std::span<const std::int32_t> masked = {};
};

// Adds to counts[r] what this tile contributes to rank - 1. The target never counts itself.
// Semantics: counts[r] += #{j in tile: j != target[r], j not masked, s[r, j] >= target_score[r]}
void AddToRanks(const CountRanksArgs& args, ConstMatrix scores_RJ,
                std::span<std::int64_t> counts_R);

struct ScoredItem {
  float score;
  std::int32_t item;
};

// Collects the k best items of one row from tiles given in any order. Better = larger score, then
// smaller item.
class TopK {
 public:
  explicit TopK(std::int64_t k);  // k >= 1

  // Offers scores of items first_item ..; `masked` (sorted items, whole catalogue) are skipped.
  void Add(std::span<const float> scores, std::int64_t first_item,
           std::span<const std::int32_t> masked = {});

  // Returns the best, best first; fewer than k if fewer were offered.
  std::vector<ScoredItem> Best() const;
  void Clear();

 private:
  void Shrink();

  std::size_t k_;
  float threshold_;  // a score below it cannot be among the best
  std::vector<ScoredItem> candidates_;
};

}  // namespace raie::kernels
