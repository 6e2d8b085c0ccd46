#include "training/score.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "kernels/aligned.h"
#include "kernels/softmax.h"
#include "raie/error.h"
#include "training/tiles.h"

namespace raie {
namespace {

constexpr std::int64_t kBlockRows = 64;        // contexts scored together
constexpr std::int64_t kScoreTileItems = 512;  // a multiple of PackedWeights::kRowAlignment

[[noreturn]] void RefuseContexts(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "scoring: " + what);
}

enum class AskedPositions { kLast, kAll };

// The contexts as a batch with these outputs, by context.
TrainingBatch AskFor(const BoundModel& model, const Contexts& contexts, AskedPositions asked) {
  const WindowBatch& rows = contexts.rows;
  TrainingBatch batch;
  batch.rows = rows;
  batch.rows.row_keys.resize(rows.num_rows());
  batch.slots.assign(contexts.slots.begin(), contexts.slots.end());
  for (std::int64_t row = 0; row < rows.num_rows(); ++row) {
    const std::int32_t length = rows.offsets[row + 1] - rows.offsets[row];
    if (length == 0) RefuseContexts("context " + std::to_string(row) + " is empty");
    for (std::int32_t p = asked == AskedPositions::kLast ? length - 1 : 0; p < length; ++p) {
      batch.outputs.push_back({static_cast<std::int32_t>(row), p});
    }
  }
  const std::int64_t num_items = std::ssize(model.slot(0).rows.base_ND) / model.backbone().dim();
  CheckBatch(batch, {.num_items = num_items,
                     .catalogue_size = model.catalogue_size(),
                     .num_slots = model.num_slots()});
  return batch;
}

// take(row, hidden_D) for every output; the outputs of a row come in order, from one thread.
template <class Take>
void ForEachHiddenState(const BoundModel& model, const TrainingBatch& batch, TaskPool& pool,
                        const Take& take) {
  const TiledBatch tiled = MakeTiles(batch, TileOptions(), model.backbone().token_cost());
  const std::int64_t dim = model.backbone().dim();
  pool.ForEach(std::ssize(tiled.tiles), [&](std::int64_t number, int) {
    const Tile& tile = tiled.tiles[number];
    kernels::AlignedFloats hidden_PD(std::ssize(tile.outputs) * dim);
    model.backbone().Forward(
        model.weights(tile.slot),
        {.batch = tile.rows, .outputs = tile.outputs, .items = model.slot(tile.slot).rows},
        hidden_PD.span());
    for (std::int64_t p = 0; p < std::ssize(tile.outputs); ++p) {
      const std::int64_t output = tiled.output_in_batch[tile.first_output + p];
      take(batch.outputs[output].row, hidden_PD.span().subspan(p * dim, dim));
    }
  });
}

// Contexts of one slot that are scored together.
struct Block {
  std::int32_t slot;
  std::vector<std::int64_t> rows;
};

std::vector<Block> MakeBlocks(const Contexts& contexts) {
  std::vector<std::int64_t> order(contexts.rows.num_rows());
  std::iota(order.begin(), order.end(), 0);
  const auto slot = [&](std::int64_t row) {
    return contexts.slots.empty() ? 0 : contexts.slots[row];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return slot(a) < slot(b); });
  std::vector<Block> blocks;
  for (const std::int64_t row : order) {
    if (blocks.empty() || blocks.back().slot != slot(row) ||
        std::ssize(blocks.back().rows) == kBlockRows) {
      blocks.push_back({slot(row), {}});
    }
    blocks.back().rows.push_back(row);
  }
  return blocks;
}

// Goes through the catalogue tile by tile for every block of contexts, blocks in parallel.
class Scan {
 public:
  Scan(const BoundModel& model, const Contexts& contexts, TaskPool& pool)
      : model_(model),
        pool_(pool),
        dim_(model.backbone().dim()),
        hidden_BD_(HiddenStates(model, contexts, pool)),
        blocks_(MakeBlocks(contexts)) {
    if (model.catalogue_size() == 0)
      RefuseContexts("this model ranks nothing: its catalogue is empty");
  }

