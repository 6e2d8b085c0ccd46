// What rows of S ask for: the masks of cloze, its last case, and what is never used.
#include "training/sequence_objective.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "data/log_fixture.h"
#include "data/prepare.h"

namespace raie {
namespace {

using testing::LogEvent;
using testing::TemporaryFolder;

constexpr std::int64_t kLength = 8;

// Users of 5 to 60 events; about a third share the time stamp of the event before.
InteractionLog BasketUsers() {
  std::vector<LogEvent> events;
  RandomStream random(3, 0);
  for (int user = 0; user < 60; ++user) {
    std::int64_t time = static_cast<std::int64_t>(random.Below(100));
    const int count = 5 + static_cast<int>(random.Below(56));
    for (int i = 0; i < count; ++i) {
      if (random.Uniform() > 0.33) time += 1 + static_cast<std::int64_t>(random.Below(50));
      events.push_back({"u" + std::to_string(user), "i" + std::to_string(random.Below(200)), time});
    }
  }
  return testing::MakeLog(events, testing::Ratings::kNone);
}

class ObjectiveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    TaskPool pool(1);
    PrepareData(BasketUsers(), {.k_core = 0, .context = kLength, .min_context = 1},
                folder_ / "data", pool);
    data_ = std::make_unique<PreparedData>(PreparedData::Load(folder_ / "data"));
    windows_ = WindowOptionsOf(*data_);
  }

  SequenceSet Sequences(SameTime same_time) {
    windows_.same_time = same_time;
    setup_ = MakeSetupWindows(*data_, 0, windows_);
    return MakeSequences(*data_, 0, windows_, setup_.removed_events);
  }

  std::unique_ptr<SequenceObjective> Cloze(const ClozeOptions& options, SameTime same_time) {
    return MakeClozeObjective(
        *data_, Sequences(same_time),
        {.options = options, .length = kLength, .same_time = same_time, .seed = 5});
  }

  static TrainingBatch Epoch(const SequenceObjective& objective, std::int64_t epoch) {
    TrainingBatch batch;
    for (std::int64_t row = 0; row < objective.size(); ++row) objective.Append(row, epoch, batch);
    return batch;
  }

  // The row's events in the data, found by its user and times.
  std::int64_t FirstEvent(const TrainingBatch& batch, std::int64_t row,
                          const SequenceSet& sequences) const {
    const SequenceChunk& chunk = sequences.chunks[batch.rows.row_keys[row]];
    const std::int64_t length = batch.rows.offsets[row + 1] - batch.rows.offsets[row];
    return IsMasked(batch, row) ? chunk.target_end - length : chunk.input_begin;
  }

  static bool IsMasked(const TrainingBatch& batch, std::int64_t row) {
    return std::find(batch.rows.items.begin() + batch.rows.offsets[row],
                     batch.rows.items.begin() + batch.rows.offsets[row + 1],
                     kMaskItem) != batch.rows.items.begin() + batch.rows.offsets[row + 1];
  }

  TemporaryFolder folder_;
  std::unique_ptr<PreparedData> data_;
  WindowOptions windows_;
  SetupWindows setup_;
};

TEST_F(ObjectiveTest, TheShareOfMaskedEventsIsTheOneAskedFor) {
  for (const double share : {0.2, 0.5}) {
    const auto objective = Cloze({.mask_share = share, .last_share = 0}, SameTime::kOrder);
    double masked = 0, expected = 0, all = 0;
    for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
      const TrainingBatch batch = Epoch(*objective, epoch);
      for (std::int64_t row = 0; row < batch.rows.num_rows(); ++row) {
        const auto n = static_cast<double>(batch.rows.offsets[row + 1] - batch.rows.offsets[row]);
        all += n;
        // None or all masked: one is flipped.
        expected += n * share + std::pow(1 - share, n) - std::pow(share, n);
      }
      masked += static_cast<double>(
          std::count(batch.rows.items.begin(), batch.rows.items.end(), kMaskItem));
      EXPECT_EQ(batch.targets.size(), batch.outputs.size());
    }
    EXPECT_NEAR(masked / all, expected / all, 0.02) << share;
  }
}

