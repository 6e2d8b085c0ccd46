#include "training/step.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "raie/error.h"
#include "training/toy_backbone.h"

namespace raie {
namespace {

using testing::RandomRows;
using testing::ToyBackbone;

constexpr std::int64_t kStepDim = 5;
constexpr std::int64_t kStepItems = 40;
constexpr std::int64_t kStepCatalogue = 36;
constexpr int kSlots = 3;

// Rows of several lengths, outputs and targets; some outputs carry several targets.
TrainingBatch RandomBatch(std::uint64_t seed, int num_rows) {
  RandomStream random(seed, 3);
  TrainingBatch batch;
  for (int row = 0; row < num_rows; ++row) {
    const auto length = static_cast<std::int32_t>(1 + random.Below(8));
    for (std::int32_t i = 0; i < length; ++i) {
      batch.rows.items.push_back(ItemId{static_cast<std::int32_t>(random.Below(kStepItems))});
    }
    batch.rows.offsets.push_back(static_cast<std::int32_t>(batch.rows.items.size()));
    batch.rows.row_keys.push_back(static_cast<std::uint32_t>(1000 * seed + row));
    batch.slots.push_back(static_cast<std::int32_t>(random.Below(kSlots)));
    for (std::int32_t position = 0; position < length; ++position) {
      if (random.Uniform() < 0.5) continue;
      batch.outputs.push_back({row, position});
      for (std::uint64_t t = 0; t < 1 + random.Below(3); ++t) {
        batch.targets.push_back({static_cast<std::int32_t>(batch.outputs.size()) - 1,
                                 ItemId{static_cast<std::int32_t>(random.Below(kStepCatalogue))},
                                 static_cast<float>(0.2 + random.Uniform())});
      }
    }
  }
  return batch;
}

// The rows of one slot, in their order.
TrainingBatch RowsOfSlot(const TrainingBatch& batch, std::int32_t slot) {
  TrainingBatch part;
  std::int32_t row_of = -1;
  std::int32_t last_row = -1;
  std::int32_t last_output = -1;
  for (const Target& target : batch.targets) {
    const OutputPosition output = batch.outputs[target.output];
    if (batch.slots[output.row] != slot) continue;
    if (output.row != last_row) {
      const auto begin = batch.rows.items.begin() + batch.rows.offsets[output.row];
      const auto end = batch.rows.items.begin() + batch.rows.offsets[output.row + 1];
      part.rows.items.insert(part.rows.items.end(), begin, end);
      part.rows.offsets.push_back(static_cast<std::int32_t>(part.rows.items.size()));
      part.rows.row_keys.push_back(batch.rows.row_keys[output.row]);
      part.slots.push_back(slot);
      last_row = output.row;
      ++row_of;
    }
    if (target.output != last_output) part.outputs.push_back({row_of, output.position});
    last_output = target.output;
    part.targets.push_back(
        {static_cast<std::int32_t>(part.outputs.size()) - 1, target.item, target.weight});
  }
  return part;
}

enum class Rows { kFrozen, kShared, kListed, kOwn };

// A backbone, its items and three adapters with their optimisers.
struct Model {
  ToyBackbone backbone{kStepDim, 0.3f, 2};
  ItemTable items{kStepDim, RandomRows(kStepItems, kStepDim, 3)};
  std::vector<Adapter> adapters;
  std::vector<AdamState> states;
  AdamState backbone_state{kStepDim * kStepDim + kStepDim};
  TrainedRows shared;
  std::vector<TrainedRows> own;
  Rows rows;