  // start(block, hidden_RD) makes what a block needs; tile(state, first item, scores_RJ) sees each
  // tile; end(block, state) takes the result.
  template <class Start, class OnTile, class End>
  void Run(const Start& start, const OnTile& on_tile, const End& end) const {
    pool_.ForEach(std::ssize(blocks_), [&](std::int64_t number, int) {
      const Block& block = blocks_[number];
      const auto rows = std::ssize(block.rows);
      kernels::AlignedFloats hidden_RD(rows * dim_);
      for (std::int64_t r = 0; r < rows; ++r) {
        std::copy_n(hidden_BD_.data() + block.rows[r] * dim_, dim_, hidden_RD.data() + r * dim_);
      }
      const auto hidden = kernels::View(hidden_RD.span(), rows, dim_);
      auto state = start(block, hidden);
      kernels::AlignedFloats tile(rows * kScoreTileItems);
      for (std::int64_t first = 0; first < model_.catalogue_size(); first += kScoreTileItems) {
        const std::int64_t size = std::min(kScoreTileItems, model_.catalogue_size() - first);
        const kernels::Matrix scores_RJ{tile.data(), rows, size, size};
        model_.Score(block.slot, hidden, first, scores_RJ);
        if (!kernels::AllFinite(tile.span().first(rows * size))) {
          throw Error(ErrorCode::kInternal, "scoring: a score of items " + std::to_string(first) +
                                                " .. " + std::to_string(first + size - 1) +
                                                " is not finite; the model is damaged");
        }
        on_tile(state, first, scores_RJ);
      }
      end(block, state);
    });
  }

 private:
  const BoundModel& model_;
  TaskPool& pool_;
  std::int64_t dim_;
  std::vector<float> hidden_BD_;
  std::vector<Block> blocks_;
};

// The targets of a block and their scores. A target outside the catalogue is stood in for by item
// 0; its row's result is not used.
struct BlockTargets {
  std::vector<std::int32_t> items;
  std::vector<float> scores;
};

bool InCatalogue(const BoundModel& model, ItemId item) {
  return Index(item) >= 0 && Index(item) < model.catalogue_size();
}

BlockTargets TargetsOf(const BoundModel& model, const Block& block, std::span<const ItemId> targets,
                       kernels::ConstMatrix hidden_RD) {
  BlockTargets found;
  std::vector<ItemId> items;
  for (const std::int64_t row : block.rows) {
    items.push_back(InCatalogue(model, targets[row]) ? targets[row] : ItemId{0});
    found.items.push_back(Index(items.back()));
  }
  found.scores = model.ScoresOf(block.slot, hidden_RD, items);
  return found;
}

void CheckTargets(std::size_t targets, const Contexts& contexts) {
  if (static_cast<std::int64_t>(targets) != contexts.rows.num_rows()) {
    RefuseContexts(std::to_string(targets) + " targets for " +
                   std::to_string(contexts.rows.num_rows()) + " contexts");
  }
}

}  // namespace

