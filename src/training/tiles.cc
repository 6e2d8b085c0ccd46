#include "training/tiles.h"

#include <algorithm>
#include <numeric>

namespace raie {
namespace {

constexpr std::int64_t kTilesAtOnce = 4;  // of a micro-batch, so that threads find work

// Cuts rows into tiles and numbers their outputs.
class Tiler {
 public:
  Tiler(const TrainingBatch& batch, const TileOptions& options, TokenCost cost)
      : batch_(batch), options_(options), cost_(cost), order_(batch.rows.num_rows()) {
    std::iota(order_.begin(), order_.end(), 0);
    std::stable_sort(order_.begin(), order_.end(), [&](std::int64_t a, std::int64_t b) {
      return batch_.slot(a) < batch_.slot(b);
    });
    // Outputs are sorted by row: outputs of row r are [output_begin_[r], output_begin_[r + 1]).
    output_begin_.assign(batch.rows.num_rows() + 1, 0);
    for (const OutputPosition& output : batch.outputs) ++output_begin_[output.row + 1];
    std::partial_sum(output_begin_.begin(), output_begin_.end(), output_begin_.begin());
  }

  TiledBatch Make() {
    for (const std::int64_t row : order_) {
      if (output_begin_[row] != output_begin_[row + 1]) AddRow(row);  // else nobody asks for it
    }
    AddTargets();
    MakeMicroBatches();
    return std::move(tiled_);
  }

 private:
  void AddRow(std::int64_t row) {
    const WindowBatch& rows = batch_.rows;
    const std::int64_t begin = rows.offsets[row];
    const std::int64_t length = rows.offsets[row + 1] - begin;
    if (NeedsNewTile(batch_.slot(row), length)) {
      Tile& tile = tiled_.tiles.emplace_back();
      tile.slot = batch_.slot(row);
      tile.first_output = std::ssize(tiled_.output_in_batch);
      tile.first_token = tiled_.num_tokens;
    }
    Tile& tile = tiled_.tiles.back();
    const auto number = static_cast<std::int32_t>(tile.rows.num_rows());
    tile.rows.Append(rows, row);
    tiled_.num_tokens += length;
    for (std::int64_t p = output_begin_[row]; p < output_begin_[row + 1]; ++p) {
      tile.outputs.push_back({number, batch_.outputs[p].position});
      tiled_.output_slots.push_back(tile.slot);
      tiled_.output_in_batch.push_back(p);
    }
  }

  bool NeedsNewTile(std::int32_t slot, std::int64_t length) const {
    if (tiled_.tiles.empty() || tiled_.tiles.back().slot != slot) return true;
    const WindowBatch& rows = tiled_.tiles.back().rows;
    const std::int64_t tokens = TokensOf(rows.num_rows() + 1, rows.num_tokens() + length);
    return rows.num_rows() >= options_.rows || tokens > options_.tokens ||
           tokens * cost_.tape_bytes > options_.tape_bytes / kTilesAtOnce;
  }

  std::int64_t TokensOf(std::int64_t rows, std::int64_t items) const {
    return rows * cost_.of_row + items * cost_.of_item;
  }

  void AddTargets() {
    std::vector<std::int64_t> begin(batch_.outputs.size() + 1, 0);
    for (const Target& target : batch_.targets) ++begin[target.output + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    for (std::size_t p = 0; p < tiled_.output_in_batch.size(); ++p) {
      const std::int64_t old = tiled_.output_in_batch[p];
      for (std::int64_t t = begin[old]; t < begin[old + 1]; ++t) {
        Target target = batch_.targets[t];
        target.output = static_cast<std::int32_t>(p);
        tiled_.targets.push_back(target);
        tiled_.target_in_batch.push_back(t);
      }
    }
  }

  void MakeMicroBatches() {
    const std::vector<Tile>& tiles = tiled_.tiles;
    std::int64_t bytes = 0;
    for (std::int64_t t = 0; t < std::ssize(tiles); ++t) {
      const WindowBatch& rows = tiles[t].rows;
      const std::int64_t of_tile = TokensOf(rows.num_rows(), rows.num_tokens()) * cost_.tape_bytes;
      bytes += of_tile;
      if (t == 0 || bytes > options_.tape_bytes) {
        tiled_.micro_batches.push_back({.tiles = {t, t}});
        bytes = of_tile;
      }
      tiled_.micro_batches.back().tiles.end = t + 1;
    }
    std::int64_t target = 0;
    for (MicroBatch& micro : tiled_.micro_batches) {
      const Tile& last = tiles[micro.tiles.end - 1];
      micro.outputs = {tiles[micro.tiles.begin].first_output,
                       last.first_output + std::ssize(last.outputs)};
      micro.targets.begin = target;
      while (target < std::ssize(tiled_.targets) &&
             tiled_.targets[target].output < micro.outputs.end) {
        ++target;
      }
      micro.targets.end = target;
      DealToParts(micro);
    }
    NumberBuffers();
  }

  // Deals the tiles of each slot: in runs of about equal token counts where a batch is one
  // micro-batch, one after the other to each buffer where it may be many.
  void DealToParts(MicroBatch& micro) {
    const std::vector<Tile>& tiles = tiled_.tiles;
    micro.parts.begin = std::ssize(tiled_.parts);
    for (std::int64_t begin = micro.tiles.begin; begin < micro.tiles.end;) {
      const std::int32_t slot = tiles[begin].slot;
      if (begin == 0 || tiles[begin - 1].slot != slot) slot_begin_ = begin;
      std::int64_t end = begin;
      while (end < micro.tiles.end && tiles[end].slot == slot) ++end;
      const std::int64_t parts = std::min(options_.parts, end - begin);
      for (std::int64_t part = 0; part < parts; ++part) {
        TilePart& made = tiled_.parts.emplace_back();
        made.slot = slot;
        if (cost_.tape_bytes == 0) {
          made.begin = begin + (end - begin) * part / parts;
          made.end = begin + (end - begin) * (part + 1) / parts;
          made.stride = 1;
          made.buffer = part;
        } else {
          made.begin = begin + part;
          made.end = end;
          made.stride = options_.parts;
          made.buffer = (made.begin - slot_begin_) % options_.parts;
        }
      }
      begin = end;
    }
    micro.parts.end = std::ssize(tiled_.parts);
  }

  // Parts have the number of their buffer within their slot; slots come in order.
  void NumberBuffers() {
    for (TilePart& part : tiled_.parts) {
      if (tiled_.buffers.empty() || tiled_.buffers.back().slot != part.slot) {
        const std::int64_t begin = tiled_.buffers.empty() ? 0 : tiled_.buffers.back().end;
        tiled_.buffers.push_back({part.slot, begin, begin});
      }
      SlotBuffers& of_slot = tiled_.buffers.back();
      part.buffer += of_slot.begin;
      of_slot.end = std::max(of_slot.end, part.buffer + 1);
    }
  }

  const TrainingBatch& batch_;
  const TileOptions& options_;
  TokenCost cost_;
  std::vector<std::int64_t> order_;
  std::vector<std::int64_t> output_begin_;
  std::int64_t slot_begin_ = 0;  // first tile of the slot that is dealt
  TiledBatch tiled_;
};

}  // namespace

TiledBatch MakeTiles(const TrainingBatch& batch, const TileOptions& options, TokenCost cost) {
  return Tiler(batch, options, cost).Make();
}

}  // namespace raie