  explicit Model(Rows which, double anchor = 0) : rows(which) {
    for (int slot = 0; slot < kSlots; ++slot) {
      adapters.push_back(
          Adapter::Make(backbone.linear_maps(), {.rank = 2, .alpha = 4, .maps = {"q"}}, 7 + slot));
      RandomStream random(50 + slot, 0);
      for (float& value : adapters.back().values()) {
        value = static_cast<float>(0.4 * random.Normal());
      }
      states.emplace_back(std::ssize(adapters.back().values()));
    }
    if (which == Rows::kShared) shared = TrainAllRows(items, kStepCatalogue);
    if (which == Rows::kListed) shared = TrainListedRows(items, {1, 4, 5, 20}, anchor);
    for (int slot = 0; slot < kSlots && which == Rows::kOwn; ++slot) {
      own.push_back(TrainOwnRows(items, RegionId{slot}, {2, 3, 7, 11 + slot, 30}, anchor));
      for (float& value : items.OwnRows(RegionId{slot})->rows_nD) value *= 1.1f;
    }
  }

  TrainedParts AdapterParts() {
    TrainedParts parts{.items = &items, .catalogue_size = kStepCatalogue};
    if (rows == Rows::kShared || rows == Rows::kListed) parts.shared_rows = &shared;
    for (int slot = 0; slot < kSlots; ++slot) {
      parts.slots.push_back({.adapter = &adapters[slot],
                             .state = &states[slot],
                             .region = RegionId{slot},
                             .own_rows = rows == Rows::kOwn ? &own[slot] : nullptr});
    }
    return parts;
  }
  TrainedParts FullParts() {
    return {.items = &items,
            .catalogue_size = kStepCatalogue,
            .backbone = &backbone_state,
            .shared_rows = &shared,
            .slots = {TrainedSlot()}};
  }
};

// Nothing moves, and the first moments after the first step are (1 - beta1) times the gradients.
StepOptions Still(const LossOptions& loss = {}) {
  return {.adam = {.learning_rate = 0},
          .loss = loss,
          .tiles = {.tokens = 12, .rows = 3, .parts = 2},
          .seed = 9};
}
std::vector<double> Gradient(const AdamState& state) {
  std::vector<double> gradient;
  for (const float m : state.m) gradient.push_back(m / 0.1);
  return gradient;
}

void ExpectFiniteDifferences(std::span<float> values, std::span<const double> gradient,
                             const std::function<double()>& loss) {
  ASSERT_EQ(values.size(), gradient.size());
  for (std::size_t i = 0; i < values.size(); i += 1 + values.size() / 40) {
    const float value = values[i];
    values[i] = value + 1e-2f;
    const double up = loss();
    values[i] = value - 1e-2f;
    const double down = loss();
    values[i] = value;
    EXPECT_NEAR(gradient[i], (up - down) / 2e-2, 2e-3 * (1 + std::abs(gradient[i]))) << i;
  }
}

TEST(StepGradients, OfBackboneAndRowsEqualFiniteDifferences) {
  TaskPool pool(1);
  for (const LossOptions& loss :
       {LossOptions{}, LossOptions{.kind = LossKind::kGbce, .negatives = 3}}) {
    TrainingBatch batch = RandomBatch(1, 12);
    batch.slots.clear();
    const auto run = [&](Model& model) {
      return StepEngine(model.backbone, Still(loss), pool).Step(batch, 4, model.FullParts()).loss;
    };
    Model model(Rows::kShared);
    run(model);
    const auto again = [&] {
      Model fresh(Rows::kShared);
      std::copy(model.backbone.parameters().begin(), model.backbone.parameters().end(),
                fresh.backbone.parameters().begin());
      fresh.items = model.items;
      return run(fresh);
    };
    ExpectFiniteDifferences(model.backbone.parameters(), Gradient(model.backbone_state), again);
    ExpectFiniteDifferences(model.items.base_ND().first(kStepCatalogue * kStepDim),
                            Gradient(model.shared.state), again);
  }
}

TEST(StepGradients, AdaptersTakeTheirSlotsMeanAndSharedRowsTheBatchs) {
  TaskPool pool(1);
  const TrainingBatch batch = RandomBatch(2, 20);
  Model model(Rows::kShared);
  const auto run = [&] {
    Model fresh(Rows::kShared);
    fresh.items = model.items;
    fresh.adapters = model.adapters;
    return StepEngine(fresh.backbone, Still(), pool).Step(batch, 4, fresh.AdapterParts());
  };
  StepEngine(model.backbone, Still(), pool).Step(batch, 4, model.AdapterParts());
  for (int slot = 0; slot < kSlots; ++slot) {
    SCOPED_TRACE(slot);
    ExpectFiniteDifferences(model.adapters[slot].values(), Gradient(model.states[slot]),
                            [&] { return run().slot_loss[slot]; });
  }
  ExpectFiniteDifferences(model.items.base_ND().first(kStepCatalogue * kStepDim),
                          Gradient(model.shared.state), [&] { return run().loss; });
}

TEST(StepGradients, OwnRowsTakeTheirSlotsMeanAndTheAnchor) {
  TaskPool pool(1);
  const TrainingBatch batch = RandomBatch(3, 20);
  Model model(Rows::kOwn, 0.05);
  StepEngine(model.backbone, Still(), pool).Step(batch, 4, model.AdapterParts());
  for (int slot = 0; slot < kSlots; ++slot) {
    SCOPED_TRACE(slot);
    std::vector<float>& rows = model.items.OwnRows(RegionId{slot})->rows_nD;
    ExpectFiniteDifferences(rows, Gradient(model.own[slot].state), [&] {
      Model fresh(Rows::kOwn, 0.05);
      fresh.items = model.items;
      double loss = StepEngine(fresh.backbone, Still(), pool)
                        .Step(batch, 4, fresh.AdapterParts())
                        .slot_loss[slot];
      for (std::size_t i = 0; i < rows.size(); ++i) {
        loss += 0.05 * std::pow(rows[i] - model.own[slot].start_rows_nD[i], 2);
      }
      return loss;
    });
  }
}

StepOptions Moving() {
  StepOptions options = Still();
  options.adam = {.learning_rate = 0.02, .weight_decay = 0.1, .warmup_steps = 3, .clip = 0.05};
  return options;
}

TEST(MixedPass, EqualsSeparateTrainingOnTheSameBatches) {
  TaskPool pool(2);
  for (const Rows rows : {Rows::kFrozen, Rows::kOwn}) {
    Model mixed(rows);
    StepEngine engine(mixed.backbone, Moving(), pool);
    for (std::uint64_t step = 0; step < 5; ++step) {
      engine.Step(RandomBatch(step, 24), step, mixed.AdapterParts());
    }
    for (int slot = 0; slot < kSlots; ++slot) {
      Model alone(rows);
      StepEngine separate(alone.backbone, Moving(), pool);
      for (std::uint64_t step = 0; step < 5; ++step) {
        separate.Step(RowsOfSlot(RandomBatch(step, 24), slot), step, alone.AdapterParts());
      }
      const auto a = mixed.adapters[slot].values();
      const auto b = alone.adapters[slot].values();
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin()));
      EXPECT_EQ(mixed.states[slot].m, alone.states[slot].m);
      if (rows == Rows::kOwn) {
        EXPECT_EQ(mixed.items.OwnRows(RegionId{slot})->rows_nD,
                  alone.items.OwnRows(RegionId{slot})->rows_nD);
      }
      for (int other = 0; other < kSlots; ++other) {
        EXPECT_EQ(alone.states[other].steps > 0, other == slot);
      }
    }
  }
}

