// How long does one training step of SASRec take, and where does the time go?
//
// Concept: B 256, d 128, two blocks, dropout .2, as benchmarks/peers/sasrec_step.py does in
// PyTorch.
//          Arguments: context length L, tokens a tile. Forward and backward of the backbone alone;
//          benchmarks/train_step_bench.cc adds loss and optimiser.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "backbones/sasrec.h"
#include "base/random.h"

namespace raie {
namespace {

constexpr std::int64_t kBatch = 256, kItems = 9000;

struct BenchTile {
  WindowBatch batch;
  std::vector<OutputPosition> outputs;
};

struct Setup {
  Setup(std::int64_t length, std::int64_t tile_tokens, const LoraOptions* lora) {
    omp_set_num_threads(1);
    SasrecOptions options;
    options.context = length;
    backbone = MakeSasrec(options, 1);
    RandomStream random(2, 0);
    items.resize(kItems * options.dim);
    for (float& value : items) value = static_cast<float>(0.02 * random.Normal());
    const std::int64_t rows = std::max<std::int64_t>(1, tile_tokens / length);
    for (std::int64_t row = 0; row < kBatch; ++row) {
      if (row % rows == 0) tiles.emplace_back();
      BenchTile& tile = tiles.back();
      tile.outputs.push_back({static_cast<std::int32_t>(tile.batch.num_rows()),
                              static_cast<std::int32_t>(length - 1)});
      tile.batch.offsets.push_back(tile.batch.offsets.back() + static_cast<std::int32_t>(length));
      tile.batch.row_keys.push_back(static_cast<std::uint32_t>(row));
      for (std::int64_t p = 0; p < length; ++p) {
        tile.batch.items.push_back(ItemId{static_cast<std::int32_t>(random.Below(kItems))});
      }
    }
    grad.assign(kBatch * options.dim, 1e-3f);
    hidden.resize(grad.size());
    parameters.resize(backbone->parameters().size());
    input.resize(kBatch * length * options.dim);
    if (lora == nullptr) return;
    adapter = std::make_unique<Adapter>(Adapter::Make(backbone->linear_maps(), *lora, 3));
    for (float& value : adapter->values()) value += 1e-3f;
    values.resize(adapter->values().size());
  }

  void Step(std::uint64_t step) {
    const auto bound =
        backbone->Bind(adapter.get(), adapter ? Purpose::kTrainAdapter : Purpose::kTrainAll);
    const ItemRows rows{items, {}, {}};
    for (const BenchTile& tile : tiles) {
      const ForwardInput forward{.batch = tile.batch,
                                 .outputs = tile.outputs,
                                 .items = rows,
                                 .training = true,
                                 .seed = 1,
                                 .step = step};
      const std::size_t size = tile.outputs.size() * backbone->dim();
      const auto tape = backbone->Forward(*bound, forward, std::span(hidden).first(size));
      GradientSink sink;
      if (adapter) {
        sink.adapter = values;
      } else {
        sink.parameters = parameters;
        sink.input_TD = std::span(input).first(tile.batch.items.size() * backbone->dim());
      }
      backbone->Backward(*bound, forward, *tape, std::span(grad).first(size), sink);
    }
  }

  std::unique_ptr<Backbone> backbone;
  std::unique_ptr<Adapter> adapter;
  std::vector<float> items, grad, hidden, parameters, values, input;
  std::vector<BenchTile> tiles;
};

void RunSteps(benchmark::State& state, const LoraOptions* lora) {
  Setup setup(state.range(0), state.range(1), lora);
  std::uint64_t step = 0;
  for (auto _ : state) setup.Step(++step);
}

void Sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"L", "tokens"})->Unit(benchmark::kMillisecond);
  for (const std::int64_t length : {50, 10}) {
    for (const std::int64_t tokens : {256, 512, 1024, 2048}) b->Args({length, tokens});
  }
}

void SasrecFull(benchmark::State& state) { RunSteps(state, nullptr); }
BENCHMARK(SasrecFull)->Apply(Sizes);

void SasrecLora(benchmark::State& state) {
  const LoraOptions options;
  RunSteps(state, &options);
}
BENCHMARK(SasrecLora)->Apply(Sizes);

void SasrecLoraDropout(benchmark::State& state) {
  LoraOptions options;
  options.dropout = 0.05;
  RunSteps(state, &options);
}
BENCHMARK(SasrecLoraDropout)
    ->Args({50, 512})
    ->Args({10, 512})
    ->ArgNames({"L", "tokens"})
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace raie
