// What does a transformer over item rows compute, written as plainly as possible?
//
// Concept: the slow twin of backbones/item_transformer.cc, for tests only: one sequence at a time,
//          one loop per sum, double precision, every position computed. As it stands it is SASRec;
//          what other backbones do otherwise is virtual. Gradients are taken from it by finite
//          differences. Dropout factors come from a function, so that tests can draw the bits the
//          engine draws.
// Shapes:  x[t][d] for one sequence of n tokens.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "backbones/item_transformer.h"

namespace raie::reference {

using Matrix = std::vector<std::vector<double>>;
using Table = std::map<std::string, std::vector<double>>;

// One value that dropout may switch off. `site` names the place ("embedding", "blocks.0.attention",
// "blocks.0.ffn_in", or a linear map), `key` the row of the batch, `position` the token's index in
// its sequence, `lane` the attention head (0 elsewhere), `column` the value or the key's position.
struct Unit {
  std::string_view site;
  std::uint32_t key = 0;
  std::int64_t position = 0, lane = 0, column = 0;
};

// Returns what dropout multiplies a value with: 0 or 1 / (1 - p).
using KeepFactor = std::function<double(const Unit&)>;

struct TransformerModel {
  TransformerOptions options;
  ItemTransformerShape shape;
  Table parameters;  // by Backbone::Parameter::name
  Table adapter;     // "<map>.lora_A", "<map>.lora_B"; a map without entry is not adapted
  std::int64_t rank = 0;
  double scale = 0;                                           // alpha / rank
  KeepFactor dropout = [](const Unit&) { return 1.0; };       // of the model
  KeepFactor lora_dropout = [](const Unit&) { return 1.0; };  // on adapter inputs; site: the map
};

class TransformerReference {
 public:
  // Query t and key s of a sequence of n tokens.
  struct Pair {
    std::int64_t t, s, n;
  };

  TransformerReference(const TransformerModel& model, std::uint32_t key) : m_(model), key_(key) {}
  virtual ~TransformerReference() = default;

  // Returns the hidden states of one sequence, given the item row of every token.
  Matrix Run(const Matrix& items) const {
    const std::int64_t d = m_.options.dim;
    const std::int64_t n = static_cast<std::int64_t>(items.size());
    const double scale =
        m_.shape.scale == InputScale::kSqrtDim ? std::sqrt(static_cast<double>(d)) : 1;
    const std::int64_t first =
        m_.shape.position_order == PositionOrder::kFromEnd ? m_.options.context - n : 0;
    Matrix x = items;
    for (std::int64_t t = 0; t < n; ++t) {
      x[t].resize(d);  // the input does not read an item's bias
      for (std::int64_t i = 0; i < d; ++i) x[t][i] = scale * x[t][i] + InputTerm(first + t, i);
    }
    if (m_.shape.embedding_norm) x = Norm(x, "embedding_norm");
    x = Dropped(x, "embedding");
    for (std::int64_t b = 0; b < m_.options.blocks; ++b) {
      x = Block(x, "blocks." + std::to_string(b) + ".");
    }
    if (m_.shape.final_norm) x = Norm(x, "final_norm");
    if (m_.shape.output_layer == OutputLayer::kDense) {
      x = Norm(Activated(Linear(x, "output"), Activation::kGelu), "output_norm");
    }
    if (m_.shape.item_bias) {
      for (auto& row : x) row.push_back(1);
    }
    return x;
  }

 protected:
  // What is added to value i of the input at position row p.
  virtual double InputTerm(std::int64_t p, std::int64_t i) const {
    return m_.parameters.at("position.weight")[p * m_.options.dim + i];
  }
  // How many keys query t of n sees.
  virtual std::int64_t NumKeys(std::int64_t t, std::int64_t /*n*/) const { return t + 1; }
  // What is added to number i of the key, and of the value, of a pair.
  virtual double KeyTerm(const Pair& /*pair*/, std::int64_t /*i*/) const { return 0; }
  virtual double ValueTerm(const Pair& /*pair*/, std::int64_t /*i*/) const { return 0; }

  const TransformerModel& m_;

 private:
  Matrix Block(const Matrix& x, const std::string& p) const {
    if (m_.options.norm == NormPlace::kPost) {
      const Matrix h = Norm(Sum(x, Attention(x, x, p)), p + "norm1");
      return Norm(Sum(h, FeedForward(h, p)), p + "norm2");
    }
    const Matrix q = Norm(x, p + "norm1");
    if (m_.options.norm == NormPlace::kQuery) {
      const Matrix h = Norm(Sum(q, Attention(q, x, p)), p + "norm2");
      return Sum(h, FeedForward(h, p));
    }
    const Matrix h = Sum(x, Attention(q, q, p));
    return Sum(h, FeedForward(Norm(h, p + "norm2"), p));
  }

