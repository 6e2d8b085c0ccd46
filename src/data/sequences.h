// Which sequences does the backbone train on in S?
//
// Concept: each user's events (without the removed ones) cut into right-aligned chunks of L + 1:
//          at most L inputs, every later event a target. A target reads the output at the last
//          eligible position before it: the event before (order), or the last strictly earlier one
//          (strict: several targets hang on one output). Neighbouring chunks share one event: the
//          last target of one is the first input of the next, so every event that has an eligible
//          event before it is a target exactly once (all but the user's first, in strict all but
//          those of the user's first time stamp).
// Source:  METHOD section 3 ("sequences").
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/prepared_data.h"
#include "data/windows.h"
#include "raie/types.h"

namespace raie {

struct SequenceChunk {
  UserId user;
  std::int64_t input_begin;  // event rows [input_begin, input_end) are the inputs, <= L
  std::int64_t input_end;
  std::int64_t target_begin;  // event rows [target_begin, target_end) are the targets, >= 1
  std::int64_t target_end;
  std::int64_t first_position;  // where the targets' positions begin in SequenceSet::positions

  std::int64_t num_inputs() const { return input_end - input_begin; }
  std::int64_t num_targets() const { return target_end - target_begin; }
};

struct SequenceSet {
  std::vector<SequenceChunk> chunks;    // by user, oldest first
  std::vector<std::int32_t> positions;  // by target: which input (from 0) it reads the output of

  std::int64_t size() const { return static_cast<std::int64_t>(chunks.size()); }
  std::int64_t num_targets() const { return static_cast<std::int64_t>(positions.size()); }
  std::span<const std::int32_t> PositionsOf(const SequenceChunk& chunk) const {
    return std::span(positions).subspan(chunk.first_position, chunk.num_targets());
  }
};

// Returns the sequences of a slice; rows in `removed` (sorted, at the end of their user's slice)
// are neither inputs nor targets.
SequenceSet MakeSequences(const PreparedData& data, int slice, const WindowOptions& options,
                          std::span<const std::int64_t> removed);

}  // namespace raie
