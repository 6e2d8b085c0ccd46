// How long does one training step take, and how near is it to what the core's products allow?
//
// Concept: SASRec, BERT4Rec or TiSASRec, 256 windows, d = 128, 9,000 items, full softmax at the
//          last position (cloze: at a fifth of the positions); all parameters (full, cloze), or a
//          LoRA of rank 8 on every map with frozen rows (lora; lora_mixed: eight adapters in one
//          batch). Counters: `windows/s`, `GF/s` of the
//          useful products, and `share` of the best rate of oneDNN's matmul with pre-packed
//          weights, measured in the same run on one thread. First the loss of an untrained model is
//          checked against ln(N).
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <utility>
#include <vector>

#include "backbones/registry.h"
#include "base/random.h"
#include "training/step.h"

namespace raie {
namespace {

constexpr std::int64_t kBatch = 256;
constexpr std::int64_t kDim = 128;
constexpr std::int64_t kItems = 9000;

enum Kind { kFull, kLora, kLoraDropout, kLoraMixed, kCloze };
constexpr const char* kKindNames[] = {"full", "lora", "lora, dropout .05", "lora, 8 adapters",
                                      "full, cloze"};

// GF/s of y = x W^T, x [rows, inputs], W packed as oneDNN asks.
double PackedMatmulRate(std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  using dnnl::memory;
  omp_set_num_threads(1);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc x({rows, inputs}, memory::data_type::f32, memory::format_tag::ab);
  const memory::desc w({inputs, outputs}, memory::data_type::f32, memory::format_tag::any);
  const memory::desc y({rows, outputs}, memory::data_type::f32, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc plan(dnnl::matmul::desc(x, w, y), engine);
  const dnnl::matmul product(plan);
  const std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, memory(x, engine)},
      {DNNL_ARG_WEIGHTS, memory(plan.weights_desc(), engine)},
      {DNNL_ARG_DST, memory(y, engine)}};
  for (const auto& [name, buffer] : arguments) {
    std::fill_n(static_cast<char*>(buffer.get_data_handle()), buffer.get_desc().get_size(), 0);
  }
  double best = 1e30;
  for (int repeat = 0; repeat < 30; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    product.execute(stream, arguments);
    stream.wait();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2e-9 * static_cast<double>(rows * inputs * outputs) / best;
}

double BestMatmulRate() {
  static const double rate =
      std::max({PackedMatmulRate(512, kDim, kDim), PackedMatmulRate(512, kDim, 4 * kDim),
                PackedMatmulRate(512, 4 * kDim, kDim), PackedMatmulRate(256, kDim, 512)});
  return rate;
}

// Multiply-adds of the products of a step that have to be done, times 2.
double UsefulFlops(Kind kind, std::int64_t length) {
  const double tokens = static_cast<double>(kBatch * length);
  const double d2 = static_cast<double>(kDim * kDim);
  const double forward = 2 * d2 * (tokens * (12 + 2) + static_cast<double>(kBatch) * 10);
  const double pairs = static_cast<double>(kBatch * length * (length + 1)) / 2;
  const double attention = 2 * pairs * kDim * 2 * 3.5;  // backward makes five products of two
  const double logits = 2.0 * kBatch * kItems * kDim;
  return kind == kFull ? 3 * forward + attention + 3 * logits
                       : 2 * forward + attention + 2 * logits;
}

struct Training {
  Training(const char* name, Kind kind, std::int64_t length, int threads) : pool(threads) {
    BackboneOptions options;
    options.name = name;
    NamedSection(options).context = length;
    backbone = MakeBackbone(options, 1);
    items = ItemTable(kDim, MakeItemRows(options, *backbone, kItems, 1));
    parts = {.items = &items, .catalogue_size = kItems};
    if (kind == kFull || kind == kCloze) {
      rows = TrainAllRows(items, kItems);
      state = AdamState(std::ssize(backbone->parameters()));
      parts.backbone = &state;
      parts.shared_rows = &rows;
      parts.slots = {TrainedSlot()};
    } else {
      AddAdapters(kind);
    }
    engine = std::make_unique<StepEngine>(*backbone, StepOptions(), pool);
    if (kind == kCloze) {
      FillCloze(length + 1);
    } else {
      FillBatch(length);
    }
  }

  void AddAdapters(Kind kind) {
    const int count = kind == kLoraMixed ? 8 : 1;
    LoraOptions lora;
    if (kind == kLoraDropout) lora.dropout = 0.05;
    for (int i = 0; i < count; ++i) {
      adapters.push_back(Adapter::Make(backbone->linear_maps(), lora, i));
      states.emplace_back(std::ssize(adapters.back().values()));
    }
    for (int i = 0; i < count; ++i) {
      parts.slots.push_back({.adapter = &adapters[i], .state = &states[i]});
    }
  }

