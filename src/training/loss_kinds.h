// How does each kind of loss compute what loss.h promises? (Private to this module.)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/gemm.h"
#include "kernels/softmax.h"
#include "training/loss.h"

namespace raie::internal {

// Full softmax. Outputs come in chunks; for a chunk
//   A  item tiles in parallel: logits, max and sum of exp of every (output, tile)
//   B  parts (runs of item tiles) in parallel: logits become gradients, the tile's item rows and
//      the part's share of the hidden states take theirs while the tile is in the cache
//   C  the parts' shares are added in order.
class CrossEntropy {
 public:
  void Compute(const LossInput& input, TaskPool& pool, std::span<double> losses_T,
               const LossGradients& gradients);

 private:
  struct Chunk;
  void StartStep();
  Chunk MakeChunk(std::int64_t begin, std::int64_t first_target);
  void Logits(const Chunk& chunk, std::int64_t tile, int worker);
  void Normalise(const Chunk& chunk, std::span<double> losses_T);
  void Gradients(const Chunk& chunk, std::int64_t part, int worker);
  void GradientsOfTile(const Chunk& chunk, std::int64_t tile, std::int64_t part, int worker);
  void ItemGradients(const Chunk& chunk, std::int64_t tile, const OutputGroup& group,
                     kernels::ConstMatrix p_RJ, std::int64_t first_row, int worker);
  void AddHiddenParts(const Chunk& chunk, std::int64_t block);

  // The rows of a tile as one group reads them, packed.
  const kernels::PackedWeights& TileOf(const OutputGroup& group, std::int64_t tile,
                                       kernels::PackFor use, int worker);
  bool ReplacesIn(const OutputGroup& group, std::int64_t tile) const;
  std::int64_t TileBegin(std::int64_t tile) const;
  std::int64_t TileSize(std::int64_t tile) const;
  kernels::Matrix TileLogits(std::int64_t tile, std::int64_t rows);

  const LossInput* input_ = nullptr;
  const LossGradients* gradients_ = nullptr;
  std::vector<OutputGroup> groups_;  // neighbours that read the same rows made one
  std::int64_t num_tiles_ = 0;
  std::int64_t num_parts_ = 0;

  std::vector<kernels::PackedWeights> tiles_;      // of the base table
  std::vector<std::uint8_t> packed_;               // this step, by tile
  kernels::AlignedFloats logits_;                  // [tile][R, J]
  std::vector<kernels::SoftmaxPartial> partials_;  // [tile, R]
  std::vector<float> target_logits_;               // by target of the chunk
  std::vector<float> lse_R_;
  kernels::AlignedFloats scaled_hidden_RD_;
  kernels::AlignedFloats hidden_parts_PRD_;
  struct WorkerScratch {
    kernels::PackedWeights packed;
    kernels::AlignedFloats rows_JD;
  };
  std::vector<WorkerScratch> scratch_;  // by worker
};

// Binary losses over the target and its negatives.
void ComputeSampled(const LossOptions& options, const LossInput& input, TaskPool& pool,
                    std::span<double> losses_T, const LossGradients& gradients);

// Each target against its rival.
void ComputePairs(const LossInput& input, TaskPool& pool, std::span<double> losses_T,
                  const LossGradients& gradients);

// The row of an item as a group reads it: replaced (index >= 0 into the group's rows) or base.
struct RowRef {
  const float* row;
  std::int64_t replaced = -1;
};
RowRef FindRow(const ItemRows& rows, std::int64_t item, std::int64_t dim);

}  // namespace raie::internal