  // Queries are made of x, keys and values of y.
  Matrix Attention(const Matrix& x, const Matrix& y, const std::string& p) const {
    const Matrix q = Linear(x, p + "attention.q");
    Matrix k = Linear(y, p + "attention.k"), v = Linear(y, p + "attention.v");
    const std::int64_t n = static_cast<std::int64_t>(x.size());
    // Attended padding: places before the tokens whose keys and values are those of a zero row.
    const std::int64_t padding =
        m_.shape.padding == Padding::kAttended ? m_.options.context - n : 0;
    k.insert(k.begin(), padding, m_.parameters.at(p + "attention.k.bias"));
    v.insert(v.begin(), padding, m_.parameters.at(p + "attention.v.bias"));
    const std::int64_t width = m_.options.dim / m_.options.heads;
    const std::string site = p + "attention";
    Matrix mixed(n, std::vector<double>(m_.options.dim, 0));
    for (std::int64_t h = 0; h < m_.options.heads; ++h) {
      for (std::int64_t t = 0; t < n; ++t) {
        std::vector<double> weights(padding + NumKeys(t, n), 0);
        for (std::int64_t s = 0; s < std::ssize(weights); ++s) {
          for (std::int64_t i = h * width; i < (h + 1) * width; ++i) {
            weights[s] += q[t][i] * (k[s][i] + KeyTerm({t, s, n}, i));
          }
          weights[s] /= std::sqrt(static_cast<double>(width));
        }
        const double largest = *std::max_element(weights.begin(), weights.end());
        double sum = 0;
        for (double& w : weights) sum += w = std::exp(w - largest);
        for (std::int64_t s = 0; s < std::ssize(weights); ++s) {
          const double w = weights[s] / sum * m_.dropout({site, key_, padding + t, h, s});
          for (std::int64_t i = h * width; i < (h + 1) * width; ++i) {
            mixed[t][i] += w * (v[s][i] + ValueTerm({t, s, n}, i));
          }
        }
      }
    }
    return Dropped(Linear(mixed, p + "attention.out"), p + "attention.out");
  }

  Matrix FeedForward(const Matrix& x, const std::string& p) const {
    const Matrix hidden = Activated(Linear(x, p + "ffn_in"), m_.options.activation);
    return Dropped(Linear(Dropped(hidden, p + "ffn_in"), p + "ffn_out"), p + "ffn_out");
  }

  static Matrix Activated(Matrix x, Activation activation) {
    for (auto& row : x) {
      for (double& u : row) {
        u = activation == Activation::kRelu ? std::max(u, 0.0)
                                            : 0.5 * u * (1 + std::erf(u / std::sqrt(2.0)));
      }
    }
    return x;
  }

  Matrix Linear(const Matrix& x, const std::string& name) const {
    const auto& weight = m_.parameters.at(name + ".weight");
    const auto& bias = m_.parameters.at(name + ".bias");
    const std::size_t outputs = bias.size(), inputs = weight.size() / outputs;
    Matrix y(x.size(), bias);
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t o = 0; o < outputs; ++o) {
        for (std::size_t i = 0; i < inputs; ++i) y[t][o] += x[t][i] * weight[o * inputs + i];
      }
    }
    const auto a = m_.adapter.find(name + ".lora_A");
    if (a == m_.adapter.end()) return y;
    const auto& b = m_.adapter.at(name + ".lora_B");
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::int64_t r = 0; r < m_.rank; ++r) {
        double h = 0;
        for (std::size_t i = 0; i < inputs; ++i) {
          h += a->second[r * inputs + i] * x[t][i] * m_.lora_dropout(UnitAt(name, t, i));
        }
        for (std::size_t o = 0; o < outputs; ++o) y[t][o] += m_.scale * h * b[o * m_.rank + r];
      }
    }
    return y;
  }

  Matrix Norm(const Matrix& x, const std::string& name) const {
    const auto& weight = m_.parameters.at(name + ".weight");
    const auto& bias = m_.parameters.at(name + ".bias");
    const double epsilon = name == "final_norm" && m_.shape.final_norm_epsilon > 0
                               ? m_.shape.final_norm_epsilon
                               : m_.options.layer_norm_epsilon;
    Matrix y = x;
    for (auto& row : y) {
      double mean = 0, variance = 0;
      for (const double v : row) mean += v / row.size();
      for (const double v : row) variance += (v - mean) * (v - mean) / row.size();
      for (std::size_t i = 0; i < row.size(); ++i) {
        row[i] = (row[i] - mean) / std::sqrt(variance + epsilon) * weight[i] + bias[i];
      }
    }
    return y;
  }

  Matrix Dropped(Matrix x, const std::string& site) const {
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t i = 0; i < x[t].size(); ++i) x[t][i] *= m_.dropout(UnitAt(site, t, i));
    }
    return x;
  }

  static Matrix Sum(Matrix a, const Matrix& b) {
    for (std::size_t t = 0; t < a.size(); ++t) {
      for (std::size_t i = 0; i < a[t].size(); ++i) a[t][i] += b[t][i];
    }
    return a;
  }

  Unit UnitAt(std::string_view site, std::size_t position, std::size_t column) const {
    return {site, key_, static_cast<std::int64_t>(position), 0, static_cast<std::int64_t>(column)};
  }

  std::uint32_t key_;
};

}  // namespace raie::reference