  void FillBatch(std::int64_t length) {
    RandomStream random(2, 0);
    const auto item = [&] { return ItemId{static_cast<std::int32_t>(random.Below(kItems))}; };
    for (std::int64_t row = 0; row < kBatch; ++row) {
      std::vector<ItemId> context(length);
      for (ItemId& one : context) one = item();
      // Pauses of 1 to 3 times the shortest: nearly every pair has an interval of its own, the most
      // work there is.
      std::vector<Timestamp> times(length);
      std::int64_t time = 0;
      for (Timestamp& one : times) {
        one = Timestamp{time += 50 + static_cast<std::int64_t>(random.Below(101))};
      }
      AppendRow(batch, {.items = context,
                        .times = times,
                        .target = item(),
                        .slot = static_cast<std::int32_t>(random.Below(parts.slots.size())),
                        .row_key = static_cast<std::uint32_t>(row)});
    }
  }

  // Rows of `length` tokens, a fifth of them masked.
  void FillCloze(std::int64_t length) {
    RandomStream random(3, 0);
    std::vector<std::int32_t> order(length);
    std::iota(order.begin(), order.end(), 0);
    for (std::int32_t row = 0; row < kBatch; ++row) {
      const auto begin = std::ssize(batch.rows.items);
      for (std::int64_t i = 0; i < length; ++i) {
        batch.rows.items.push_back(ItemId{static_cast<std::int32_t>(random.Below(kItems))});
      }
      Shuffle(std::span(order), random);
      std::vector<std::int32_t> masked(order.begin(), order.begin() + (length + 2) / 5);
      std::sort(masked.begin(), masked.end());
      for (const std::int32_t position : masked) {
        ItemId& item = batch.rows.items[begin + position];
        batch.targets.push_back({static_cast<std::int32_t>(batch.outputs.size()), item});
        batch.outputs.push_back({row, position});
        item = kMaskItem;
      }
      batch.rows.offsets.push_back(static_cast<std::int32_t>(batch.rows.items.size()));
      batch.rows.row_keys.push_back(static_cast<std::uint32_t>(row));
    }
  }

  TaskPool pool;
  std::unique_ptr<Backbone> backbone;
  ItemTable items;
  TrainedRows rows;
  AdamState state;
  std::vector<Adapter> adapters;
  std::vector<AdamState> states;
  TrainedParts parts;
  std::unique_ptr<StepEngine> engine;
  TrainingBatch batch;
};

void RunSteps(benchmark::State& state, const char* backbone) {
  const auto kind = static_cast<Kind>(state.range(0));
  const std::int64_t length = state.range(1);
  const auto threads = static_cast<int>(state.range(2));
  state.SetLabel(kKindNames[kind]);
  Training training(backbone, kind, length, threads);
  std::uint64_t step = 0;
  const double loss = training.engine->Step(training.batch, step++, training.parts).loss;
  if (std::abs(loss - std::log(kItems)) > 0.5) {
    state.SkipWithError("the loss of an untrained model is not ln(N)");
    return;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(training.engine->Step(training.batch, step++, training.parts));
  }
  const auto steps = static_cast<double>(state.iterations());
  const double gigaflops = 1e-9 * steps * UsefulFlops(kind, length);
  using benchmark::Counter;
  state.counters["windows/s"] = Counter(steps * kBatch, Counter::kIsRate);
  state.counters["GF/s"] = Counter(gigaflops, Counter::kIsRate);
  state.counters["share"] = Counter(gigaflops / (BestMatmulRate() * threads), Counter::kIsRate);
}

void SizesOf(std::vector<std::int64_t> kinds, benchmark::internal::Benchmark* b) {
  b->ArgNames({"kind", "L", "threads"})
      ->ArgsProduct({std::move(kinds), {50, 10}, {1, 2}})
      ->Unit(benchmark::kMillisecond)
      ->MeasureProcessCPUTime()
      ->UseRealTime();
}

void Sizes(benchmark::internal::Benchmark* b) {
  SizesOf({kFull, kLora, kLoraDropout, kLoraMixed}, b);
}
void SizesWithCloze(benchmark::internal::Benchmark* b) {
  SizesOf({kFull, kCloze, kLora, kLoraDropout, kLoraMixed}, b);
}

void TrainStep(benchmark::State& state) { RunSteps(state, "sasrec"); }
BENCHMARK(TrainStep)->Apply(Sizes);

// From here on `GF/s` and `share` count SASRec's products only.
void TrainStepBert4rec(benchmark::State& state) { RunSteps(state, "bert4rec"); }
BENCHMARK(TrainStepBert4rec)->Apply(SizesWithCloze);

void TrainStepTisasrec(benchmark::State& state) { RunSteps(state, "tisasrec"); }
BENCHMARK(TrainStepTisasrec)->Apply(Sizes);

}  // namespace
}  // namespace raie
