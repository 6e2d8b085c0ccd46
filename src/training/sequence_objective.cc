#include "training/sequence_objective.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"

namespace raie {
namespace {

// Appends the events [begin, end) of `user` as a row without outputs; returns its number.
std::int32_t AppendEvents(const PreparedData& data, UserId user, std::int64_t begin,
                          std::int64_t end, TrainingBatch& batch) {
  WindowBatch& rows = batch.rows;
  const auto row = static_cast<std::int32_t>(rows.num_rows());
  const auto items = data.items();
  const auto times = data.times();
  rows.items.insert(rows.items.end(), items.begin() + begin, items.begin() + end);
  rows.times.insert(rows.times.end(), times.begin() + begin, times.begin() + end);
  rows.offsets.push_back(static_cast<std::int32_t>(rows.items.size()));
  rows.users.push_back(user);
  batch.slots.push_back(0);
  return row;
}

void AppendTarget(TrainingBatch& batch, ItemId item) {
  batch.targets.push_back({static_cast<std::int32_t>(batch.outputs.size()) - 1, item});
}

class NextItemObjective : public SequenceObjective {
 public:
  NextItemObjective(const PreparedData& data, SequenceSet sequences)
      : data_(data), sequences_(std::move(sequences)) {}

  std::int64_t size() const override { return sequences_.size(); }

  void Append(std::int64_t number, std::int64_t /*epoch*/, TrainingBatch& batch) const override {
    const SequenceChunk& chunk = sequences_.chunks[number];
    const std::int32_t row =
        AppendEvents(data_, chunk.user, chunk.input_begin, chunk.input_end, batch);
    batch.rows.row_keys.push_back(static_cast<std::uint32_t>(number));
    std::int32_t last = -1;
    const std::span<const std::int32_t> positions = sequences_.PositionsOf(chunk);
    for (std::size_t t = 0; t < positions.size(); ++t) {
      if (positions[t] != last) batch.outputs.push_back({row, positions[t]});
      last = positions[t];
      AppendTarget(batch, data_.items()[chunk.target_begin + static_cast<std::int64_t>(t)]);
    }
  }

 private:
  const PreparedData& data_;
  SequenceSet sequences_;
};

class WindowObjective : public SequenceObjective {
 public:
  WindowObjective(const PreparedData& data, WindowSet windows, std::int64_t length,
                  std::int64_t catalogue_size)
      : data_(data),
        windows_(std::move(windows)),
        length_(length),
        catalogue_size_(catalogue_size) {}

  std::int64_t size() const override { return windows_.size(); }

  void Append(std::int64_t number, std::int64_t /*epoch*/, TrainingBatch& batch) const override {
    const Window& window = windows_.windows[number];
    std::vector<ItemId> items;
    std::vector<Timestamp> times;
    if (AppendContext(data_, window, length_, catalogue_size_, items, times) == 0) {
      return;
    }
    AppendRow(batch, {.items = items,
                      .times = times,
                      .user = window.user,
                      .target = data_.items()[window.target],
                      .row_key = static_cast<std::uint32_t>(number)});
  }

 private:
  const PreparedData& data_;
  WindowSet windows_;
  std::int64_t length_;
  std::int64_t catalogue_size_;
};

class ClozeObjective : public SequenceObjective {
 public:
  ClozeObjective(const PreparedData& data, SequenceSet sequences, const ClozeSetup& setup)
      : data_(data), sequences_(std::move(sequences)), setup_(setup) {}

  std::int64_t size() const override { return sequences_.size(); }