BoundModel::BoundModel(ScoringModel model, TaskPool& pool)
    : model_(std::move(model)), weights_(model_.slots.size()), own_rows_(model_.slots.size()) {
  const std::int64_t dim = model_.backbone.dim();
  if (model_.slots.empty()) RefuseContexts("a model needs at least one slot");
  if (model_.catalogue_size < 0) RefuseContexts("the catalogue has a negative size");
  if (std::ssize(model_.slots[0].rows.base_ND) < model_.catalogue_size * dim) {
    RefuseContexts("the item table is smaller than the catalogue of " +
                   std::to_string(model_.catalogue_size));
  }
  if (!model_.bias_N.empty() && std::ssize(model_.bias_N) < model_.catalogue_size) {
    RefuseContexts("a bias of " + std::to_string(model_.bias_N.size()) +
                   " items for a catalogue of " + std::to_string(model_.catalogue_size));
  }
  std::map<const Adapter*, std::int64_t> first_slot;
  std::vector<std::int64_t> to_bind;
  for (std::int64_t slot = 0; slot < num_slots(); ++slot) {
    if (first_slot.emplace(model_.slots[slot].adapter, slot).second) to_bind.push_back(slot);
  }
  pool.ForEach(std::ssize(to_bind), [&](std::int64_t task, int) {
    const std::int64_t slot = to_bind[task];
    weights_[slot] = model_.backbone.Bind(model_.slots[slot].adapter, Purpose::kScore);
  });
  for (std::int64_t slot = 0; slot < num_slots(); ++slot) {
    weights_[slot] = weights_[first_slot[model_.slots[slot].adapter]];
  }
  if (model_.catalogue_size == 0) return;
  base_.Pack(kernels::View(model_.slots[0].rows.base_ND, model_.catalogue_size, dim),
             kernels::PackFor::kForward);
  for (std::int64_t slot = 0; slot < num_slots(); ++slot) {
    const ItemRows& rows = model_.slots[slot].rows;
    if (!rows.replaced_items.empty()) {
      own_rows_[slot].Pack(kernels::View(rows.replaced_rows, std::ssize(rows.replaced_items), dim),
                           kernels::PackFor::kForward);
    }
  }
}

void BoundModel::Score(std::int64_t slot, kernels::ConstMatrix hidden_RD, std::int64_t first,
                       kernels::Matrix scores_RJ) const {
  kernels::MultiplyTransposedRange(hidden_RD, base_, first, scores_RJ);
  const auto& items = model_.slots[slot].rows.replaced_items;
  const auto begin = std::lower_bound(items.begin(), items.end(), first);
  const auto end = std::lower_bound(begin, items.end(), first + scores_RJ.cols);
  if (begin != end) {
    const std::int64_t aligned = (begin - items.begin()) / kernels::PackedWeights::kRowAlignment *
                                 kernels::PackedWeights::kRowAlignment;
    const std::int64_t count = (end - items.begin()) - aligned;
    kernels::AlignedFloats own(hidden_RD.rows * count);
    const kernels::Matrix own_RJ{own.data(), hidden_RD.rows, count, count};
    kernels::MultiplyTransposedRange(hidden_RD, own_rows_[slot], aligned, own_RJ);
    for (std::int64_t r = 0; r < hidden_RD.rows; ++r) {
      for (auto item = begin; item != end; ++item) {
        scores_RJ.row(r)[*item - first] = own_RJ.row(r)[(item - items.begin()) - aligned];
      }
    }
  }
  if (model_.bias_N.empty()) return;
  for (std::int64_t r = 0; r < scores_RJ.rows; ++r) {
    for (std::int64_t j = 0; j < scores_RJ.cols; ++j) {
      scores_RJ.row(r)[j] += model_.bias_N[first + j];
    }
  }
}

std::vector<float> BoundModel::ScoresOf(std::int64_t slot, kernels::ConstMatrix hidden_RD,
                                        std::span<const ItemId> items_R) const {
  // Each element of a product is summed in the same order whatever else is in the call, so the
  // product with these rows alone has the bits of the product with all.
  const std::int64_t dim = hidden_RD.cols;
  const ItemRows& rows = model_.slots[slot].rows;
  const auto count = std::ssize(items_R);
  kernels::AlignedFloats gathered(count * dim);
  for (std::int64_t r = 0; r < count; ++r) {
    const std::int32_t item = Index(items_R[r]);
    const auto own = std::lower_bound(rows.replaced_items.begin(), rows.replaced_items.end(), item);
    const bool is_own = own != rows.replaced_items.end() && *own == item;
    const float* from = is_own
                            ? rows.replaced_rows.data() + (own - rows.replaced_items.begin()) * dim
                            : rows.base_ND.data() + item * dim;
    std::copy_n(from, dim, gathered.data() + r * dim);
  }
  const kernels::PackedWeights packed(kernels::View(gathered.span(), count, dim),
                                      kernels::PackFor::kForward);
  kernels::AlignedFloats product(count * count);
  kernels::MultiplyTransposed(hidden_RD, packed, {}, kernels::Store::kSet,
                              kernels::MutableView(product.span(), count, count));
  std::vector<float> scores(count);
  for (std::int64_t r = 0; r < count; ++r) {
    scores[r] = product.data()[r * count + r];
    if (!model_.bias_N.empty()) scores[r] += model_.bias_N[Index(items_R[r])];
  }
  return scores;
}

