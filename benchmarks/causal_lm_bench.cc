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
//          Requests: a history of 10 items, routed to one of 8 regions, adapters of rank 8 on all
//          maps, the ten best of 3,000 items; with the keys and values of the prompt's first tokens
//          kept or not, in prompts that begin as the default one does and with a longer
//          instruction. Quantiles over the requests of a run, which must give the same answers.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "backbones/causal_lm/causal_lm.h"
#include "base/random.h"
#include "base/statistics.h"
#include "base/task_pool.h"
#include "kernels/gemm.h"
#include "service/responder.h"
#include "training/item_table.h"

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
    spec.keeps_prefix = false;  // as the peer
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

// A served model whose prompts begin with `prefix` tokens of text.
std::unique_ptr<Responder> MakeResponder(bool keeps, std::int64_t prefix) {
  constexpr std::int64_t kRegions = 8;
  // Behind the first tokens the default template has these, with SmolLM2's tokenizer.
  PromptSpec spec;
  spec.parts = {{PromptPartKind::kText, TokenIds(prefix, 17)},
                {PromptPartKind::kUser, {}},
                {PromptPartKind::kText, TokenIds(3, 19)},
                {PromptPartKind::kHistory, {}},
                {PromptPartKind::kText, TokenIds(15, 30)}};
  spec.unknown_user = {23};
  spec.keeps_prefix = keeps;
  auto snapshot = std::make_shared<Snapshot>();
  const auto lm = std::make_shared<CausalLm>(Smollm2(Precision::kBf16), spec);
  const std::int64_t dim = lm->dim();
  RandomStream random(2, 0);
  std::vector<float> items(kCatalogue * dim);
  for (float& value : items) value = static_cast<float>(0.1 * random.Normal());
  snapshot->backbone = lm;
  snapshot->catalogue_size = snapshot->old_catalogue_size = kCatalogue;
  snapshot->items = snapshot->routing_items =
      std::make_shared<const ItemTable>(dim, std::move(items));
  RegionSet& regions = snapshot->editor.regions;
  regions.dim = dim;
  for (std::int32_t k = 0; k < kRegions; ++k) {
    Region& region = regions.regions.emplace_back();
    region.id = RegionId{k};
    double square = 0;
    for (std::int64_t d = 0; d < dim; ++d) {
      region.centre.push_back(static_cast<float>(random.Normal()));
      square += region.centre.back() * region.centre.back();
    }
    for (float& value : region.centre) value /= static_cast<float>(std::sqrt(square));
    Adapter adapter = Adapter::Make(lm->linear_maps(), {}, k);
    for (float& value : adapter.values()) value += 1e-3f;
    snapshot->adapters[region.id] = std::make_shared<const Adapter>(std::move(adapter));
  }
  return std::make_unique<Responder>(snapshot, ItemNames{}, spec.max_items);
}

void BM_LmRequest(benchmark::State& state) {
  const bool keeps = state.range(0) != 0;
  const auto responder = MakeResponder(keeps, state.range(1));
  const auto whole = MakeResponder(false, state.range(1));
  RandomStream random(1, 0);
  std::vector<double> milliseconds;
  for (auto _ : state) {
    std::vector<ContextItem> context(10);
    for (ContextItem& item : context) {
      item.item = ItemId{static_cast<std::int32_t>(random.Below(kCatalogue))};
    }
    const auto start = std::chrono::steady_clock::now();
    const Answer answer = responder->Respond({.context = context});
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    state.SetIterationTime(time.count());
    milliseconds.push_back(time.count() * 1e3);
    if (milliseconds.size() > 3) continue;
    const Answer expected = whole->Respond({.context = context});
    if (answer.items[0].score != expected.items[0].score) state.SkipWithError("another answer");
  }
  state.counters["p50_ms"] = Quantile(milliseconds, 0.5);
  state.counters["p99_ms"] = Quantile(milliseconds, 0.99);
}
BENCHMARK(BM_LmRequest)
    ->ArgNames({"kept", "prefix"})
    ->Args({0, 8})
    ->Args({1, 8})
    ->Args({0, 64})
    ->Args({1, 64})
    ->Iterations(100)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

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