TEST(MixedPass, ASlotWithoutRowsDoesNotMove) {
  TaskPool pool(1);
  Model model(Rows::kOwn);
  const Model before(Rows::kOwn);
  StepEngine engine(model.backbone, Moving(), pool);
  engine.Step(RowsOfSlot(RandomBatch(1, 20), 1), 0, model.AdapterParts());
  for (int slot = 0; slot < kSlots; ++slot) {
    const auto a = model.adapters[slot].values();
    const auto b = before.adapters[slot].values();
    EXPECT_EQ(std::equal(a.begin(), a.end(), b.begin()), slot != 1);
    EXPECT_EQ(model.states[slot].steps, slot == 1 ? 1 : 0);
    EXPECT_EQ(model.own[slot].state.steps, slot == 1 ? 1 : 0);
  }
}

TEST(MixedPass, ListedRowsMoveAndNoOthers) {
  TaskPool pool(1);
  Model model(Rows::kListed, 1e-4);
  const Model before(Rows::kListed, 1e-4);
  StepEngine engine(model.backbone, Moving(), pool);
  engine.Step(RandomBatch(1, 20), 0, model.AdapterParts());
  for (std::int64_t item = 0; item < kStepItems; ++item) {
    const bool listed = item == 1 || item == 4 || item == 5 || item == 20;
    EXPECT_EQ(model.items.base_ND()[item * kStepDim] != before.items.base_ND()[item * kStepDim],
              listed);
  }
}

