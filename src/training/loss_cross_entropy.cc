#include <algorithm>
#include <cmath>
#include <cstring>

#include "training/loss_kinds.h"

namespace raie::internal {
namespace {

constexpr std::int64_t kTileItems = 512;     // a multiple of PackedWeights::kRowAlignment
constexpr std::int64_t kChunkOutputs = 512;  // logits of a tile: 1 MB, half of a core's L2
constexpr std::int64_t kParts = 8;           // hidden gradients are added from so many buffers
constexpr std::int64_t kBlockRows = 64;

bool SameRows(const ItemRows& a, const ItemRows& b) {
  return a.base_ND.data() == b.base_ND.data() && a.replaced_items.empty() &&
         b.replaced_items.empty();
}

}  // namespace

// Outputs [begin, begin + rows) and what hangs on them; rows count from `begin`.
struct CrossEntropy::Chunk {
  struct Segment {
    const OutputGroup* group;
    std::int64_t begin;
    std::int64_t end;
  };
  std::int64_t begin;
  std::int64_t rows;
  std::int64_t first_target;
  bool is_first;
  std::vector<Segment> segments;
  std::vector<kernels::SoftmaxTarget> targets;
  std::vector<float> row_weights_R;
};

void CrossEntropy::Compute(const LossInput& input, TaskPool& pool, std::span<double> losses_T,
                           const LossGradients& gradients) {
  input_ = &input;
  gradients_ = &gradients;
  scratch_.resize(std::max<std::size_t>(scratch_.size(), pool.threads()));
  StartStep();
  const std::int64_t outputs = std::ssize(input.hidden_PD) / input.dim;
  std::int64_t first_target = 0;
  for (std::int64_t begin = 0; begin < outputs; begin += kChunkOutputs) {
    const Chunk chunk = MakeChunk(begin, first_target);
    first_target += std::ssize(chunk.targets);
    pool.ForEach(num_tiles_, [&](std::int64_t tile, int worker) { Logits(chunk, tile, worker); });
    Normalise(chunk, losses_T);
    const bool wants_own = std::any_of(
        chunk.segments.begin(), chunk.segments.end(),
        [](const Chunk::Segment& segment) { return !segment.group->grad_replaced_nD.empty(); });
    if (gradients.hidden_PD.empty() && gradients.items_ND.empty() && !wants_own) continue;
    pool.ForEach(num_parts_,
                 [&](std::int64_t part, int worker) { Gradients(chunk, part, worker); });
    if (gradients.hidden_PD.empty()) continue;
    pool.ForEach((chunk.rows + kBlockRows - 1) / kBlockRows,
                 [&](std::int64_t block, int) { AddHiddenParts(chunk, block); });
  }
}

void CrossEntropy::StartStep() {
  groups_.clear();
  for (const OutputGroup& group : input_->groups) {
    if (!group.grad_replaced_nD.empty()) {
      std::fill(group.grad_replaced_nD.begin(), group.grad_replaced_nD.end(), 0.0f);
    }
    if (group.begin == group.end) continue;
    if (!groups_.empty() && SameRows(groups_.back().rows, group.rows)) {
      groups_.back().end = group.end;
    } else {
      groups_.push_back(group);
    }
  }
  num_tiles_ = (input_->catalogue_size + kTileItems - 1) / kTileItems;
  num_parts_ = std::min(kParts, num_tiles_);
  if (std::ssize(tiles_) < num_tiles_) tiles_.resize(num_tiles_);
  packed_.assign(num_tiles_, 0);
  if (input_->hidden_PD.empty() && !gradients_->items_ND.empty()) {
    std::fill(gradients_->items_ND.begin(), gradients_->items_ND.end(), 0.0f);
  }
}

CrossEntropy::Chunk CrossEntropy::MakeChunk(std::int64_t begin, std::int64_t first_target) {
  const std::int64_t dim = input_->dim;
  const std::int64_t outputs = std::ssize(input_->hidden_PD) / dim;
  Chunk chunk{.begin = begin,
              .rows = std::min(kChunkOutputs, outputs - begin),
              .first_target = first_target,
              .is_first = begin == 0,
              .segments = {},
              .targets = {},
              .row_weights_R = {}};
  for (const OutputGroup& group : groups_) {
    const std::int64_t from = std::max(group.begin, begin);
    const std::int64_t to = std::min(group.end, begin + chunk.rows);
    if (from < to) chunk.segments.push_back({&group, from - begin, to - begin});
  }
  chunk.row_weights_R.assign(chunk.rows, 0.0f);
  for (std::int64_t t = first_target; t < std::ssize(input_->targets); ++t) {
    const Target& target = input_->targets[t];
    const std::int64_t row = target.output - begin;
    if (row >= chunk.rows) break;
    chunk.targets.push_back({static_cast<std::int32_t>(row), Index(target.item), target.weight});
    chunk.row_weights_R[row] += target.weight;
  }
  logits_.Resize(num_tiles_ * kTileItems * chunk.rows);
  partials_.resize(num_tiles_ * chunk.rows);
  target_logits_.resize(chunk.targets.size());
  lse_R_.resize(chunk.rows);
  if (!gradients_->hidden_PD.empty()) hidden_parts_PRD_.Resize(num_parts_ * chunk.rows * dim);
  if (!gradients_->item_scale_P.empty() && !gradients_->items_ND.empty()) {
    scaled_hidden_RD_.Resize(chunk.rows * dim);
    for (std::int64_t r = 0; r < chunk.rows; ++r) {
      const float scale = gradients_->item_scale_P[begin + r];
      const float* from = input_->hidden_PD.data() + (begin + r) * dim;
      float* to = scaled_hidden_RD_.data() + r * dim;
      for (std::int64_t d = 0; d < dim; ++d) to[d] = scale * from[d];
    }
  }
  return chunk;
}

void CrossEntropy::Logits(const Chunk& chunk, std::int64_t tile, int worker) {
  const kernels::ConstMatrix hidden_RD =
      kernels::View(input_->hidden_PD.subspan(chunk.begin * input_->dim), chunk.rows, input_->dim);
  const kernels::Matrix logits_RJ = TileLogits(tile, chunk.rows);
  for (const Chunk::Segment& segment : chunk.segments) {
    const auto& weights = TileOf(*segment.group, tile, kernels::PackFor::kForward, worker);
    kernels::MultiplyTransposed(hidden_RD.Rows(segment.begin, segment.end), weights, {},
                                kernels::Store::kSet, logits_RJ.Rows(segment.begin, segment.end));
  }
  kernels::SoftmaxPartials(logits_RJ, std::span(partials_).subspan(tile * chunk.rows, chunk.rows));
  const std::int64_t first = TileBegin(tile);
  for (std::size_t t = 0; t < chunk.targets.size(); ++t) {
    const std::int64_t column = chunk.targets[t].item - first;
    if (column >= 0 && column < logits_RJ.cols) {
      target_logits_[t] = logits_RJ.row(chunk.targets[t].row)[column];
    }
  }
}

void CrossEntropy::Normalise(const Chunk& chunk, std::span<double> losses_T) {
  std::vector<kernels::SoftmaxPartial> row(num_tiles_);
  for (std::int64_t r = 0; r < chunk.rows; ++r) {
    for (std::int64_t tile = 0; tile < num_tiles_; ++tile) {
      row[tile] = partials_[tile * chunk.rows + r];
    }
    lse_R_[r] = kernels::LogSumExp(row);
  }
  for (std::size_t t = 0; t < chunk.targets.size(); ++t) {
    losses_T[chunk.first_target + static_cast<std::int64_t>(t)] =
        static_cast<double>(lse_R_[chunk.targets[t].row]) - target_logits_[t];
  }
}

void CrossEntropy::Gradients(const Chunk& chunk, std::int64_t part, int worker) {
  for (std::int64_t tile = num_tiles_ * part / num_parts_;
       tile < num_tiles_ * (part + 1) / num_parts_; ++tile) {
    GradientsOfTile(chunk, tile, part, worker);
  }
}

void CrossEntropy::GradientsOfTile(const Chunk& chunk, std::int64_t tile, std::int64_t part,
                                   int worker) {
  const std::int64_t dim = input_->dim;
  const kernels::Matrix p_RJ = TileLogits(tile, chunk.rows);
  kernels::SoftmaxGradient({.first_item = TileBegin(tile),
                            .lse_R = lse_R_,
                            .row_weights_R = chunk.row_weights_R,
                            .targets = chunk.targets},
                           p_RJ);
  const bool starts_part = tile == num_tiles_ * part / num_parts_;
  for (const Chunk::Segment& segment : chunk.segments) {
    const kernels::ConstMatrix p = p_RJ.Rows(segment.begin, segment.end);
    ItemGradients(chunk, tile, *segment.group, p, segment.begin, worker);
    if (gradients_->hidden_PD.empty()) continue;
    const kernels::Matrix hidden_RD{hidden_parts_PRD_.data() + part * chunk.rows * dim, chunk.rows,
                                    dim, dim};
    kernels::Multiply(p, TileOf(*segment.group, tile, kernels::PackFor::kBackward, worker),
                      starts_part ? kernels::Store::kSet : kernels::Store::kAdd,
                      hidden_RD.Rows(segment.begin, segment.end));
  }
}

void CrossEntropy::ItemGradients(const Chunk& chunk, std::int64_t tile, const OutputGroup& group,
                                 kernels::ConstMatrix p_RJ, std::int64_t first_row, int worker) {
  const std::int64_t dim = input_->dim;
  const std::int64_t first = TileBegin(tile);
  const std::int64_t size = TileSize(tile);
  const kernels::ConstMatrix plain{input_->hidden_PD.data() + (chunk.begin + first_row) * dim,
                                   p_RJ.rows, dim, dim};
  kernels::ConstMatrix scaled = plain;
  if (!gradients_->item_scale_P.empty()) {
    scaled.data = scaled_hidden_RD_.data() + first_row * dim;
  }
  const bool sets = chunk.is_first && first_row == 0;  // the tile's first gradient of the step
  if (!ReplacesIn(group, tile)) {
    if (gradients_->items_ND.empty()) return;
    const kernels::Matrix grad{gradients_->items_ND.data() + first * dim, size, dim, dim};
    kernels::MultiplyOuter(p_RJ, scaled, sets ? kernels::Store::kSet : kernels::Store::kAdd, grad);
    return;
  }
  if (!gradients_->items_ND.empty() && sets) {
    std::memset(gradients_->items_ND.data() + first * dim, 0, size * dim * sizeof(float));
  }
  // Own rows take the slot's mean, rows of the base table the batch's: two products.
  kernels::AlignedFloats& rows_JD = scratch_[worker].rows_JD;
  rows_JD.Resize(kTileItems * dim);
  const kernels::Matrix product{rows_JD.data(), size, dim, dim};
  const auto add = [dim](const float* from, float* to) {
    for (std::int64_t d = 0; d < dim; ++d) to[d] += from[d];
  };
  if (!group.grad_replaced_nD.empty()) {
    kernels::MultiplyOuter(p_RJ, plain, kernels::Store::kSet, product);
    for (std::int64_t j = 0; j < size; ++j) {
      const std::int64_t own = FindRow(group.rows, first + j, dim).replaced;
      if (own >= 0) add(product.row(j), group.grad_replaced_nD.data() + own * dim);
    }
  }
  if (!gradients_->items_ND.empty()) {
    kernels::MultiplyOuter(p_RJ, scaled, kernels::Store::kSet, product);
    for (std::int64_t j = 0; j < size; ++j) {
      const bool own = FindRow(group.rows, first + j, dim).replaced >= 0;
      if (!own) add(product.row(j), gradients_->items_ND.data() + (first + j) * dim);
    }
  }
}

void CrossEntropy::AddHiddenParts(const Chunk& chunk, std::int64_t block) {
  const std::int64_t dim = input_->dim;
  const std::int64_t begin = block * kBlockRows * dim;
  const std::int64_t end = std::min(chunk.rows * dim, begin + kBlockRows * dim);
  float* sum = gradients_->hidden_PD.data() + chunk.begin * dim;
  const float* parts = hidden_parts_PRD_.data();
  std::copy(parts + begin, parts + end, sum + begin);
  for (std::int64_t part = 1; part < num_parts_; ++part) {
    const float* from = parts + part * chunk.rows * dim;
    for (std::int64_t i = begin; i < end; ++i) sum[i] += from[i];
  }
}

const kernels::PackedWeights& CrossEntropy::TileOf(const OutputGroup& group, std::int64_t tile,
                                                   kernels::PackFor use, int worker) {
  const std::int64_t dim = input_->dim;
  const std::int64_t first = TileBegin(tile);
  const std::int64_t size = TileSize(tile);
  const kernels::ConstMatrix base{group.rows.base_ND.data() + first * dim, size, dim, dim};
  if (!ReplacesIn(group, tile)) {
    // A tile is in the hands of one task at a time.
    if (!packed_[tile]) {
      tiles_[tile].Pack(base, gradients_->hidden_PD.empty() ? kernels::PackFor::kForward
                                                            : kernels::PackFor::kBoth);
      packed_[tile] = 1;
    }
    return tiles_[tile];
  }
  WorkerScratch& scratch = scratch_[worker];
  scratch.rows_JD.Resize(kTileItems * dim);
  for (std::int64_t j = 0; j < size; ++j) {
    const float* row = FindRow(group.rows, first + j, dim).row;
    std::copy(row, row + dim, scratch.rows_JD.data() + j * dim);
  }
  scratch.packed.Pack({scratch.rows_JD.data(), size, dim, dim}, use);
  return scratch.packed;
}

bool CrossEntropy::ReplacesIn(const OutputGroup& group, std::int64_t tile) const {
  const auto& items = group.rows.replaced_items;
  const auto found = std::lower_bound(items.begin(), items.end(), TileBegin(tile));
  return found != items.end() && *found < TileBegin(tile) + TileSize(tile);
}

std::int64_t CrossEntropy::TileBegin(std::int64_t tile) const { return tile * kTileItems; }

std::int64_t CrossEntropy::TileSize(std::int64_t tile) const {
  return std::min(kTileItems, input_->catalogue_size - tile * kTileItems);
}

kernels::Matrix CrossEntropy::TileLogits(std::int64_t tile, std::int64_t rows) {
  return {logits_.data() + tile * kTileItems * rows, rows, TileSize(tile), TileSize(tile)};
}

}  // namespace raie::internal