std::vector<float> HiddenStates(const BoundModel& model, const Contexts& contexts, TaskPool& pool) {
  const std::int64_t dim = model.backbone().dim();
  std::vector<float> hidden_BD(contexts.rows.num_rows() * dim);
  ForEachHiddenState(model, AskFor(model, contexts, AskedPositions::kLast), pool,
                     [&](std::int64_t row, std::span<const float> hidden_D) {
                       std::ranges::copy(hidden_D, hidden_BD.begin() + row * dim);
                     });
  return hidden_BD;
}

std::vector<float> MeanHiddenStates(const BoundModel& model, const Contexts& contexts,
                                    TaskPool& pool) {
  const std::int64_t dim = model.backbone().dim();
  const std::vector<std::int32_t>& offsets = contexts.rows.offsets;
  std::vector<float> mean_BD(contexts.rows.num_rows() * dim);
  ForEachHiddenState(model, AskFor(model, contexts, AskedPositions::kAll), pool,
                     [&](std::int64_t row, std::span<const float> hidden_D) {
                       const auto share =
                           1.0f / static_cast<float>(offsets[row + 1] - offsets[row]);
                       float* mean_D = mean_BD.data() + row * dim;
                       for (std::int64_t d = 0; d < dim; ++d) mean_D[d] += share * hidden_D[d];
                     });
  return mean_BD;
}

void MaskedItems::AppendRow(std::vector<ItemId> row) {
  std::sort(row.begin(), row.end());
  row.erase(std::unique(row.begin(), row.end()), row.end());
  for (const ItemId item : row) items.push_back(Index(item));
  offsets.push_back(static_cast<std::int32_t>(items.size()));
}

std::span<const std::int32_t> MaskedItems::Row(std::int64_t row) const {
  return std::span(items).subspan(offsets[row], offsets[row + 1] - offsets[row]);
}

MaskedItems MaskContexts(const WindowBatch& contexts) {
  MaskedItems masked;
  for (std::int64_t row = 0; row < contexts.num_rows(); ++row) {
    masked.AppendRow({contexts.items.begin() + contexts.offsets[row],
                      contexts.items.begin() + contexts.offsets[row + 1]});
  }
  return masked;
}

std::vector<std::int64_t> RankTargets(const BoundModel& model, const Contexts& contexts,
                                      const RankQuery& query, TaskPool& pool) {
  CheckTargets(query.targets.size(), contexts);
  std::vector<std::int64_t> ranks(contexts.rows.num_rows());
  struct State {
    BlockTargets targets;
    MaskedItems masked;
    std::vector<std::int64_t> counts;
  };
  Scan(model, contexts, pool)
      .Run(
          [&](const Block& block, kernels::ConstMatrix hidden_RD) {
            State state{TargetsOf(model, block, query.targets, hidden_RD), {}, {}};
            state.counts.resize(block.rows.size());
            if (query.masked == nullptr) return state;
            for (const std::int64_t row : block.rows) {
              const auto items = query.masked->Row(row);
              state.masked.items.insert(state.masked.items.end(), items.begin(), items.end());
              state.masked.offsets.push_back(static_cast<std::int32_t>(state.masked.items.size()));
            }
            return state;
          },
          [&](State& state, std::int64_t first, kernels::Matrix scores_RJ) {
            kernels::CountRanksArgs args{.first_item = first,
                                         .targets_R = state.targets.items,
                                         .target_scores_R = state.targets.scores};
            if (query.masked != nullptr) {
              args.masked_offsets_R1 = state.masked.offsets;
              args.masked = state.masked.items;
            }
            kernels::AddToRanks(args, scores_RJ, state.counts);
          },
          [&](const Block& block, const State& state) {
            for (std::size_t r = 0; r < block.rows.size(); ++r) {
              const std::int64_t row = block.rows[r];
              ranks[row] =
                  InCatalogue(model, query.targets[row]) ? 1 + state.counts[r] : kMissedRank;
            }
          });
  return ranks;
}