TEST(MixedPass, PenaltySeesTheGradientsOfThoseThatMove) {
  TaskPool pool(1);
  Model model(Rows::kFrozen);
  StepEngine engine(model.backbone, Still(), pool);
  std::vector<std::int32_t> seen;
  engine.SetPenalty([&](std::span<const SlotGradient> gradients) {
    for (const SlotGradient& gradient : gradients) {
      seen.push_back(gradient.slot);
      gradient.gradient[0] += 100;
    }
  });
  engine.Step(RandomBatch(1, 20), 0, model.AdapterParts());
  EXPECT_EQ(seen, (std::vector<std::int32_t>{0, 1, 2}));
  for (const AdamState& state : model.states) EXPECT_NEAR(state.m[0] / 0.1, 100, 20);
}

TEST(StepThreads, SameBytesForAnyNumber) {
  std::vector<std::vector<float>> parameters, rows, adapters;
  for (const int threads : {1, 2, 5}) {
    TaskPool pool(threads);
    Model full(Rows::kShared);
    Model adapted(Rows::kShared);
    StepEngine full_engine(full.backbone, Moving(), pool);
    StepEngine adapter_engine(adapted.backbone, Moving(), pool);
    for (std::uint64_t step = 0; step < 4; ++step) {
      TrainingBatch batch = RandomBatch(step, 40);
      adapter_engine.Step(batch, step, adapted.AdapterParts());
      batch.slots.clear();
      full_engine.Step(batch, step, full.FullParts());
    }
    parameters.emplace_back(full.backbone.parameters().begin(), full.backbone.parameters().end());
    rows.emplace_back(full.items.base_ND().begin(), full.items.base_ND().end());
    adapters.emplace_back(adapted.adapters[1].values().begin(), adapted.adapters[1].values().end());
  }
  for (int i = 1; i < 3; ++i) {
    EXPECT_EQ(parameters[0], parameters[i]);
    EXPECT_EQ(rows[0], rows[i]);
    EXPECT_EQ(adapters[0], adapters[i]);
  }
}

// A step whose tapes are kept together, and one that keeps few of them at a time.
std::pair<Model, Model> InOneAndInMany(Rows rows, const LossOptions& loss, int threads = 2) {
  TaskPool pool(threads);
  const TrainingBatch batch = RandomBatch(4, 60);
  const auto run = [&](Model& model, std::int64_t tape_bytes) {
    model.backbone.SetTapeBytes(1);
    StepOptions options = Still(loss);
    options.tiles.tape_bytes = tape_bytes;
    StepEngine(model.backbone, options, pool).Step(batch, 4, model.AdapterParts());
  };
  std::pair<Model, Model> models{Model(rows), Model(rows)};
  run(models.first, 1 << 20);
  run(models.second, 48);  // four tiles of twelve tokens
  return models;
}

