// How fast are the products of training and scoring, and against oneDNN's best?
//
// Concept: each product at the shapes of a SASRec step (d = 128, feed-forward 512, fused q k v 384)
//          and of item scores, by the own kernel, by dnnl_sgemm and by oneDNN's matmul primitive
//          with weights packed in the layout it asks for; products with weights in bf16 at the
//          shapes of SmolLM2-135M, each way this machine can go. Counter `GF/s`; the results are
//          compared first.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <cmath>
#include <oneapi/dnnl/dnnl.hpp>
#include <stdexcept>
#include <vector>

#include "base/random.h"
#include "kernels/bf16_gemm.h"
#include "kernels/gemm.h"

namespace raie::kernels {
namespace {

std::vector<float> RandomBuffer(std::int64_t n, std::uint64_t stream) {
  RandomStream random(1, stream);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

struct Problem {
  explicit Problem(const benchmark::State& state)
      : rows(state.range(0)), outputs(state.range(1)), inputs(state.range(2)) {
    omp_set_num_threads(1);
    x = RandomBuffer(rows * inputs, 1);
    w = RandomBuffer(outputs * inputs, 2);
    y.resize(rows * outputs);
  }
  void Report(benchmark::State& state) const {
    const double flops = 2.0 * rows * outputs * inputs * state.iterations();
    state.counters["GF/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsRate);
  }
  // Stops unless y holds x W^T.
  void Verify() const {
    for (std::int64_t r = 0; r < rows; r += 1 + rows / 7) {
      for (std::int64_t o = 0; o < outputs; o += 1 + outputs / 7) {
        double sum = 0;
        for (std::int64_t i = 0; i < inputs; ++i) {
          sum += double{x[r * inputs + i]} * w[o * inputs + i];
        }
        if (std::abs(sum - y[r * outputs + o]) > 1e-3) throw std::runtime_error("wrong product");
      }
    }
  }
  std::int64_t rows, outputs, inputs;
  std::vector<float> x, w, y;
};

void Shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "out", "in"});
  for (const std::int64_t rows : {64, 256, 1024}) {
    for (const auto& [o, i] :
         {std::pair{128, 128}, {384, 128}, {512, 128}, {128, 512}, {256, 256}}) {
      b->Args({rows, o, i});
    }
  }
  b->Args({256, 9000, 128});
}

void BM_Forward(benchmark::State& state) {
  Problem p(state);
  const PackedWeights packed(View(p.w, p.outputs, p.inputs), PackFor::kForward);
  const auto run = [&] {
    MultiplyTransposed(View(p.x, p.rows, p.inputs), packed, {}, Store::kSet,
                       MutableView(p.y, p.rows, p.outputs));
  };
  run();
  p.Verify();
  for (auto _ : state) run();
  p.Report(state);
}
BENCHMARK(BM_Forward)->Apply(Shapes);

void BM_ForwardSgemm(benchmark::State& state) {
  Problem p(state);
  const auto run = [&] {
    dnnl_sgemm('N', 'T', p.rows, p.outputs, p.inputs, 1.0f, p.x.data(), p.inputs, p.w.data(),
               p.inputs, 0.0f, p.y.data(), p.outputs);
  };
  run();
  p.Verify();
  for (auto _ : state) run();
  p.Report(state);
}
BENCHMARK(BM_ForwardSgemm)->Apply(Shapes);

// The "best matmul rate" of this machine at a shape: oneDNN, weights packed as it likes.
void BM_ForwardMatmulPacked(benchmark::State& state) {
  Problem p(state);
  using dnnl::memory;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc x({p.rows, p.inputs}, memory::data_type::f32, memory::format_tag::ab);
  const memory::desc any({p.inputs, p.outputs}, memory::data_type::f32, memory::format_tag::any);
  const memory::desc plain({p.inputs, p.outputs}, memory::data_type::f32, memory::format_tag::ba);
  const memory::desc y({p.rows, p.outputs}, memory::data_type::f32, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(x, any, y), engine);
  const dnnl::matmul matmul(description);
  memory weights_plain(plain, engine, p.w.data());
  memory weights(description.weights_desc(), engine);
  dnnl::reorder(weights_plain, weights).execute(stream, weights_plain, weights);
  memory in(x, engine, p.x.data());
  memory out(y, engine, p.y.data());
  const auto run = [&] {
    matmul.execute(stream, {{DNNL_ARG_SRC, in}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, out}});
  };
  run();
  stream.wait();
  p.Verify();
  for (auto _ : state) run();
  p.Report(state);
}
BENCHMARK(BM_ForwardMatmulPacked)->Apply(Shapes);

