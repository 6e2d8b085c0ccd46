// What does a Llama-family decoder compute, written as plainly as possible?
//
// Concept: the slow twin of backbones/causal_lm/decoder.cc, for tests only: one prompt at a time,
// one
//          loop per sum, double precision, every position computed. Gradients are taken from it by
//          finite differences.
// Shapes:  x[t][d] for one prompt of n tokens.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "backbones/causal_lm/decoder_weights.h"

namespace raie::reference {

using DecoderRows = std::vector<std::vector<double>>;

struct DecoderModel {
  DecoderConfig config;
  std::map<std::string, std::vector<double>> values;   // maps, biases, norms by short names
  std::map<std::string, std::vector<double>> adapter;  // "<map>.lora_A", "<map>.lora_B"
  std::int64_t rank = 0;
  double scale = 0;
  // Factor on value `column` of the input of an adapted map at a position of the prompt.
  std::function<double(const std::string& map, std::int64_t position, std::int64_t column)>
      lora_dropout = [](const std::string&, std::int64_t, std::int64_t) { return 1.0; };
};

// Takes frozen weights apart into the twin's maps.
inline DecoderModel ModelOf(const DecoderWeights& weights) {
  DecoderModel model{.config = weights.config};
  const DecoderConfig& c = weights.config;
  const auto take = [&](const std::string& name, std::span<const float> from, std::int64_t begin,
                        std::int64_t size) {
    if (from.empty()) return;
    const auto part = from.subspan(begin, size);
    model.values[name] = {part.begin(), part.end()};
  };
  for (std::size_t l = 0; l < weights.layers.size(); ++l) {
    const DecoderLayer& layer = weights.layers[l];
    const std::string at = "model.layers." + std::to_string(l) + ".";
    const auto map = [&](const std::string& name, const nn::FrozenMap& from,
                         std::span<const float> bias, std::int64_t begin, std::int64_t outputs) {
      std::vector<float> w(outputs * from.inputs());
      from.CopyRows(begin, kernels::MutableView(w, outputs, from.inputs()));
      model.values[at + name] = {w.begin(), w.end()};
      take(at + name + ".bias", bias, begin, outputs);
    };
    const std::int64_t q = c.query_width(), k = c.kv_width();
    map("self_attn.q_proj", *layer.qkv, layer.qkv_bias, 0, q);
    map("self_attn.k_proj", *layer.qkv, layer.qkv_bias, q, k);
    map("self_attn.v_proj", *layer.qkv, layer.qkv_bias, q + k, k);
    map("self_attn.o_proj", *layer.o, layer.o_bias, 0, c.dim);
    map("mlp.gate_proj", *layer.gate_up, layer.gate_up_bias, 0, c.ffn_width);
    map("mlp.up_proj", *layer.gate_up, layer.gate_up_bias, c.ffn_width, c.ffn_width);
    map("mlp.down_proj", *layer.down, layer.down_bias, 0, c.dim);
    take(at + "norm1", layer.input_norm, 0, c.dim);
    take(at + "norm2", layer.ffn_norm, 0, c.dim);
    take(at + "q_norm", layer.q_norm, 0, c.head_dim);
    take(at + "k_norm", layer.k_norm, 0, c.head_dim);
  }
  take("norm", weights.final_norm, 0, c.dim);
  return model;
}

class DecoderReference {
 public:
  explicit DecoderReference(const DecoderModel& model) : m_(model), c_(model.config) {}

  // Returns the final-norm states of one prompt, given its input rows.
  DecoderRows Run(DecoderRows h) const {
    for (std::int64_t layer = 0; layer < c_.layers; ++layer) {
      const std::string at = "model.layers." + std::to_string(layer) + ".";
      Add(h, Attention(Norm(h, at + "norm1"), at));
      Add(h, FeedForward(Norm(h, at + "norm2"), at));
    }
    return Norm(h, "norm");
  }

 private:
  static void Add(DecoderRows& to, const DecoderRows& more) {
    for (std::size_t t = 0; t < to.size(); ++t) {
      for (std::size_t i = 0; i < to[t].size(); ++i) to[t][i] += more[t][i];
    }
  }

  void NormPart(std::vector<double>& row, std::size_t begin, const std::string& name) const {
    const std::vector<double>& gamma = m_.values.at(name);
    double squares = 0;
    for (std::size_t i = 0; i < gamma.size(); ++i) squares += row[begin + i] * row[begin + i];
    const double rms = std::sqrt(squares / static_cast<double>(gamma.size()) + c_.norm_epsilon);
    for (std::size_t i = 0; i < gamma.size(); ++i) row[begin + i] *= gamma[i] / rms;
  }