TEST(StepMicroBatches, HoldFewTapesAndGiveTheSameGradients) {
  for (const LossOptions& loss :
       {LossOptions{}, LossOptions{.kind = LossKind::kGbce, .negatives = 3}}) {
    for (const Rows rows : {Rows::kFrozen, Rows::kShared, Rows::kListed, Rows::kOwn}) {
      const auto [one, many] = InOneAndInMany(rows, loss);
      EXPECT_GT(one.backbone.most_tapes(), 10);
      EXPECT_LT(2 * many.backbone.most_tapes(), one.backbone.most_tapes());
      const auto expect_near = [](const AdamState& a, const AdamState& b) {
        ASSERT_EQ(a.m.size(), b.m.size());
        for (std::size_t i = 0; i < a.m.size(); ++i) {
          ASSERT_NEAR(a.m[i], b.m[i], 2e-6 * (1 + std::abs(a.m[i]))) << i;
        }
      };
      for (int slot = 0; slot < kSlots; ++slot) {
        // Sums of adapters do not depend on where micro-batches end.
        EXPECT_EQ(one.states[slot].m, many.states[slot].m);
        if (rows == Rows::kOwn) expect_near(one.own[slot].state, many.own[slot].state);
      }
      if (rows == Rows::kShared || rows == Rows::kListed) {
        expect_near(one.shared.state, many.shared.state);
      }
    }
  }
}

TEST(StepMicroBatchesThreads, SameBytesForAnyNumber) {
  for (const Rows rows : {Rows::kShared, Rows::kOwn}) {
    const Model one = InOneAndInMany(rows, {}, 1).second;
    for (const int threads : {2, 5}) {
      const Model other = InOneAndInMany(rows, {}, threads).second;
      for (int slot = 0; slot < kSlots; ++slot) {
        EXPECT_EQ(one.states[slot].m, other.states[slot].m);
        if (rows != Rows::kOwn) continue;
        EXPECT_EQ(one.own[slot].state.m, other.own[slot].state.m);
      }
      EXPECT_EQ(one.shared.state.m, other.shared.state.m);
    }
  }
}

TEST(StepErrors, NameWhatDoesNotFit) {
  TaskPool pool(1);
  Model model(Rows::kFrozen);
  StepEngine engine(model.backbone, Still(), pool);
  const auto refuses = [&](const std::function<void(TrainingBatch&)>& damage) {
    TrainingBatch batch = RandomBatch(1, 6);
    damage(batch);
    EXPECT_THROW(engine.Step(batch, 0, model.AdapterParts()), Error);
  };
  refuses([](TrainingBatch& b) { b.slots[2] = kSlots; });
  refuses([](TrainingBatch& b) { b.targets[0].item = ItemId{kStepCatalogue}; });
  refuses([](TrainingBatch& b) { b.rows.items[0] = ItemId{kStepItems}; });
  refuses([](TrainingBatch& b) { b.targets[0].output = 10000; });
  refuses([](TrainingBatch& b) { std::swap(b.outputs[0], b.outputs[1]); });
  refuses([](TrainingBatch& b) { b.targets[1].weight = -1; });
  refuses([](TrainingBatch& b) { b.rows.row_keys.pop_back(); });
  refuses([](TrainingBatch& b) { b.rows.offsets.push_back(b.rows.offsets.back()); });
}

