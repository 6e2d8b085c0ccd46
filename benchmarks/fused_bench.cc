// How long do the fused kernels around the products take, against what they replace and against the
// products of the same step?
//
// Concept: 3,200 tokens (320 sequences of 10, 64 of 50, 16 of 200), d = 128, two heads.
//          Counters: `per_token`, the time of one; for attention `GF/s` of the useful
//          multiplications.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernels/activation.h"
#include "kernels/adamw.h"
#include "kernels/attention.h"
#include "kernels/gemm.h"
#include "kernels/norm.h"
#include "kernels/softmax.h"

namespace raie::kernels {
namespace {

constexpr std::int64_t kDim = 128;
constexpr std::int64_t kTokens = 3200;

std::vector<float> RandomBuffer(std::int64_t n, std::uint64_t stream) {
  RandomStream random(1, stream);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(random.Normal());
  return values;
}

void PerToken(benchmark::State& state) {
  state.counters["per_token"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kTokens,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

Dropout RateOf(const benchmark::State& state, int argument) {
  return {.rate = static_cast<float>(state.range(argument)) / 100, .seed = 1};
}

// Sequences of one length, causal, two heads.
struct AttentionTile {
  AttentionTile(std::int64_t length, std::int64_t heads) {
    for (std::int64_t t = length; t <= kTokens; t += length) {
      offsets.push_back(static_cast<std::int32_t>(t));
      row_keys.push_back(static_cast<std::uint32_t>(t));
    }
    tokens = offsets.back();
    shape = {.heads = heads, .offsets_S1 = offsets};
    qkv = RandomBuffer(tokens * 3 * kDim, 1);
    dqkv.resize(qkv.size());
    out.resize(tokens * kDim);
    dout = RandomBuffer(tokens * kDim, 2);
    state.resize(AttentionStateSize(shape));
    fused = {qkv.data(), tokens, 3 * kDim, 3 * kDim};
    flops = 4.0 * tokens * (length + 1) / 2 * kDim;
  }
  AttentionForwardArgs Forward(const Dropout& dropout) {
    return {.shape = shape,
            .scale = 0.125f,
            .q_PD = fused.Columns(0, kDim),
            .k_TD = fused.Columns(kDim, 2 * kDim),
            .v_TD = fused.Columns(2 * kDim, 3 * kDim),
            .dropout = dropout,
            .row_keys_S = row_keys,
            .out_PD = MutableView(out, tokens, kDim),
            .state = state};
  }
  AttentionBackwardArgs Backward(const Dropout& dropout) {
    const Matrix d{dqkv.data(), tokens, 3 * kDim, 3 * kDim};
    return {.shape = shape,
            .scale = 0.125f,
            .q_PD = fused.Columns(0, kDim),
            .k_TD = fused.Columns(kDim, 2 * kDim),
            .v_TD = fused.Columns(2 * kDim, 3 * kDim),
            .dropout = dropout,
            .state = state,
            .out_PD = View(out, tokens, kDim),
            .dout_PD = View(dout, tokens, kDim),
            .dq_PD = d.Columns(0, kDim),
            .dk_TD = d.Columns(kDim, 2 * kDim),
            .dv_TD = d.Columns(2 * kDim, 3 * kDim)};
  }
  std::vector<std::int32_t> offsets = {0};
  std::vector<std::uint32_t> row_keys;
  std::int64_t tokens = 0;
  AttentionShape shape;
  std::vector<float> qkv, dqkv, out, dout, state;
  ConstMatrix fused;
  double flops = 0;
};

void Lengths(benchmark::internal::Benchmark* b) {
  b->ArgNames({"L", "dropout%", "heads"});
  for (const std::int64_t length : {10, 50, 200}) {
    for (const std::int64_t rate : {0, 20}) b->Args({length, rate, 2});
  }
  b->Args({50, 20, 4});
}

void ReportAttention(benchmark::State& state, double flops) {
  PerToken(state);
  state.counters["GF/s"] =
      benchmark::Counter(state.iterations() * flops * 1e-9, benchmark::Counter::kIsRate);
}

void BM_AttentionForward(benchmark::State& state) {
  AttentionTile tile(state.range(0), state.range(2));
  const AttentionForwardArgs args = tile.Forward(RateOf(state, 1));
  for (auto _ : state) AttentionForward(args);
  ReportAttention(state, tile.flops);
}
BENCHMARK(BM_AttentionForward)->Apply(Lengths);

void BM_AttentionBackward(benchmark::State& state) {
  AttentionTile tile(state.range(0), state.range(2));
  AttentionForward(tile.Forward(RateOf(state, 1)));
  const AttentionBackwardArgs args = tile.Backward(RateOf(state, 1));
  for (auto _ : state) AttentionBackward(args);
  ReportAttention(state, 2 * tile.flops);
}
BENCHMARK(BM_AttentionBackward)->Apply(Lengths);

struct RowTile {
  explicit RowTile(std::int64_t dim)
      : x(RandomBuffer(kTokens * dim, 1)), residual(RandomBuffer(kTokens * dim, 2)) {
    gamma.assign(dim, 1.0f);
    beta.assign(dim, 0.0f);
    y.resize(x.size());
    h.resize(x.size());
    mean.resize(kTokens);
    rstd.resize(kTokens);
    for (std::uint32_t t = 0; t < kTokens; ++t) tokens.push_back({t / 50, t % 50});
  }
  std::vector<float> x, residual, gamma, beta, y, h, mean, rstd;
  std::vector<TokenKey> tokens;
};

void BM_NormForward(benchmark::State& state) {
  RowTile tile(kDim);
  for (auto _ : state) {
    NormForward({.dim = kDim,
                 .x_TD = tile.x,
                 .bias_D = tile.beta,
                 .residual_TD = tile.residual,
                 .dropout = RateOf(state, 0),
                 .tokens_T = tile.tokens,
                 .gamma_D = tile.gamma,
                 .beta_D = tile.beta,
                 .h_TD = tile.h,
                 .y_TD = tile.y,
                 .mean_T = tile.mean,
                 .rstd_T = tile.rstd});
  }
  PerToken(state);
}
BENCHMARK(BM_NormForward)->ArgName("dropout%")->Arg(0)->Arg(20);

void BM_NormBackward(benchmark::State& state) {
  RowTile tile(kDim);
  std::vector<float> dx(tile.x.size()), dgamma(kDim), dbeta(kDim), dbias(kDim);
  for (auto _ : state) {
    NormBackward({.dim = kDim,
                  .dy_TD = tile.x,
                  .h_TD = tile.residual,
                  .mean_T = tile.mean,
                  .rstd_T = tile.rstd,
                  .gamma_D = tile.gamma,
                  .dropout = RateOf(state, 0),
                  .tokens_T = tile.tokens,
                  .dh_TD = tile.h,
                  .dx_TD = dx,
                  .dgamma_D = dgamma,
                  .dbeta_D = dbeta,
                  .dbias_D = dbias});
  }
  PerToken(state);
}
BENCHMARK(BM_NormBackward)->ArgName("dropout%")->Arg(0)->Arg(20);

void BM_GeluForward(benchmark::State& state) {
  RowTile tile(4 * kDim);
  for (auto _ : state) {
    ActivationForward({.dim = 4 * kDim,
                       .x_TF = tile.x,
                       .bias_F = tile.beta,
                       .dropout = RateOf(state, 0),
                       .tokens_T = tile.tokens,
                       .y_TF = tile.y,
                       .derivative_TF = tile.h});
  }
  PerToken(state);
}
BENCHMARK(BM_GeluForward)->ArgName("dropout%")->Arg(0)->Arg(20);

// Bias, erf and the draw of bits as separate loops, the ordinary way.
void BM_GeluForwardNaive(benchmark::State& state) {
  RowTile tile(4 * kDim);
  RandomStream random(1, 1);
  for (auto _ : state) {
    for (std::size_t i = 0; i < tile.x.size(); ++i) {
      tile.h[i] = tile.x[i] + tile.beta[i % (4 * kDim)];
    }
    for (std::size_t i = 0; i < tile.x.size(); ++i) {
      tile.y[i] = 0.5f * tile.h[i] * (1 + std::erf(tile.h[i] * 0.70710678f));
    }
    if (state.range(0) > 0) {
      for (float& y : tile.y) y = random.Uniform() < 0.2 ? 0 : y * 1.25f;
    }
    benchmark::DoNotOptimize(tile.y.data());
  }
  PerToken(state);
}
BENCHMARK(BM_GeluForwardNaive)->ArgName("dropout%")->Arg(0)->Arg(20);

void BM_GeluBackward(benchmark::State& state) {
  RowTile tile(4 * kDim);
  std::vector<float> dbias(4 * kDim);
  for (auto _ : state) {
    ActivationBackward({.dim = 4 * kDim,
                        .dy_TF = tile.x,
                        .derivative_TF = tile.residual,
                        .dx_TF = tile.y,
                        .dbias_F = dbias});
  }
  PerToken(state);
}
BENCHMARK(BM_GeluBackward);

// The products of one block, forward and backward with weight gradients: what the kernels above
// are small against.
void BM_ProductsOfOneBlock(benchmark::State& state) {
  RowTile tile(4 * kDim);
  struct Map {
    std::int64_t outputs, inputs;
  };
  const Map maps[] = {{3 * kDim, kDim}, {kDim, kDim}, {4 * kDim, kDim}, {kDim, 4 * kDim}};
  std::vector<PackedWeights> packed(4);
  const std::vector<float> w = RandomBuffer(4 * kDim * kDim, 3);
  std::vector<float> dw(w.size());
  for (int i = 0; i < 4; ++i) {
    packed[i].Pack(View(w, maps[i].outputs, maps[i].inputs), PackFor::kBoth);
  }
  double flops = 0;
  for (const Map& map : maps) flops += 6.0 * kTokens * map.outputs * map.inputs;
  for (auto _ : state) {
    for (int i = 0; i < 4; ++i) {
      const Matrix x = MutableView(tile.x, kTokens, maps[i].inputs);
      const Matrix y = MutableView(tile.y, kTokens, maps[i].outputs);
      MultiplyTransposed(x, packed[i], {}, Store::kSet, y);
      Multiply(y, packed[i], Store::kSet, MutableView(tile.h, kTokens, maps[i].inputs));
      MultiplyOuter(y, x, Store::kAdd, MutableView(dw, maps[i].outputs, maps[i].inputs));
    }
  }
  ReportAttention(state, flops);
}
BENCHMARK(BM_ProductsOfOneBlock);

void BM_SoftmaxTile(benchmark::State& state) {
  const std::vector<float> logits = RandomBuffer(256 * 512, 1);
  std::vector<float> tile = logits;
  std::vector<SoftmaxPartial> partials(256);
  const std::vector<float> lse(256, 7.0f), weights(256, 1.0f / 256);
  for (auto _ : state) {
    const Matrix view = MutableView(tile, 256, 512);
    SoftmaxPartials(view, partials);
    SoftmaxGradient({.lse_R = lse, .row_weights_R = weights}, view);
  }
  state.SetItemsProcessed(state.iterations() * 256 * 512);
}
BENCHMARK(BM_SoftmaxTile);

void BM_AdamW(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const std::vector<float> gradient = RandomBuffer(n, 1);
  std::vector<float> p = RandomBuffer(n, 2), m(n), v(n, 1.0f);
  const std::vector<AdamWRange> ranges = {{0, n, true}};
  for (auto _ : state) {
    AdamWStep({.ranges = ranges,
               .gradient = gradient,
               .parameters = p,
               .first_moment = m,
               .second_moment = v});
  }
  state.SetItemsProcessed(state.iterations() * n);
}
BENCHMARK(BM_AdamW)->Arg(400000)->Arg(1600000);

}  // namespace
}  // namespace raie::kernels