TEST_F(ObjectiveTest, EveryMaskAsksForTheEventItHides) {
  for (const SameTime same_time : {SameTime::kOrder, SameTime::kStrict}) {
    const auto objective = Cloze({.mask_share = 0.3, .last_share = 0.3}, same_time);
    const SequenceSet sequences = Sequences(same_time);
    const TrainingBatch batch = Epoch(*objective, 0);
    CheckBatch(batch, {.num_items = data_->num_items(),
                       .catalogue_size = data_->catalogue_size(0),
                       .num_slots = 1});
    std::set<std::pair<std::int32_t, std::int32_t>> asked;
    for (const Target& target : batch.targets) {
      const OutputPosition& output = batch.outputs[target.output];
      asked.insert({output.row, output.position});
      if (!IsMasked(batch, output.row)) continue;
      const std::int32_t token = batch.rows.offsets[output.row] + output.position;
      EXPECT_EQ(batch.rows.items[token], kMaskItem);
      const std::int64_t event = FirstEvent(batch, output.row, sequences) + output.position;
      EXPECT_EQ(target.item, data_->items()[event]);
    }
    for (std::int32_t row = 0; row < batch.rows.num_rows(); ++row) {
      const std::int32_t length = batch.rows.offsets[row + 1] - batch.rows.offsets[row];
      EXPECT_LE(length, kLength + (IsMasked(batch, row) ? 1 : 0));
      std::int32_t masks = 0;
      for (std::int32_t p = 0; p < length; ++p) {
        const std::int32_t token = batch.rows.offsets[row] + p;
        const bool masked = batch.rows.items[token] == kMaskItem;
        masks += masked ? 1 : 0;
        if (masked) {
          EXPECT_TRUE(asked.count({row, p}) == 1);
        } else {
          EXPECT_EQ(batch.rows.items[token], data_->items()[FirstEvent(batch, row, sequences) + p]);
        }
      }
      if (IsMasked(batch, row)) {
        EXPECT_LT(masks, length);
      }
    }
  }
}

TEST_F(ObjectiveTest, TheLastCaseIsWhatAWindowAsks) {
  for (const SameTime same_time : {SameTime::kOrder, SameTime::kStrict}) {
    const auto objective = Cloze({.mask_share = 0.3, .last_share = 1}, same_time);
    const SequenceSet sequences = Sequences(same_time);
    const TrainingBatch batch = Epoch(*objective, 0);
    ASSERT_EQ(std::ssize(batch.outputs), objective->size());
    for (const Target& target : batch.targets) {
      const OutputPosition& output = batch.outputs[target.output];
      const std::int64_t last = batch.rows.offsets[output.row + 1] - 1;
      EXPECT_EQ(batch.rows.offsets[output.row] + output.position, last);
    }
    std::size_t t = 0;
    for (std::int64_t row = 0; row < objective->size(); ++row) {
      const SequenceChunk& chunk = sequences.chunks[row];
      EXPECT_FALSE(IsMasked(batch, row));
      // The chunk's last event and, if its time is no order, those of its time stamp.
      std::int64_t first = chunk.target_end - 1;
      while (same_time == SameTime::kStrict && first > chunk.target_begin &&
             data_->times()[first - 1] == data_->times()[first]) {
        --first;
      }
      for (std::int64_t event = first; event < chunk.target_end; ++event, ++t) {
        ASSERT_LT(t, batch.targets.size());
        EXPECT_EQ(batch.targets[t].item, data_->items()[event]);
        EXPECT_EQ(batch.targets[t].output, row);
      }
    }
    EXPECT_EQ(t, batch.targets.size());
  }
}

TEST_F(ObjectiveTest, TheShareOfLastCasesIsTheOneAskedFor) {
  const auto objective = Cloze({.mask_share = 0.3, .last_share = 0.25}, SameTime::kOrder);
  double last = 0, all = 0;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    const TrainingBatch batch = Epoch(*objective, epoch);
    for (std::int64_t row = 0; row < batch.rows.num_rows(); ++row) {
      last += IsMasked(batch, row) ? 0 : 1;
      all += 1;
    }
  }
  EXPECT_NEAR(last / all, 0.25, 0.03);
}

