// A language model that keeps the states of its lower layers answers as one that does not.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "backbones/causal_lm/causal_lm.h"
#include "base/task_pool.h"
#include "raie/error.h"
#include "support/random_decoder.h"
#include "support/random_tile.h"

namespace raie {
namespace {

using testing_support::History;
using testing_support::MakeRandomTile;
using testing_support::NoisyDecoder;
using testing_support::RandomTile;
using testing_support::TinyDecoder;
using testing_support::TinyPrompt;

const BorderOptions kRoomy{.place = BorderPlace::kMemory};
constexpr std::int32_t kBorderLengths[] = {4, 1, 7};

Adapter AdapterOfLast(const CausalLm& lm, std::int64_t layers) {
  LoraOptions options;
  options.maps = {"q", "up"};
  options.last_layers = layers;
  Adapter adapter = Adapter::Make(lm.linear_maps(), options, 2);
  for (float& value : adapter.values()) value += 0.1f;
  return adapter;
}

struct BorderRun {
  std::vector<float> hidden, adapter;
  bool operator==(const BorderRun&) const = default;
};

// Forward and backward pass of a tile, or scoring it.
BorderRun RunTile(const CausalLm& lm, const Adapter& adapter, const RandomTile& tile,
                  Purpose purpose = Purpose::kTrainAdapter) {
  const ItemRows rows = tile.rows();
  const auto outputs = tile.LastOutputs();
  const auto bound = lm.Bind(&adapter, purpose);
  const ForwardInput input{.batch = tile.batch,
                           .outputs = outputs,
                           .items = rows,
                           .training = purpose == Purpose::kTrainAdapter,
                           .seed = 3};
  BorderRun run;
  run.hidden.resize(outputs.size() * lm.dim());
  const auto tape = lm.Forward(*bound, input, run.hidden);
  if (!input.training) return run;
  run.adapter.resize(adapter.values().size());
  lm.Backward(*bound, input, *tape, run.hidden, {{}, run.adapter, {}});
  return run;
}

class CausalLmBorder : public ::testing::TestWithParam<History> {
 protected:
  CausalLm Make(std::shared_ptr<BorderStore> store, std::int64_t layer = 1) const {
    return {weights_, TinyPrompt(GetParam()), {layer, std::move(store)}};
  }

