// How is a batch cut into the pieces that run in parallel?
//
// Concept: rows are ordered by slot, then as they came, and cut into tiles of one slot and about
//          `tokens` tokens (by what the backbone says a row costs), so that a tile's activations
//          stay in the cache of a core. The tiles of a slot are dealt to at most `parts` parts; a
//          part is one task with one gradient buffer, and the buffers are added in order. Nothing
//          here depends on the number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "training/batch.h"

namespace raie {

struct TileOptions {
  std::int64_t tokens = 512;
  std::int64_t rows = 64;
  std::int64_t parts = 8;
  std::int64_t tape_bytes = std::int64_t{400} << 20;  // a tile takes a quarter of it at most
};

struct Tile {
  std::int32_t slot = 0;
  WindowBatch rows;
  std::vector<OutputPosition> outputs;  // rows numbered within the tile
  std::int64_t first_output = 0;        // of the batch in tile order
  std::int64_t first_token = 0;
};

// Tiles begin, begin + stride, ... below end, of one slot.
struct TilePart {
  std::int32_t slot;
  std::int64_t begin;
  std::int64_t end;
  std::int64_t stride;
  std::int64_t buffer;  // that their gradient is added to
};

// Ranges of what runs together.
struct MicroBatch {
  struct Range {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t size() const { return end - begin; }
  };
  Range tiles, parts;
  Range outputs, targets;  // in tile order
};

// A slot that has rows, and its gradient buffers.
struct SlotBuffers {
  std::int32_t slot;
  std::int64_t begin;
  std::int64_t end;
};

struct TiledBatch {
  std::vector<Tile> tiles;
  std::vector<MicroBatch> micro_batches;
  std::vector<TilePart> parts;                // of one micro-batch after the other
  std::vector<SlotBuffers> buffers;           // by slot
  std::vector<Target> targets;                // outputs numbered in tile order, sorted by output
  std::vector<std::int64_t> target_in_batch;  // where each stood in the batch
  std::vector<std::int32_t> output_slots;     // [P] in tile order, ascending
  std::vector<std::int64_t> output_in_batch;  // [P]
  std::int64_t num_tokens = 0;
};

TiledBatch MakeTiles(const TrainingBatch& batch, const TileOptions& options, TokenCost cost = {});

}  // namespace raie
