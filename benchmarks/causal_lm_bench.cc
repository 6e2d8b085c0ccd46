// How long do a forward pass and a LoRA step of a language model take, and what do mixed batches
// cost?
//
// Concept: weights of SmolLM2-135M's shape, batch 8 of 128-token prompts, logits over 3,000 items,
//          LoRA of rank 8 on q and v, as benchmarks/peers/causal_lm_step.py does in PyTorch.
//          Arguments: threads, rows a tile, regions in the batch (a tile has one). BM_LmStepLast:
//          threads, last layers adapted (30: all), whether the states below them are kept, as in
//          every epoch after the first (backbones/border_store.h); its logits and gradients are
//          checked against those of computing them. Counter: megabytes at the peak. Random
//          weights: the time does not depend on them.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "backbones/causal_lm/causal_lm.h"
#include "base/random.h"
#include "base/task_pool.h"
#include "kernels/gemm.h"

namespace raie {
namespace {

constexpr std::int64_t kPrompts = 8, kPromptTokens = 128, kHistory = 28, kCatalogue = 3000;
constexpr std::int64_t kLayers = 30;

std::shared_ptr<const DecoderWeights> Smollm2(Precision precision) {
  DecoderConfig config{.vocabulary = 49152,
                       .dim = 576,
                       .ffn_width = 1536,
                       .layers = kLayers,
                       .heads = 9,
                       .kv_heads = 3,
                       .head_dim = 64,
                       .tied = true,
                       .max_positions = 8192};
  config.rope.theta = 1e5;
  static const auto kBf16 = RandomDecoder(config, {.precision = Precision::kBf16}, 1);
  if (precision == Precision::kBf16) return kBf16;
  static const auto kFp32 = RandomDecoder(config, {.precision = Precision::kFp32}, 1);
  return kFp32;
}

struct LmTile {
  WindowBatch batch;
  std::vector<OutputPosition> outputs;
  std::int64_t region = 0;
};

struct LmSetup {
  LmSetup(std::int64_t threads, std::int64_t rows, std::int64_t regions, Precision precision,
          std::int64_t last_layers = kLayers, Border border = {})
      : pool(static_cast<int>(threads)), lm(Smollm2(precision), Prompt(), std::move(border)) {
    RandomStream random(2, 0);
    items.resize(kCatalogue * lm.dim());
    for (float& value : items) value = static_cast<float>(0.1 * random.Normal());
    packed =
        kernels::PackedWeights(kernels::View(items, kCatalogue, lm.dim()), kernels::PackFor::kBoth);
    for (std::int64_t row = 0; row < kPrompts; ++row) {
      const std::int64_t region = row * regions / kPrompts;
      if (tiles.empty() || tiles.back().region != region ||
          std::ssize(tiles.back().outputs) == rows) {
        tiles.emplace_back().region = region;
      }
      LmTile& tile = tiles.back();
      tile.outputs.push_back({static_cast<std::int32_t>(tile.outputs.size()), kHistory - 1});
      tile.batch.offsets.push_back(tile.batch.offsets.back() + kHistory);
      tile.batch.row_keys.push_back(static_cast<std::uint32_t>(row));
      for (std::int64_t p = 0; p < kHistory; ++p) {
        tile.batch.items.push_back(ItemId{static_cast<std::int32_t>(random.Below(kCatalogue))});
      }
    }
    LoraOptions lora;
    lora.maps = {"q", "v"};
    lora.last_layers = last_layers;
    for (std::int64_t region = 0; region < regions; ++region) {
      adapters.push_back(Adapter::Make(lm.linear_maps(), lora, region));
      for (float& value : adapters.back().values()) value += 1e-3f;
    }
  }

  static PromptSpec Prompt() {
    PromptSpec spec;
    spec.parts = {{PromptPartKind::kText, TokenIds(kPromptTokens - kHistory - 8, 17)},
                  {PromptPartKind::kHistory, {}},
                  {PromptPartKind::kText, TokenIds(8, 30)}};
    spec.max_tokens = kPromptTokens;
    return spec;
  }

