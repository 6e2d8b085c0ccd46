#include "training/tiles.h"

#include <algorithm>
#include <numeric>

namespace raie {
namespace {

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
    MakeParts();
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
    const auto items = std::span(rows.items).subspan(begin, length);
    tile.rows.items.insert(tile.rows.items.end(), items.begin(), items.end());
    if (!rows.times.empty()) {
      const auto times = std::span(rows.times).subspan(begin, length);
      tile.rows.times.insert(tile.rows.times.end(), times.begin(), times.end());
    }
    if (!rows.users.empty()) tile.rows.users.push_back(rows.users[row]);
    tile.rows.row_keys.push_back(rows.row_keys[row]);
    tile.rows.offsets.push_back(static_cast<std::int32_t>(tile.rows.items.size()));
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
    const std::int64_t tokens =
        (rows.num_rows() + 1) * cost_.of_row + (rows.num_tokens() + length) * cost_.of_item;
    return rows.num_rows() >= options_.rows || tokens > options_.tokens;
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

  // Deals the tiles of each slot to parts of about equal token counts.
  void MakeParts() {
    const std::vector<Tile>& tiles = tiled_.tiles;
    for (std::int64_t begin = 0; begin < std::ssize(tiles);) {
      std::int64_t end = begin;
      while (end < std::ssize(tiles) && tiles[end].slot == tiles[begin].slot) ++end;
      const std::int64_t parts = std::min(options_.parts, end - begin);
      for (std::int64_t part = 0; part < parts; ++part) {
        tiled_.parts.push_back({tiles[begin].slot, begin + (end - begin) * part / parts,
                                begin + (end - begin) * (part + 1) / parts});
      }
      begin = end;
    }
  }

  const TrainingBatch& batch_;
  const TileOptions& options_;
  TokenCost cost_;
  std::vector<std::int64_t> order_;
  std::vector<std::int64_t> output_begin_;
  TiledBatch tiled_;
};

}  // namespace

TiledBatch MakeTiles(const TrainingBatch& batch, const TileOptions& options, TokenCost cost) {
  return Tiler(batch, options, cost).Make();
}

}  // namespace raie