  std::shared_ptr<const DecoderWeights> weights_ =
      NoisyDecoder(TinyDecoder("qwen3"), Precision::kBf16, 2);
  CausalLm plain_{weights_, TinyPrompt(GetParam())};
  RandomTile tile_ = MakeRandomTile(kBorderLengths, 30, plain_.dim(), 5);
};

TEST_P(CausalLmBorder, WhatItKeepsHasTheBitsOfComputingIt) {
  const Adapter adapter = AdapterOfLast(plain_, 1);
  const auto store = std::make_shared<BorderStore>(kRoomy);
  const CausalLm keeping = Make(store);
  const BorderRun expected = RunTile(plain_, adapter, tile_);
  EXPECT_EQ(RunTile(keeping, adapter, tile_), expected);
  EXPECT_EQ(store->counts().rows, 3);
  EXPECT_EQ(store->counts().reads, 0);
  EXPECT_EQ(RunTile(keeping, adapter, tile_), expected);
  EXPECT_EQ(store->counts().reads, 3);
  // In another tile, with another adapter, or none.
  const RandomTile one = tile_.Row(2);
  EXPECT_EQ(RunTile(keeping, adapter, one), RunTile(plain_, adapter, one));
  const Adapter other = AdapterOfLast(plain_, 1);
  EXPECT_EQ(RunTile(keeping, other, tile_, Purpose::kScore),
            RunTile(plain_, other, tile_, Purpose::kScore));
  EXPECT_EQ(store->counts().reads, 7);
  EXPECT_EQ(store->counts().rows, 3);
}

TEST_P(CausalLmBorder, SomeRowsOfATileMayBeKeptAndOthersNot) {
  const Adapter adapter = AdapterOfLast(plain_, 1);
  const auto store = std::make_shared<BorderStore>(kRoomy);
  const CausalLm keeping = Make(store);
  RunTile(keeping, adapter, tile_.Row(1));
  EXPECT_EQ(RunTile(keeping, adapter, tile_), RunTile(plain_, adapter, tile_));
  EXPECT_EQ(store->counts().reads, 1);
  // Room for the first row only: the others are computed each time.
  const std::int64_t whole = store->counts().bytes;
  const auto small = std::make_shared<BorderStore>(BorderOptions{
      .place = BorderPlace::kMemory, .gigabytes = 0.7 * static_cast<double>(whole) / 1e9});
  const CausalLm crowded = Make(small);
  for (int epoch = 0; epoch < 3; ++epoch) {
    EXPECT_EQ(RunTile(crowded, adapter, tile_), RunTile(plain_, adapter, tile_));
  }
  EXPECT_LT(small->counts().rows, 3);
  EXPECT_EQ(small->counts().reads, 2 * small->counts().rows);
  EXPECT_LE(small->counts().bytes, whole * 7 / 10);
}

TEST_P(CausalLmBorder, AnAdapterBelowItIsRunWhole) {
  const Adapter whole = AdapterOfLast(plain_, 2);
  const auto store = std::make_shared<BorderStore>(kRoomy);
  const CausalLm keeping = Make(store);
  for (int epoch = 0; epoch < 2; ++epoch) {
    EXPECT_EQ(RunTile(keeping, whole, tile_), RunTile(plain_, whole, tile_));
  }
  EXPECT_EQ(store->counts().rows, 0);
}

// Whatever the lower layers read is part of what states are kept by.
TEST_P(CausalLmBorder, ARowThatReadsSomethingElseIsAnother) {
  const Adapter adapter = AdapterOfLast(plain_, 1);
  const CausalLm keeping = Make(std::make_shared<BorderStore>(kRoomy));
  RunTile(keeping, adapter, tile_);
  tile_.batch.users[0] = UserId{(Index(tile_.batch.users[0]) + 1) % 6};
  EXPECT_EQ(RunTile(keeping, adapter, tile_), RunTile(plain_, adapter, tile_));
  tile_.batch.items[5] = ItemId{(Index(tile_.batch.items[5]) + 1) % 30};
  EXPECT_EQ(RunTile(keeping, adapter, tile_), RunTile(plain_, adapter, tile_));
  for (float& value : tile_.items_ND) value += 0.01f;
  EXPECT_EQ(RunTile(keeping, adapter, tile_), RunTile(plain_, adapter, tile_));
}

TEST_P(CausalLmBorder, RowsOfItemsAreTrainedOnlyWherePromptsDoNotReadThem) {
  const Adapter adapter = AdapterOfLast(plain_, 1);
  const CausalLm keeping = Make(std::make_shared<BorderStore>(kRoomy));
  const ItemRows rows = tile_.rows();
  const auto outputs = tile_.LastOutputs();
  const auto bound = keeping.Bind(&adapter, Purpose::kTrainAdapter);
  const ForwardInput input{
      .batch = tile_.batch, .outputs = outputs, .items = rows, .training = true};
  std::vector<float> hidden(outputs.size() * keeping.dim());
  const auto tape = keeping.Forward(*bound, input, hidden);
  std::vector<float> values(adapter.values().size());
  std::vector<float> inputs(tile_.batch.items.size() * keeping.dim(), 1.0f);
  const auto backward = [&] {
    keeping.Backward(*bound, input, *tape, hidden, {{}, values, inputs});
  };
  if (GetParam() == History::kItems) {
    EXPECT_THROW(backward(), Error);
    return;
  }
  backward();
  EXPECT_EQ(std::ranges::count(inputs, 0.0f), std::ssize(inputs));
}

TEST_P(CausalLmBorder, ItLiesBetweenTwoLayers) {
  const auto store = std::make_shared<BorderStore>(kRoomy);
  EXPECT_THROW(Make(store, 0), Error);
  EXPECT_THROW(Make(store, 2), Error);
}

INSTANTIATE_TEST_SUITE_P(Histories, CausalLmBorder,
                         ::testing::Values(History::kItems, History::kTitles));

TEST(CausalLmBorderThreads, AnyNumberOfThreadsGivesTheSameBytes) {
  const auto weights = NoisyDecoder(TinyDecoder("qwen3"), Precision::kBf16, 2);
  const std::int32_t lengths[] = {12, 1, 5, 12, 2, 7, 3, 9};
  const auto run = [&](int threads) {
    const auto store = std::make_shared<BorderStore>(kRoomy);
    const CausalLm lm(weights, TinyPrompt(History::kTitles), {1, store});
    const Adapter adapter = AdapterOfLast(lm, 1);
    RandomTile all = MakeRandomTile(lengths, 30, lm.dim(), 5);
    for (std::int32_t row = 0; row < 8; ++row) all.batch.users[row] = UserId{row % 6};
    std::vector<BorderRun> results(32);
    TaskPool pool(threads);
    pool.ForEach(32, [&](std::int64_t task, int) {  // each row four times, some at once
      results[task] = RunTile(lm, adapter, all.Row(task / 4));
    });
    EXPECT_EQ(store->counts().rows, 8);
    return results;
  };
  const auto one = run(1);
  EXPECT_EQ(one, run(2));
  EXPECT_EQ(one, run(5));
}

}  // namespace
}  // namespace raie