TEST_F(ObjectiveTest, EventsOfOneTimeAreMaskedTogether) {
  const auto objective = Cloze({.mask_share = 0.4, .last_share = 0}, SameTime::kStrict);
  const TrainingBatch batch = Epoch(*objective, 2);
  std::int64_t shared = 0;
  for (std::int64_t row = 0; row < batch.rows.num_rows(); ++row) {
    for (std::int32_t t = batch.rows.offsets[row] + 1; t < batch.rows.offsets[row + 1]; ++t) {
      if (batch.rows.times[t] != batch.rows.times[t - 1]) continue;
      ++shared;
      EXPECT_EQ(batch.rows.items[t] == kMaskItem, batch.rows.items[t - 1] == kMaskItem);
    }
  }
  EXPECT_GT(shared, 50);
}

// The events of validation and held-out targets are not there, masked or seen.
TEST_F(ObjectiveTest, HeldOutEventsAreNeverUsed) {
  for (const SameTime same_time : {SameTime::kOrder, SameTime::kStrict}) {
    const auto objective = Cloze({.mask_share = 0.4, .last_share = 0.3}, same_time);
    const SequenceSet sequences = Sequences(same_time);
    ASSERT_GT(setup_.removed_events.size(), 20u);
    std::vector<std::int64_t> used(data_->items().size());
    for (std::int64_t epoch = 0; epoch < 10; ++epoch) {
      const TrainingBatch batch = Epoch(*objective, epoch);
      for (std::int64_t row = 0; row < batch.rows.num_rows(); ++row) {
        const std::int64_t first = FirstEvent(batch, row, sequences);
        const SequenceChunk& chunk = sequences.chunks[batch.rows.row_keys[row]];
        const std::int64_t end = std::max<std::int64_t>(
            chunk.target_end, first + batch.rows.offsets[row + 1] - batch.rows.offsets[row]);
        for (std::int64_t event = first; event < end; ++event) ++used[event];
      }
    }
    for (const std::int64_t event : setup_.removed_events) EXPECT_EQ(used[event], 0);
    for (const Window& window : setup_.held_out.windows) EXPECT_EQ(used[window.target], 0);
    EXPECT_GT(std::count_if(used.begin(), used.end(), [](std::int64_t n) { return n > 0; }), 300);
  }
}

TEST_F(ObjectiveTest, MasksAreAFunctionOfSeedEpochAndRow) {
  const auto objective = Cloze({}, SameTime::kOrder);
  const auto again = Cloze({}, SameTime::kOrder);
  const TrainingBatch first = Epoch(*objective, 3);
  EXPECT_EQ(first.rows.items, Epoch(*again, 3).rows.items);
  EXPECT_NE(first.rows.items, Epoch(*objective, 4).rows.items);
  // Row by row, whatever was appended before it.
  for (const std::int64_t row : {7, 2, 11}) {
    TrainingBatch one;
    objective->Append(row, 3, one);
    const auto begin = first.rows.items.begin() + first.rows.offsets[row];
    EXPECT_TRUE(std::equal(one.rows.items.begin(), one.rows.items.end(), begin));
  }
}

TEST_F(ObjectiveTest, NextItemAsksForEveryEventWithOneBefore) {
  for (const SameTime same_time : {SameTime::kOrder, SameTime::kStrict}) {
    const SequenceSet sequences = Sequences(same_time);
    const auto objective = MakeNextItemObjective(*data_, sequences);
    const TrainingBatch batch = Epoch(*objective, 0);
    EXPECT_EQ(std::ssize(batch.targets), sequences.num_targets());
    std::size_t t = 0;
    for (std::int64_t row = 0; row < objective->size(); ++row) {
      const SequenceChunk& chunk = sequences.chunks[row];
      for (std::int64_t event = chunk.target_begin; event < chunk.target_end; ++event, ++t) {
        const OutputPosition& output = batch.outputs[batch.targets[t].output];
        EXPECT_EQ(batch.targets[t].item, data_->items()[event]);
        EXPECT_EQ(output.row, row);
        const std::int64_t read = chunk.input_begin + output.position;
        EXPECT_LT(read, event);
        if (same_time == SameTime::kStrict) {
          EXPECT_LT(data_->times()[read], data_->times()[event]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace raie
