#include "data/sequences.h"

#include <algorithm>
#include <string>

#include "raie/error.h"

namespace raie {
namespace {

// Cuts one user's rows [begin, end) into chunks, the newest first.
class Chunker {
 public:
  Chunker(const PreparedData& data, const WindowOptions& options)
      : data_(data), length_(options.context), same_time_(options.same_time) {}

  void Cut(UserId user, std::int64_t begin, std::int64_t end, SequenceSet& set) {
    FindOutputs(begin, end);
    const auto first_chunk = static_cast<std::ptrdiff_t>(set.chunks.size());
    std::int64_t target = end;
    while (target > begin && outputs_[target - 1 - begin] >= begin) {
      SequenceChunk chunk{};
      chunk.user = user;
      chunk.target_end = target;
      chunk.input_end = outputs_[target - 1 - begin] + 1;
      chunk.input_begin = std::max(begin, chunk.input_end - length_);
      while (target > begin && outputs_[target - 1 - begin] >= chunk.input_begin) --target;
      chunk.target_begin = target;
      set.chunks.push_back(chunk);
    }
    std::reverse(set.chunks.begin() + first_chunk, set.chunks.end());
    for (auto chunk = set.chunks.begin() + first_chunk; chunk != set.chunks.end(); ++chunk) {
      chunk->first_position = set.num_targets();
      for (std::int64_t row = chunk->target_begin; row < chunk->target_end; ++row) {
        set.positions.push_back(
            static_cast<std::int32_t>(outputs_[row - begin] - chunk->input_begin));
      }
    }
  }

 private:
  // The row whose output each row is a target of; begin - 1: none.
  void FindOutputs(std::int64_t begin, std::int64_t end) {
    outputs_.clear();
    std::int64_t first_of_time = begin;
    for (std::int64_t row = begin; row < end; ++row) {
      if (data_.times()[row] != data_.times()[first_of_time]) first_of_time = row;
      outputs_.push_back((same_time_ == SameTime::kStrict ? first_of_time : row) - 1);
    }
  }

  const PreparedData& data_;
  std::int64_t length_;
  SameTime same_time_;
  std::vector<std::int64_t> outputs_;
};

}  // namespace

SequenceSet MakeSequences(const PreparedData& data, int slice, const WindowOptions& options,
                          std::span<const std::int64_t> removed) {
  Chunker chunker(data, options);
  SequenceSet set;
  auto next = removed.begin();
  for (std::int32_t index = 0; index < data.num_users(); ++index) {
    const EventRange events = data.SliceEvents(UserId{index}, slice);
    std::int64_t end = events.end;
    next = std::lower_bound(next, removed.end(), events.begin);
    if (next != removed.end() && *next < events.end) {
      end = *next;
      const std::int64_t count = events.end - end;
      const bool at_end = removed.end() - next >= count && *(next + (count - 1)) == events.end - 1;
      if (!at_end) {
        throw Error(ErrorCode::kInternal, "removed events of user row " + std::to_string(index) +
                                              " are not the last of its slice");
      }
    }
    chunker.Cut(UserId{index}, events.begin, end, set);
  }
  return set;
}

}  // namespace raie