  DecoderRows Norm(DecoderRows x, const std::string& name) const {
    for (auto& row : x) NormPart(row, 0, name);
    return x;
  }

  DecoderRows Linear(const DecoderRows& x, const std::string& name) const {
    const std::vector<double>& w = m_.values.at(name);
    const std::size_t inputs = x[0].size(), outputs = w.size() / inputs;
    const auto bias = m_.values.find(name + ".bias");
    const auto a = m_.adapter.find(name + ".lora_A");
    DecoderRows y(x.size(), std::vector<double>(outputs));
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t o = 0; o < outputs; ++o) {
        if (bias != m_.values.end()) y[t][o] = bias->second[o];
        for (std::size_t i = 0; i < inputs; ++i) y[t][o] += w[o * inputs + i] * x[t][i];
      }
      if (a == m_.adapter.end()) continue;
      const std::vector<double>& b = m_.adapter.at(name + ".lora_B");
      for (std::int64_t r = 0; r < m_.rank; ++r) {
        double low = 0;
        for (std::size_t i = 0; i < inputs; ++i) {
          low += a->second[r * inputs + i] * x[t][i] *
                 m_.lora_dropout(name, static_cast<std::int64_t>(t), static_cast<std::int64_t>(i));
        }
        for (std::size_t o = 0; o < outputs; ++o) y[t][o] += m_.scale * b[o * m_.rank + r] * low;
      }
    }
    return y;
  }

  // Norms (where there are any) and turns each head of queries or keys.
  void Turn(DecoderRows& x, const std::string& norm) const {
    const std::int64_t half = c_.head_dim / 2;
    const std::vector<float> frequencies = RopeFrequencies(c_.rope, c_.head_dim);
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t head = 0; head < x[t].size(); head += c_.head_dim) {
        if (m_.values.contains(norm)) NormPart(x[t], head, norm);
        for (std::int64_t i = 0; i < half; ++i) {
          const double angle = static_cast<double>(t) * double{frequencies[i]};
          const double a = x[t][head + i], b = x[t][head + half + i];
          x[t][head + i] = a * std::cos(angle) - b * std::sin(angle);
          x[t][head + half + i] = b * std::cos(angle) + a * std::sin(angle);
        }
      }
    }
  }

  DecoderRows Attention(const DecoderRows& x, const std::string& at) const {
    DecoderRows q = Linear(x, at + "self_attn.q_proj"), k = Linear(x, at + "self_attn.k_proj");
    const DecoderRows v = Linear(x, at + "self_attn.v_proj");
    Turn(q, at + "q_norm");
    Turn(k, at + "k_norm");
    DecoderRows mixed(x.size(), std::vector<double>(c_.query_width()));
    for (std::int64_t h = 0; h < c_.heads; ++h) {
      const std::int64_t from = h * c_.head_dim,
                         shared = h / (c_.heads / c_.kv_heads) * c_.head_dim;
      for (std::size_t t = 0; t < x.size(); ++t) {
        std::vector<double> weights(t + 1);
        double sum = 0;
        for (std::size_t s = 0; s <= t; ++s) {
          double dot = 0;
          for (std::int64_t i = 0; i < c_.head_dim; ++i) dot += q[t][from + i] * k[s][shared + i];
          sum += weights[s] = std::exp(dot / std::sqrt(static_cast<double>(c_.head_dim)));
        }
        for (std::size_t s = 0; s <= t; ++s) {
          for (std::int64_t i = 0; i < c_.head_dim; ++i) {
            mixed[t][from + i] += weights[s] / sum * v[s][shared + i];
          }
        }
      }
    }
    return Linear(mixed, at + "self_attn.o_proj");
  }

  DecoderRows FeedForward(const DecoderRows& x, const std::string& at) const {
    DecoderRows gate = Linear(x, at + "mlp.gate_proj");
    const DecoderRows up = Linear(x, at + "mlp.up_proj");
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t i = 0; i < gate[t].size(); ++i) {
        gate[t][i] *= up[t][i] / (1 + std::exp(-gate[t][i]));
      }
    }
    return Linear(gate, at + "mlp.down_proj");
  }

  const DecoderModel& m_;
  const DecoderConfig& c_;
};

}  // namespace raie::reference
