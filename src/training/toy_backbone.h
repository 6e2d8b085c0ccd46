// What is the smallest backbone that has everything a trainer touches? (Tests only.)
//
// Concept: x = mean of the item rows up to the output position, units dropped by row key;
//          hidden = tanh((W + scale B A) x + b). Slow, obvious, in double inside.
#pragma once

#include <atomic>
#include <cmath>
#include <memory>
#include <vector>

#include "backbones/backbone.h"
#include "base/random.h"
#include "kernels/dropout.h"

namespace raie::testing {

class ToyBackbone : public Backbone {
 public:
  ToyBackbone(std::int64_t dim, float dropout, std::uint64_t seed)
      : dim_(dim), dropout_(dropout), parameters_(dim * dim + dim) {
    RandomStream random(seed, 0);
    for (float& value : parameters_) value = static_cast<float>(0.5 * random.Normal());
    maps_ = {{"toy.w", "q", dim, dim}};
    list_ = {{"w", {dim, dim}, 0, true}, {"b", {dim}, dim * dim, false}};
  }

  std::int64_t dim() const override { return dim_; }
  std::int64_t max_length() const override { return 16; }
  std::span<const LinearMapInfo> linear_maps() const override { return maps_; }
  std::span<const Parameter> parameter_list() const override { return list_; }
  std::span<float> parameters() override { return parameters_; }
  std::span<const float> parameters() const override { return parameters_; }

  TokenCost token_cost() const override { return {.tape_bytes = tape_bytes_}; }
  // Says so; tapes are small all the same. Tapes that are there are counted.
  void SetTapeBytes(std::int64_t of_token) { tape_bytes_ = of_token; }
  int most_tapes() const { return *most_; }

  std::unique_ptr<BoundWeights> Bind(const Adapter* adapter, Purpose) const override {
    auto bound = std::make_unique<Bound>();
    bound->adapter = adapter;
    bound->w_OI.assign(parameters_.begin(), parameters_.begin() + dim_ * dim_);
    if (adapter == nullptr) return bound;
    const Adapter::Map& map = adapter->maps()[0];
    const auto a = adapter->a_RI(map);
    const auto b = adapter->b_OR(map);
    const std::int64_t rank = adapter->options().rank;
    for (std::int64_t o = 0; o < dim_; ++o) {
      for (std::int64_t i = 0; i < dim_; ++i) {
        for (std::int64_t r = 0; r < rank; ++r) {
          bound->w_OI[o * dim_ + i] += adapter->scale() * b[o * rank + r] * a[r * dim_ + i];
        }
      }
    }
    return bound;
  }

  std::unique_ptr<Tape> Forward(const BoundWeights& weights, const ForwardInput& input,
                                std::span<float> hidden_PD) const override {
    const auto& bound = static_cast<const Bound&>(weights);
    auto tape = std::make_unique<Activations>(tapes_);
    int most = most_->load();
    while (most < tapes_->load() && !most_->compare_exchange_weak(most, tapes_->load())) {
    }
    for (std::size_t p = 0; p < input.outputs.size(); ++p) {
      const std::vector<double> x = Mean(input, input.outputs[p]);
      for (std::int64_t o = 0; o < dim_; ++o) {
        double y = parameters_[dim_ * dim_ + o];
        for (std::int64_t i = 0; i < dim_; ++i) y += bound.w_OI[o * dim_ + i] * x[i];
        hidden_PD[p * dim_ + o] = static_cast<float>(std::tanh(y));
        tape->hidden_PD.push_back(std::tanh(y));
      }
      tape->x_PD.insert(tape->x_PD.end(), x.begin(), x.end());
    }
    return tape;
  }

  void Backward(const BoundWeights& weights, const ForwardInput& input, const Tape& tape,
                std::span<const float> grad_PD, const GradientSink& sink) const override {
    const auto& bound = static_cast<const Bound&>(weights);
    const auto& kept = static_cast<const Activations&>(tape);
    std::vector<double> dw_OI(dim_ * dim_);
    std::vector<double> db_O(dim_);
    for (float& value : sink.input_TD) value = 0;
    for (std::size_t p = 0; p < input.outputs.size(); ++p) {
      std::vector<double> dx(dim_);
      for (std::int64_t o = 0; o < dim_; ++o) {
        const double h = kept.hidden_PD[p * dim_ + o];
        const double dy = grad_PD[p * dim_ + o] * (1 - h * h);
        db_O[o] += dy;
        for (std::int64_t i = 0; i < dim_; ++i) {
          dw_OI[o * dim_ + i] += dy * kept.x_PD[p * dim_ + i];
          dx[i] += dy * bound.w_OI[o * dim_ + i];
        }
      }
      if (!sink.input_TD.empty()) AddInput(input, input.outputs[p], dx, sink.input_TD);
    }
    for (std::size_t i = 0; i < dw_OI.size() && !sink.parameters.empty(); ++i) {
      sink.parameters[i] += static_cast<float>(dw_OI[i]);
    }
    for (std::size_t o = 0; o < db_O.size() && !sink.parameters.empty(); ++o) {
      sink.parameters[dim_ * dim_ + o] += static_cast<float>(db_O[o]);
    }
    if (!sink.adapter.empty()) AddAdapter(*bound.adapter, dw_OI, sink.adapter);
  }

