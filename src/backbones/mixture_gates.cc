#include "backbones/mixture_gates.h"

#include <algorithm>
#include <cmath>

namespace raie {
namespace {

std::span<const float> RowOf(const ItemRows& items, std::int32_t item, std::int64_t dim) {
  const auto own = std::ranges::lower_bound(items.replaced_items, item);
  if (own != items.replaced_items.end() && *own == item) {
    return items.replaced_rows.subspan((own - items.replaced_items.begin()) * dim, dim);
  }
  return items.base_ND.subspan(item * dim, dim);
}

std::vector<float> MeanRows(const WindowBatch& batch, const ItemRows& items, std::int64_t dim) {
  std::vector<float> means(batch.num_rows() * dim);
  for (std::int64_t s = 0; s < batch.num_rows(); ++s) {
    float* const mean = means.data() + s * dim;
    const auto length = static_cast<float>(MixtureGates::ItemsOf(batch, s));
    for (std::int32_t t = batch.offsets[s]; t < batch.offsets[s + 1]; ++t) {
      if (batch.items[t] == kMaskItem) continue;
      const auto row = RowOf(items, Index(batch.items[t]), dim);
      for (std::int64_t d = 0; d < dim; ++d) mean[d] += row[d];
    }
    for (std::int64_t d = 0; d < dim; ++d) mean[d] /= length;
  }
  return means;
}

void Softmax(std::span<float> logits) {
  const float max = *std::ranges::max_element(logits);
  float sum = 0;
  for (float& logit : logits) sum += logit = std::exp(logit - max);
  for (float& logit : logits) logit /= sum;
}

}  // namespace

MixtureGates::MixtureGates(const Adapter& adapter)
    : adapter_(adapter), dim_(adapter.gate_dim()), hidden_(adapter.mixture().hidden) {
  for (std::int64_t m = 0; m < maps(); ++m) {
    w1_.emplace_back(
        kernels::View(adapter.values().subspan(LayoutOf(m).w1, hidden_ * dim_), hidden_, dim_),
        kernels::PackFor::kBoth);
  }
}

std::int64_t MixtureGates::ItemsOf(const WindowBatch& batch, std::int64_t sequence) {
  const auto begin = batch.items.begin() + batch.offsets[sequence];
  const auto end = batch.items.begin() + batch.offsets[sequence + 1];
  return std::max<std::int64_t>(1, (end - begin) - std::count(begin, end, kMaskItem));
}

MixtureGates::Layout MixtureGates::LayoutOf(std::int64_t map) const {
  Layout layout{};
  layout.w1 = adapter_.maps()[map].gate_begin;
  layout.b1 = layout.w1 + hidden_ * dim_;
  layout.w2 = layout.b1 + hidden_;
  layout.b2 = layout.w2 + experts() * hidden_;
  return layout;
}

MixtureGates::State MixtureGates::Forward(const WindowBatch& batch, const ItemRows& items) const {
  const std::int64_t sequences = batch.num_rows();
  State state{.sequences = sequences,
              .means_SD = MeanRows(batch, items, dim_),
              .hidden_MSH = std::vector<float>(maps() * sequences * hidden_),
              .gates_MSE = std::vector<float>(maps() * sequences * experts())};
  const auto values = adapter_.values();
  for (std::int64_t m = 0; m < maps(); ++m) {
    const Layout layout = LayoutOf(m);
    const std::span<float> hidden_SH =
        std::span(state.hidden_MSH).subspan(m * sequences * hidden_, sequences * hidden_);
    kernels::MultiplyTransposed(kernels::View(state.means_SD, sequences, dim_), w1_[m],
                                values.subspan(layout.b1, hidden_), kernels::Store::kSet,
                                kernels::MutableView(hidden_SH, sequences, hidden_));
    for (float& unit : hidden_SH) unit = std::tanh(unit);
    for (std::int64_t s = 0; s < sequences; ++s) {
      const auto gates =
          std::span(state.gates_MSE).subspan((m * sequences + s) * experts(), experts());
      for (std::int64_t e = 0; e < experts(); ++e) {
        float sum = values[layout.b2 + e];
        for (std::int64_t h = 0; h < hidden_; ++h) {
          sum += values[layout.w2 + e * hidden_ + h] * hidden_SH[s * hidden_ + h];
        }
        gates[e] = sum / static_cast<float>(adapter_.mixture().temperature);
      }
      Softmax(gates);
    }
  }
  return state;
}

void MixtureGates::Backward(const State& state, std::span<const float> grad_MSE,
                            std::span<float> adapter, std::span<float> means_SD) const {
  const std::int64_t sequences = state.sequences;
  const auto values = adapter_.values();
  const auto temperature = static_cast<float>(adapter_.mixture().temperature);
  std::vector<float> inner_SH(sequences * hidden_);  // gradients before tanh
  for (std::int64_t m = 0; m < maps(); ++m) {
    const Layout layout = LayoutOf(m);
    std::ranges::fill(inner_SH, 0.0f);
    for (std::int64_t s = 0; s < sequences; ++s) {
      const std::int64_t first = (m * sequences + s) * experts();
      const auto gates = std::span(state.gates_MSE).subspan(first, experts());
      const auto grad = grad_MSE.subspan(first, experts());
      const float* hidden = state.hidden_MSH.data() + (m * sequences + s) * hidden_;
      float* const inner = inner_SH.data() + s * hidden_;
      float mean = 0;
      for (std::int64_t e = 0; e < experts(); ++e) mean += gates[e] * grad[e];
      for (std::int64_t e = 0; e < experts(); ++e) {
        const float logit = gates[e] * (grad[e] - mean) / temperature;
        adapter[layout.b2 + e] += logit;
        for (std::int64_t h = 0; h < hidden_; ++h) {
          adapter[layout.w2 + e * hidden_ + h] += logit * hidden[h];
          inner[h] += logit * values[layout.w2 + e * hidden_ + h];
        }
      }
      for (std::int64_t h = 0; h < hidden_; ++h) inner[h] *= 1 - hidden[h] * hidden[h];
    }
    const auto inner = kernels::View(inner_SH, sequences, hidden_);
    kernels::AddColumnSums(inner, adapter.subspan(layout.b1, hidden_));
    kernels::MultiplyOuter(
        inner, kernels::View(state.means_SD, sequences, dim_), kernels::Store::kAdd,
        kernels::MutableView(adapter.subspan(layout.w1, hidden_ * dim_), hidden_, dim_));
    if (means_SD.empty()) continue;
    kernels::Multiply(inner, w1_[m], kernels::Store::kAdd,
                      kernels::MutableView(means_SD, sequences, dim_));
  }
}

}  // namespace raie