// Every tile is in one part of its micro-batch; slots have so many buffers of their own at most.
void ExpectTilesAreDealtOnce(const TiledBatch& tiled, std::int64_t most_buffers) {
  MicroBatch before;
  std::int64_t next_buffer = 0;
  std::map<std::int32_t, SlotBuffers> buffers;
  for (const SlotBuffers& of_slot : tiled.buffers) {
    EXPECT_EQ(of_slot.begin, next_buffer);
    EXPECT_LE(of_slot.end - of_slot.begin, most_buffers);
    next_buffer = of_slot.end;
    EXPECT_TRUE(buffers.emplace(of_slot.slot, of_slot).second);
  }
  for (const MicroBatch& micro : tiled.micro_batches) {
    EXPECT_EQ(micro.tiles.begin, before.tiles.end);
    EXPECT_EQ(micro.parts.begin, before.parts.end);
    EXPECT_EQ(micro.outputs.begin, before.outputs.end);
    EXPECT_EQ(micro.targets.begin, before.targets.end);
    std::set<std::int64_t> dealt, used;
    for (std::int64_t p = micro.parts.begin; p < micro.parts.end; ++p) {
      const TilePart& part = tiled.parts[p];
      EXPECT_TRUE(used.insert(part.buffer).second) << "two tasks of one buffer";
      EXPECT_GE(part.buffer, buffers.at(part.slot).begin);
      EXPECT_LT(part.buffer, buffers.at(part.slot).end);
      EXPECT_LT(part.begin, part.end);
      for (std::int64_t t = part.begin; t < part.end; t += part.stride) {
        EXPECT_TRUE(dealt.insert(t).second);
        EXPECT_EQ(tiled.tiles[t].slot, part.slot);
      }
    }
    EXPECT_EQ(std::ssize(dealt), micro.tiles.size());
    for (std::int64_t t = micro.targets.begin; t < micro.targets.end; ++t) {
      EXPECT_GE(tiled.targets[t].output, micro.outputs.begin);
      EXPECT_LT(tiled.targets[t].output, micro.outputs.end);
    }
    before = micro;
  }
  EXPECT_EQ(before.tiles.end, std::ssize(tiled.tiles));
  EXPECT_EQ(before.parts.end, std::ssize(tiled.parts));
  EXPECT_EQ(before.targets.end, std::ssize(tiled.targets));
  EXPECT_EQ(before.outputs.end, std::ssize(tiled.output_slots));
}

TEST(Tiles, CoverTheBatchOnceAndKeepItsOrder) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const TrainingBatch batch = RandomBatch(seed, 1 + static_cast<int>(seed) * 4);
    const TiledBatch tiled = MakeTiles(batch, {.tokens = 20, .rows = 5, .parts = 3});
    std::set<std::int64_t> outputs(tiled.output_in_batch.begin(), tiled.output_in_batch.end());
    std::set<std::int64_t> targets(tiled.target_in_batch.begin(), tiled.target_in_batch.end());
    EXPECT_EQ(outputs.size(), batch.outputs.size());
    EXPECT_EQ(targets.size(), batch.targets.size());
    EXPECT_TRUE(std::is_sorted(tiled.output_slots.begin(), tiled.output_slots.end()));
    std::int64_t next_output = 0, next_token = 0;
    for (const Tile& tile : tiled.tiles) {
      EXPECT_EQ(tile.first_output, next_output);
      EXPECT_EQ(tile.first_token, next_token);
      EXPECT_LE(tile.rows.num_rows(), 5);
      EXPECT_LE(tile.rows.num_tokens(), 20);
      for (std::size_t p = 0; p < tile.outputs.size(); ++p) {
        const OutputPosition& original = batch.outputs[tiled.output_in_batch[next_output]];
        EXPECT_EQ(tile.outputs[p].position, original.position);
        EXPECT_EQ(tile.rows.row_keys[tile.outputs[p].row], batch.rows.row_keys[original.row]);
        EXPECT_EQ(tile.slot, batch.slots[original.row]);
        ++next_output;
      }
      next_token += tile.rows.num_tokens();
    }
    EXPECT_EQ(next_token, tiled.num_tokens);
    EXPECT_EQ(tiled.micro_batches.size(), 1u);
    ExpectTilesAreDealtOnce(tiled, 3);
    for (std::size_t t = 0; t < tiled.targets.size(); ++t) {
      const Target& original = batch.targets[tiled.target_in_batch[t]];
      EXPECT_EQ(tiled.targets[t].item, original.item);
      EXPECT_EQ(tiled.output_in_batch[tiled.targets[t].output], original.output);
    }
  }
}