std::vector<double> TargetNll(const BoundModel& model, const Contexts& contexts,
                              std::span<const ItemId> targets, TaskPool& pool) {
  CheckTargets(targets.size(), contexts);
  std::vector<double> nll(contexts.rows.num_rows());
  struct State {
    BlockTargets targets;
    std::vector<std::vector<kernels::SoftmaxPartial>> partials;  // by row
    std::vector<kernels::SoftmaxPartial> tile;
  };
  Scan(model, contexts, pool)
      .Run(
          [&](const Block& block, kernels::ConstMatrix hidden_RD) {
            State state{TargetsOf(model, block, targets, hidden_RD), {}, {}};
            state.partials.resize(block.rows.size());
            state.tile.resize(block.rows.size());
            return state;
          },
          [](State& state, std::int64_t, kernels::Matrix scores_RJ) {
            kernels::SoftmaxPartials(scores_RJ, state.tile);
            for (std::size_t r = 0; r < state.tile.size(); ++r) {
              state.partials[r].push_back(state.tile[r]);
            }
          },
          [&](const Block& block, const State& state) {
            for (std::size_t r = 0; r < block.rows.size(); ++r) {
              const std::int64_t row = block.rows[r];
              nll[row] = InCatalogue(model, targets[row])
                             ? static_cast<double>(kernels::LogSumExp(state.partials[r])) -
                                   state.targets.scores[r]
                             : std::numeric_limits<double>::infinity();
            }
          });
  return nll;
}

void ScoreAll(const BoundModel& model, const Contexts& contexts, TaskPool& pool,
              std::span<float> scores_BN) {
  const std::int64_t items = model.catalogue_size();
  if (std::ssize(scores_BN) != contexts.rows.num_rows() * items) {
    RefuseContexts("room for " + std::to_string(scores_BN.size()) + " scores; " +
                   std::to_string(contexts.rows.num_rows() * items) + " are made");
  }
  Scan(model, contexts, pool)
      .Run([](const Block& block, kernels::ConstMatrix) { return &block; },
           [&](const Block* block, std::int64_t first, kernels::Matrix scores_RJ) {
             for (std::int64_t r = 0; r < scores_RJ.rows; ++r) {
               std::copy_n(scores_RJ.row(r), scores_RJ.cols,
                           scores_BN.data() + block->rows[r] * items + first);
             }
           },
           [](const Block&, const Block*) {});
}

std::vector<std::vector<kernels::ScoredItem>> TopItems(const BoundModel& model,
                                                       const Contexts& contexts,
                                                       const TopQuery& query, TaskPool& pool) {
  if (query.k < 1) RefuseContexts("k = " + std::to_string(query.k) + ": at least 1 item is needed");
  std::vector<std::vector<kernels::ScoredItem>> best(contexts.rows.num_rows());
  struct State {
    const Block* block;
    std::vector<kernels::TopK> rows;
  };
  Scan(model, contexts, pool)
      .Run(
          [&](const Block& block, kernels::ConstMatrix) {
            return State{&block,
                         std::vector<kernels::TopK>(block.rows.size(), kernels::TopK(query.k))};
          },
          [&](State& state, std::int64_t first, kernels::Matrix scores_RJ) {
            for (std::int64_t r = 0; r < scores_RJ.rows; ++r) {
              const std::span<const std::int32_t> masked =
                  query.masked == nullptr ? std::span<const std::int32_t>()
                                          : query.masked->Row(state.block->rows[r]);
              state.rows[r].Add({scores_RJ.row(r), static_cast<std::size_t>(scores_RJ.cols)}, first,
                                masked);
            }
          },
          [&](const Block& block, const State& state) {
            for (std::size_t r = 0; r < block.rows.size(); ++r) {
              best[block.rows[r]] = state.rows[r].Best();
            }
          });
  return best;
}

}  // namespace raie