  void Append(std::int64_t number, std::int64_t epoch, TrainingBatch& batch) const override {
    const SequenceChunk& chunk = sequences_.chunks[number];
    RandomStream random(DeriveSeed(setup_.seed, static_cast<std::uint64_t>(epoch)),
                        static_cast<std::uint64_t>(number));
    const std::int64_t end = chunk.target_end;
    const std::int64_t begin = std::max(chunk.input_begin, end - setup_.length - 1);
    const std::vector<std::int64_t> groups = GroupsOf(begin, end);
    // A row of one time stamp has nothing left to read if its events are masked.
    if (random.Uniform() < setup_.options.last_share || groups.size() == 2) {
      AppendLast(chunk, batch);
    } else {
      AppendMasked(chunk.user, groups, DrawMasks(std::ssize(groups) - 1, random), batch);
    }
    batch.rows.row_keys.push_back(static_cast<std::uint32_t>(number));
  }

 private:
  // Where each group of events that are masked together begins, and `end`.
  std::vector<std::int64_t> GroupsOf(std::int64_t begin, std::int64_t end) const {
    std::vector<std::int64_t> groups;
    for (std::int64_t event = begin; event < end; ++event) {
      const bool joins = setup_.same_time == SameTime::kStrict && event > begin &&
                         data_.times()[event] == data_.times()[event - 1];
      if (!joins) groups.push_back(event);
    }
    groups.push_back(end);
    return groups;
  }

  // At least one group is masked and at least one is not.
  std::vector<bool> DrawMasks(std::int64_t count, RandomStream& random) const {
    std::vector<bool> masked(count);
    std::int64_t total = 0;
    for (std::int64_t group = 0; group < count; ++group) {
      masked[group] = random.Uniform() < setup_.options.mask_share;
      total += masked[group] ? 1 : 0;
    }
    if (total == 0 || total == count) masked[random.Below(count)].flip();
    return masked;
  }

  void AppendMasked(UserId user, const std::vector<std::int64_t>& groups,
                    const std::vector<bool>& masked, TrainingBatch& batch) const {
    const std::int64_t begin = groups.front();
    const std::int32_t row = AppendEvents(data_, user, begin, groups.back(), batch);
    ItemId* const items = batch.rows.items.data() + batch.rows.offsets[row];
    for (std::size_t group = 0; group < masked.size(); ++group) {
      if (!masked[group]) continue;
      for (std::int64_t event = groups[group]; event < groups[group + 1]; ++event) {
        batch.outputs.push_back({row, static_cast<std::int32_t>(event - begin)});
        AppendTarget(batch, items[event - begin]);
        items[event - begin] = kMaskItem;
      }
    }
  }

  // The inputs, and the targets that read the output of the last of them.
  void AppendLast(const SequenceChunk& chunk, TrainingBatch& batch) const {
    const std::int32_t row =
        AppendEvents(data_, chunk.user, chunk.input_begin, chunk.input_end, batch);
    const auto last = static_cast<std::int32_t>(chunk.num_inputs()) - 1;
    batch.outputs.push_back({row, last});
    const std::span<const std::int32_t> positions = sequences_.PositionsOf(chunk);
    for (std::size_t t = 0; t < positions.size(); ++t) {
      if (positions[t] != last) continue;
      AppendTarget(batch, data_.items()[chunk.target_begin + static_cast<std::int64_t>(t)]);
    }
  }

  const PreparedData& data_;
  SequenceSet sequences_;
  ClozeSetup setup_;
};

}  // namespace

std::unique_ptr<SequenceObjective> MakeNextItemObjective(const PreparedData& data,
                                                         SequenceSet sequences) {
  return std::make_unique<NextItemObjective>(data, std::move(sequences));
}

std::unique_ptr<SequenceObjective> MakeWindowObjective(const PreparedData& data, WindowSet windows,
                                                       std::int64_t length,
                                                       std::int64_t catalogue_size) {
  return std::make_unique<WindowObjective>(data, std::move(windows), length, catalogue_size);
}

std::unique_ptr<SequenceObjective> MakeClozeObjective(const PreparedData& data,
                                                      SequenceSet sequences,
                                                      const ClozeSetup& setup) {
  return std::make_unique<ClozeObjective>(data, std::move(sequences), setup);
}

}  // namespace raie