 private:
  struct Bound : BoundWeights {
    const Adapter* adapter = nullptr;
    std::vector<double> w_OI;
  };
  struct Activations : Tape {
    explicit Activations(std::shared_ptr<std::atomic<int>> count) : tapes(std::move(count)) {
      ++*tapes;
    }
    ~Activations() override { --*tapes; }
    std::shared_ptr<std::atomic<int>> tapes;
    std::vector<double> x_PD;
    std::vector<double> hidden_PD;
  };

  float Factor(const ForwardInput& input, const OutputPosition& output, std::int64_t column) const {
    if (!input.training || dropout_ == 0) return 1;
    const kernels::Dropout dropout{.rate = dropout_, .seed = input.seed, .step = input.step};
    const auto row = kernels::MakeDropoutRow(
        dropout.Key(), {.row_key = input.batch.row_keys[output.row],
                        .position = static_cast<std::uint32_t>(output.position)});
    return kernels::DropoutFactor(dropout, row, static_cast<std::uint32_t>(column));
  }

  std::vector<double> Mean(const ForwardInput& input, const OutputPosition& output) const {
    std::vector<double> x(dim_);
    const std::int32_t begin = input.batch.offsets[output.row];
    for (std::int32_t t = begin; t <= begin + output.position; ++t) {
      const std::int32_t item = Index(input.batch.items[t]);
      const float* row = input.items.base_ND.data() + item * dim_;
      for (std::size_t i = 0; i < input.items.replaced_items.size(); ++i) {
        if (input.items.replaced_items[i] == item) {
          row = input.items.replaced_rows.data() + i * dim_;
        }
      }
      for (std::int64_t d = 0; d < dim_; ++d) x[d] += row[d] / (output.position + 1.0);
    }
    for (std::int64_t d = 0; d < dim_; ++d) x[d] *= Factor(input, output, d);
    return x;
  }

  void AddInput(const ForwardInput& input, const OutputPosition& output,
                const std::vector<double>& dx, std::span<float> input_TD) const {
    const std::int32_t begin = input.batch.offsets[output.row];
    for (std::int32_t t = begin; t <= begin + output.position; ++t) {
      for (std::int64_t d = 0; d < dim_; ++d) {
        input_TD[t * dim_ + d] +=
            static_cast<float>(dx[d] * Factor(input, output, d) / (output.position + 1.0));
      }
    }
  }

  void AddAdapter(const Adapter& adapter, const std::vector<double>& dw_OI,
                  std::span<float> gradient) const {
    const Adapter::Map& map = adapter.maps()[0];
    const auto a = adapter.a_RI(map);
    const auto b = adapter.b_OR(map);
    const std::int64_t rank = adapter.options().rank;
    for (std::int64_t o = 0; o < dim_; ++o) {
      for (std::int64_t i = 0; i < dim_; ++i) {
        const double dw = dw_OI[o * dim_ + i] * adapter.scale();
        for (std::int64_t r = 0; r < rank; ++r) {
          gradient[map.b_begin + o * rank + r] += static_cast<float>(dw * a[r * dim_ + i]);
          gradient[map.a_begin + r * dim_ + i] += static_cast<float>(dw * b[o * rank + r]);
        }
      }
    }
  }

  std::int64_t dim_;
  float dropout_;
  std::vector<float> parameters_;
  std::vector<LinearMapInfo> maps_;
  std::vector<Parameter> list_;
  std::int64_t tape_bytes_ = 0;
  std::shared_ptr<std::atomic<int>> tapes_ = std::make_shared<std::atomic<int>>(0);
  std::shared_ptr<std::atomic<int>> most_ = std::make_shared<std::atomic<int>>(0);
};

// A table of N(0, 1) rows.
inline std::vector<float> RandomRows(std::int64_t rows, std::int64_t dim, std::uint64_t seed,
                                     double scale = 1) {
  RandomStream random(seed, 99);
  std::vector<float> values(rows * dim);
  for (float& value : values) value = static_cast<float>(scale * random.Normal());
  return values;
}

}  // namespace raie::testing