TEST(Tiles, MicroBatchesHoldNoMoreTapeThanTheyMay) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    const TrainingBatch batch = RandomBatch(seed, 1 + static_cast<int>(seed) * 4);
    const TileOptions options{.tokens = 20, .rows = 5, .parts = 3, .tape_bytes = 600};
    const TiledBatch tiled = MakeTiles(batch, options, {.tape_bytes = 10});
    ExpectTilesAreDealtOnce(tiled, 3);
    for (const MicroBatch& micro : tiled.micro_batches) {
      std::int64_t bytes = 0;
      for (std::int64_t t = micro.tiles.begin; t < micro.tiles.end; ++t) {
        const WindowBatch& rows = tiled.tiles[t].rows;
        bytes += 10 * rows.num_tokens();
        if (rows.num_rows() == 1) continue;
        EXPECT_LE(rows.num_tokens(), 15) << "a quarter of 600 bytes";
      }
      EXPECT_LE(bytes, 600);
    }
    EXPECT_EQ(tiled.micro_batches.size() > 1, tiled.num_tokens > 60) << tiled.num_tokens;
  }
}

TEST(Tiles, CountWhatTheBackboneSaysARowCosts) {
  const TrainingBatch batch = RandomBatch(1, 40);
  const TiledBatch plain = MakeTiles(batch, {.tokens = 60});
  const TiledBatch dear = MakeTiles(batch, {.tokens = 60}, {.of_row = 20, .of_item = 2});
  EXPECT_GT(dear.tiles.size(), plain.tiles.size());
  for (const Tile& tile : dear.tiles) {
    if (tile.rows.num_rows() == 1) continue;  // a row alone may cost more
    EXPECT_LE(tile.rows.num_rows() * 20 + tile.rows.num_tokens() * 2, 60);
  }
}

TEST(Optimiser, EqualsTheSlowTwin) {
  TaskPool pool(2);
  const AdamOptions options{
      .learning_rate = 0.03, .weight_decay = 0.2, .warmup_steps = 4, .clip = 20};
  constexpr std::int64_t kSize = 70001;  // two pieces
  const std::vector<ParameterRange> ranges = {
      {0, 100, false}, {100, 66000, true}, {66000, kSize, false}};
  std::vector<float> values = RandomRows(kSize, 1, 1);
  std::vector<double> x(values.begin(), values.end()), m(kSize), v(kSize);
  AdamState state(kSize);
  for (int step = 1; step <= 6; ++step) {
    const std::vector<float> gradient = RandomRows(kSize, 1, 100 + step, step == 2 ? 1e-3 : 1);
    double squares = 0;
    for (const float g : gradient) squares += static_cast<double>(g) * g;
    const double norm = std::sqrt(squares);
    EXPECT_NEAR(AdamStep(options, ranges, gradient, values, state, pool), norm, 1e-6 * norm);
    const double scale = norm > 20 ? 20 / norm : 1;
    const double rate = 0.03 * std::min(1.0, step / 4.0);
    for (std::int64_t i = 0; i < kSize; ++i) {
      const double g = gradient[i] * scale;
      if (i >= 100 && i < 66000) x[i] -= rate * 0.2 * x[i];
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      x[i] -= rate * (m[i] / (1 - std::pow(0.9, step))) /
              (std::sqrt(v[i] / (1 - std::pow(0.999, step))) + 1e-8);
    }
  }
  for (std::int64_t i = 0; i < kSize; ++i) ASSERT_NEAR(values[i], x[i], 2e-5) << i;
}

TEST(Optimiser, DoesNotMoveOnAGradientThatIsNotFinite) {
  TaskPool pool(1);
  std::vector<float> values = {1, 2};
  AdamState state(2);
  EXPECT_THROW(AdamStep({}, {}, std::vector<float>{1, INFINITY}, values, state, pool), Error);
  EXPECT_EQ(values, (std::vector<float>{1, 2}));
  EXPECT_EQ(state.steps, 0);
}

TEST(Optimiser, RateRisesAndStays) {
  EXPECT_DOUBLE_EQ(LearningRate({.learning_rate = 1, .warmup_steps = 4}, 1), 0.25);
  EXPECT_DOUBLE_EQ(LearningRate({.learning_rate = 1, .warmup_steps = 4}, 4), 1);
  EXPECT_DOUBLE_EQ(LearningRate({.learning_rate = 1}, 1), 1);
}

}  // namespace
}  // namespace raie