void BM_Backward(benchmark::State& state) {
  Problem p(state);
  const PackedWeights packed(View(p.w, p.outputs, p.inputs), PackFor::kBackward);
  for (auto _ : state) {
    Multiply(View(p.y, p.rows, p.outputs), packed, Store::kSet, MutableView(p.x, p.rows, p.inputs));
  }
  p.Report(state);
}
BENCHMARK(BM_Backward)->Apply(Shapes);

void BM_WeightGradient(benchmark::State& state) {
  Problem p(state);
  for (auto _ : state) {
    MultiplyOuter(View(p.y, p.rows, p.outputs), View(p.x, p.rows, p.inputs), Store::kSet,
                  MutableView(p.w, p.outputs, p.inputs));
  }
  p.Report(state);
}
BENCHMARK(BM_WeightGradient)->Apply(Shapes)->Args({1024, 8, 128})->Args({1024, 128, 8});

void BM_WeightGradientSgemm(benchmark::State& state) {
  Problem p(state);
  for (auto _ : state) {
    dnnl_sgemm('T', 'N', p.outputs, p.inputs, p.rows, 1.0f, p.y.data(), p.outputs, p.x.data(),
               p.inputs, 0.0f, p.w.data(), p.inputs);
  }
  p.Report(state);
}
BENCHMARK(BM_WeightGradientSgemm)->Apply(Shapes)->Args({1024, 8, 128})->Args({1024, 128, 8});

void BM_ForwardSkinny(benchmark::State& state) { BM_Forward(state); }
BENCHMARK(BM_ForwardSkinny)->Args({1024, 8, 128})->Args({1024, 128, 8});

void MultiplyBfloat16(benchmark::State& state, Bfloat16Path path) {
  Problem p(state);
  std::vector<Bfloat16> w(p.w.size());
  RoundToBfloat16(p.w, w);
  for (std::size_t i = 0; i < w.size(); ++i) p.w[i] = ToFloat(w[i]);
  for (float& x : p.x) x = ToFloat(ToBfloat16(x));
  const PackedBfloat16 packed(ConstBfloat16Matrix{w.data(), p.outputs, p.inputs, p.inputs},
                              PackFor::kForward, path);
  const auto run = [&] {
    MultiplyTransposed(View(p.x, p.rows, p.inputs), packed, {}, Store::kSet,
                       MutableView(p.y, p.rows, p.outputs));
  };
  run();
  p.Verify();
  for (auto _ : state) run();
  p.Report(state);
}

void BfloatShapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "out", "in"});
  for (const std::int64_t rows : {128, 512}) {
    for (const auto& [o, i] : {std::pair{960, 576}, {3072, 576}, {576, 1536}}) {
      b->Args({rows, o, i});
    }
  }
}

[[maybe_unused]] const bool kBfloat16Registered = [] {
  for (const auto& [path, name] : {std::pair{Bfloat16Path::kAmx, "BM_ForwardBf16/amx"},
                                   {Bfloat16Path::kNative, "BM_ForwardBf16/avx512"},
                                   {Bfloat16Path::kWide, "BM_ForwardBf16/widened"}}) {
    if (!HasBfloat16Path(path)) continue;
    benchmark::RegisterBenchmark(name, MultiplyBfloat16, path)->Apply(BfloatShapes);
  }
  return true;
}();

void BM_Pack(benchmark::State& state) {
  const std::int64_t o = state.range(0);
  const std::int64_t i = state.range(1);
  const std::vector<float> w = RandomBuffer(o * i, 1);
  PackedWeights packed;
  for (auto _ : state) packed.Pack(View(w, o, i), PackFor::kBoth);
  state.SetBytesProcessed(state.iterations() * o * i * 4);
}
BENCHMARK(BM_Pack)->Args({128, 128})->Args({512, 128})->Args({9000, 128});

}  // namespace
}  // namespace raie::kernels