  // Hidden states and logits; with `train` the backward pass as well.
  void Run(bool train) {
    std::vector<std::unique_ptr<BoundWeights>> bound;
    for (const Adapter& adapter : adapters) {
      bound.push_back(train ? lm.Bind(&adapter, Purpose::kTrainAdapter)
                            : lm.Bind(nullptr, Purpose::kScore));
    }
    const ItemRows rows{items, {}, {}};
    std::vector<std::unique_ptr<Tape>> tapes(tiles.size());
    std::vector<std::vector<float>> grads(tiles.size());
    gradients.resize(tiles.size());
    const auto input = [&](const LmTile& tile) {
      return ForwardInput{.batch = tile.batch,
                          .outputs = tile.outputs,
                          .items = rows,
                          .training = train,
                          .seed = 1,
                          .step = 1};
    };
    pool.ForEach(std::ssize(tiles), [&](std::int64_t t, int) {
      const std::int64_t n = std::ssize(tiles[t].outputs), d = lm.dim();
      std::vector<float> hidden(n * d), logits(n * kCatalogue);
      tapes[t] = lm.Forward(*bound[tiles[t].region], input(tiles[t]), hidden);
      const auto scores = kernels::MutableView(logits, n, kCatalogue);
      kernels::MultiplyTransposed(kernels::View(hidden, n, d), packed, {}, kernels::Store::kSet,
                                  scores);
      benchmark::DoNotOptimize(logits.data());
      if (!train) return;
      grads[t].resize(n * d);
      kernels::Multiply(scores, packed, kernels::Store::kSet, kernels::MutableView(grads[t], n, d));
    });
    if (!train) return;
    pool.ForEach(std::ssize(tiles), [&](std::int64_t t, int) {
      std::vector<float>& values = gradients[t];
      values.assign(adapters[tiles[t].region].values().size(), 0.0f);
      lm.Backward(*bound[tiles[t].region], input(tiles[t]), *tapes[t], grads[t], {{}, values, {}});
      tapes[t].reset();
      benchmark::DoNotOptimize(values.data());
    });
  }

  TaskPool pool;
  CausalLm lm;
  std::vector<float> items;
  kernels::PackedWeights packed;
  std::vector<LmTile> tiles;
  std::vector<Adapter> adapters;
  std::vector<std::vector<float>> gradients;  // of the last run's tiles
};

void CountPeak(benchmark::State& state) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["peak_MB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

void RunLm(benchmark::State& state, bool train, Precision precision) {
  LmSetup setup(state.range(0), state.range(1), state.range(2), precision);
  setup.Run(train);
  for (auto _ : state) setup.Run(train);
  CountPeak(state);
}

void BM_LmStepLast(benchmark::State& state) {
  const std::int64_t last = state.range(1);
  Border border;
  if (state.range(2) != 0) {
    border = {kLayers - last,
              std::make_shared<BorderStore>(BorderOptions{.place = BorderPlace::kMemory})};
    LmSetup plain(state.range(0), 4, 1, Precision::kBf16, last);
    LmSetup keeping(state.range(0), 4, 1, Precision::kBf16, last, border);
    plain.Run(true);
    for (int epoch = 0; epoch < 2; ++epoch) {
      keeping.Run(true);
      if (keeping.gradients != plain.gradients) state.SkipWithError("other gradients");
    }
  }
  LmSetup setup(state.range(0), 4, 1, Precision::kBf16, last, border);
  setup.Run(true);
  for (auto _ : state) setup.Run(true);
  CountPeak(state);
}

void BM_LmForward(benchmark::State& state) { RunLm(state, false, Precision::kBf16); }
void BM_LmStep(benchmark::State& state) { RunLm(state, true, Precision::kBf16); }
void BM_LmForwardFp32(benchmark::State& state) { RunLm(state, false, Precision::kFp32); }

void LmShapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"threads", "rows", "regions"})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond)
      ->Args({1, 4, 1})
      ->Args({1, 1, 1})
      ->Args({1, 4, 8})
      ->Args({2, 4, 1})
      ->Args({2, 2, 1})
      ->Args({2, 4, 8});
}
BENCHMARK(BM_LmForward)->Apply(LmShapes);
BENCHMARK(BM_LmStep)->Apply(LmShapes);
BENCHMARK(BM_LmStepLast)
    ->ArgNames({"threads", "layers", "kept"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({1, kLayers, 0})
    ->Args({1, 8, 0})
    ->Args({1, 8, 1})
    ->Args({2, kLayers, 0})
    ->Args({2, 8, 1});
BENCHMARK(BM_LmForwardFp32)
    ->ArgNames({"threads", "rows", "regions"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({1, 4, 1});

}  // namespace
}  // namespace raie
