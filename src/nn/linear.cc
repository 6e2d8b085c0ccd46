#include "nn/linear.h"

#include <algorithm>

#include "kernels/norm.h"
#include "raie/error.h"

namespace raie::nn {

using kernels::ConstMatrix;
using kernels::Matrix;
using kernels::PackedWeights;
using kernels::PackFor;
using kernels::Store;

namespace {

std::vector<float> Scaled(std::span<const float> values, float scale) {
  std::vector<float> scaled(values.begin(), values.end());
  for (float& value : scaled) value *= scale;
  return scaled;
}

// W + scale B A, packed.
PackedWeights Merged(const LinearSource& source, PackFor use) {
  const ConstMatrix w = source.weight_OI;
  if (source.parts.empty() || source.path == LoraPath::kApart) return PackedWeights(w, use);
  ArenaLease arena;
  const Matrix merged = arena->Rows(w.rows, w.cols);
  for (std::int64_t o = 0; o < w.rows; ++o) std::copy_n(w.row(o), w.cols, merged.row(o));
  for (const LoraPart& part : source.parts) {
    const std::vector<float> scaled_b = Scaled(part.b_OR, source.scale);
    kernels::MultiplyPlain(kernels::View(scaled_b, part.outputs, source.rank),
                           kernels::View(part.a_RI, source.rank, w.cols), Store::kAdd,
                           merged.Rows(part.begin, part.begin + part.outputs));
  }
  return PackedWeights(merged, use);
}

}  // namespace

BoundLinear::BoundLinear(const LinearSource& source)
    : frozen_(source.frozen),
      inputs_(frozen_ != nullptr ? frozen_->inputs() : source.weight_OI.cols),
      rank_(source.rank),
      experts_(source.experts),
      scale_(source.scale),
      path_(source.path) {
  const bool backward = source.direction == Direction::kBoth;
  if (frozen_ == nullptr) {
    weight_ = Merged(source, backward ? PackFor::kBoth : PackFor::kForward);
  } else if (path_ != LoraPath::kApart) {
    throw Error(ErrorCode::kInternal, "a frozen map has its low-rank path apart");
  }
  if (path_ == LoraPath::kMerged && !backward) return;
  std::vector<float> all_a;
  for (const LoraPart& lora : source.parts) {
    const ConstMatrix a = kernels::View(lora.a_RI, rank_, inputs_);
    const ConstMatrix b = kernels::View(lora.b_OR, lora.outputs, rank_);
    const std::vector<float> scaled_a = Scaled(lora.a_RI, source.scale);
    Part part{.lora = lora, .a = {}, .b = {}, .scaled_b = {}, .scaled_a = {}};
    if (path_ == LoraPath::kApart) {
      part.a.Pack(a, PackFor::kBackward);
      part.b.Pack(b, PackFor::kForward);
      part.scaled_a.Pack(kernels::View(scaled_a, rank_, inputs_), PackFor::kForward);
    }
    const std::vector<float> scaled_b = Scaled(lora.b_OR, source.scale);
    part.scaled_b.Pack(kernels::View(scaled_b, lora.outputs, rank_), PackFor::kBackward);
    all_a.insert(all_a.end(), scaled_a.begin(), scaled_a.end());
    parts_.push_back(std::move(part));
  }
  if (path_ == LoraPath::kMerged && !parts_.empty()) {
    const auto rows = static_cast<std::int64_t>(parts_.size()) * rank_;
    scaled_a_.Pack(kernels::View(all_a, rows, inputs_), PackFor::kForward);
  }
}

// Returns dropout(x) of a part: x itself if dropout is off.
ConstMatrix BoundLinear::Dropped(const LinearContext& context, const Part& part, ConstMatrix x_TI,
                                 Matrix scratch_TI) const {
  if (!context.lora_dropout.active()) return x_TI;
  kernels::Dropout dropout = context.lora_dropout;
  dropout.site = part.lora.site;
  kernels::ResidualForward({.dim = inputs_,
                            .x_TD = Flat(x_TI),
                            .bias_D = {},
                            .residual_TD = {},
                            .dropout = dropout,
                            .tokens_T = context.tokens_T,
                            .h_TD = Flat(scratch_TI)});
  return scratch_TI;
}

void BoundLinear::Gated(const Gates& gates, const LoraPart& lora, ConstMatrix from_TR,
                        Matrix to_TR) const {
  const std::int64_t rank = rank_ / experts_;
  for (std::int64_t t = 0; t < from_TR.rows; ++t) {
    const std::int64_t first = (lora.gate * gates.sequences + gates.sequences_T[t]) * experts_;
    for (std::int64_t r = 0; r < rank_; ++r) {
      to_TR.row(t)[r] = gates.values_MSE[first + r / rank] * from_TR.row(t)[r];
    }
  }
}

void BoundLinear::BackwardGates(const Gates& gates, const LoraPart& lora, ConstMatrix low_TR,
                                ConstMatrix dlow_TR) const {
  const std::int64_t rank = rank_ / experts_;
  for (std::int64_t t = 0; t < low_TR.rows; ++t) {
    const std::int64_t first = (lora.gate * gates.sequences + gates.sequences_T[t]) * experts_;
    for (std::int64_t r = 0; r < rank_; ++r) {
      gates.gradients_MSE[first + r / rank] += dlow_TR.row(t)[r] * low_TR.row(t)[r] / scale_;
    }
  }
}

LinearTape BoundLinear::Forward(const LinearContext& context, ConstMatrix x_TI,
                                std::span<const float> bias_O, Matrix y_TO) const {
  if (frozen_ != nullptr) {
    frozen_->Forward(x_TI, bias_O, y_TO);
  } else {
    kernels::MultiplyTransposed(x_TI, weight_, bias_O, Store::kSet, y_TO);
  }
  LinearTape tape{.x_TI = x_TI, .low_TR = {}};
  if (path_ == LoraPath::kMerged || parts_.empty()) return tape;
  const Matrix low =
      context.arena.Rows(x_TI.rows, rank_ * static_cast<std::int64_t>(parts_.size()));
  // Not in the arena of the tape: Backward draws the bits again.
  const ArenaLease rows;
  const Matrix scratch = context.lora_dropout.active() ? rows->Rows(x_TI.rows, inputs_) : Matrix{};
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = parts_[p];
    const auto first = static_cast<std::int64_t>(p) * rank_;
    const Matrix own = low.Columns(first, first + rank_);
    kernels::MultiplyTransposed(Dropped(context, part, x_TI, scratch), part.scaled_a, {},
                                Store::kSet, own);
    ConstMatrix mixed = own;
    if (experts_ > 1) {
      const Matrix gated = context.arena.Rows(x_TI.rows, rank_);
      Gated(context.gates, part.lora, own, gated);
      mixed = gated;
    }
    kernels::MultiplyTransposed(mixed, part.b, {}, Store::kAdd,
                                y_TO.Columns(part.lora.begin, part.lora.begin + part.lora.outputs));
  }
  tape.low_TR = low;
  return tape;
}

void BoundLinear::Backward(const LinearContext& context, const LinearTape& tape, ConstMatrix dy_TO,
                           const LinearGradients& gradients) const {
  if (!gradients.weight_OI.empty()) {
    kernels::MultiplyOuter(dy_TO, tape.x_TI, Store::kAdd, gradients.weight_OI);
  }
  if (!gradients.input_TI.empty()) {
    if (frozen_ != nullptr) {
      frozen_->Backward(dy_TO, gradients.input_store, gradients.input_TI);
    } else {
      kernels::Multiply(dy_TO, weight_, gradients.input_store, gradients.input_TI);
    }
  }
  const bool through_adapter = path_ == LoraPath::kApart && !gradients.input_TI.empty();
  if (!parts_.empty() && (!gradients.adapter.empty() || through_adapter)) {
    BackwardAdapter(context, tape, dy_TO, gradients);
  }
}

// With low = scale dropout(x) A^T and dlow = scale dy B:
//   dB = dy^T low, dA = dlow^T dropout(x), and (apart) dx += dropout'(dlow A).
// A mixture has g o low and g o dlow in their places, and dg = sum over an expert of dlow low /
// scale.
void BoundLinear::BackwardAdapter(const LinearContext& context, const LinearTape& tape,
                                  ConstMatrix dy_TO, const LinearGradients& gradients) const {
  const std::int64_t rows = dy_TO.rows;
  const bool apart = path_ == LoraPath::kApart;
  ConstMatrix low = tape.low_TR;
  if (!apart) {
    const Matrix fresh = context.arena.Rows(rows, rank_ * static_cast<std::int64_t>(parts_.size()));
    kernels::MultiplyTransposed(tape.x_TI, scaled_a_, {}, Store::kSet, fresh);
    low = fresh;
  }
  const Matrix dlow = context.arena.Rows(rows, rank_);
  const bool drops = context.lora_dropout.active();
  const Matrix scratch = apart && drops ? context.arena.Rows(rows, inputs_) : Matrix{};
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = parts_[p];
    const LoraPart& lora = part.lora;
    const auto first = static_cast<std::int64_t>(p) * rank_;
    const ConstMatrix dy = dy_TO.Columns(lora.begin, lora.begin + lora.outputs);
    kernels::Multiply(dy, part.scaled_b, Store::kSet, dlow);
    ConstMatrix mixed = low.Columns(first, first + rank_);
    if (experts_ > 1) {
      if (!context.gates.gradients_MSE.empty()) BackwardGates(context.gates, lora, mixed, dlow);
      const Matrix gated = context.arena.Rows(rows, rank_);
      Gated(context.gates, lora, mixed, gated);
      Gated(context.gates, lora, dlow, dlow);
      mixed = gated;
    }
    if (!gradients.adapter.empty()) {
      const ConstMatrix x = apart ? Dropped(context, part, tape.x_TI, scratch) : tape.x_TI;
      const auto grad_a = gradients.adapter.subspan(lora.a_begin, lora.a_RI.size());
      const auto grad_b = gradients.adapter.subspan(lora.b_begin, lora.b_OR.size());
      kernels::MultiplyOuter(dy, mixed, Store::kAdd,
                             kernels::MutableView(grad_b, lora.outputs, rank_));
      kernels::MultiplyOuter(dlow, x, Store::kAdd, kernels::MutableView(grad_a, rank_, inputs_));
    }
    if (!apart || gradients.input_TI.empty()) continue;
    if (!drops) {
      kernels::Multiply(dlow, part.a, Store::kAdd, gradients.input_TI);
      continue;
    }
    kernels::Multiply(dlow, part.a, Store::kSet, scratch);
    kernels::Dropout dropout = context.lora_dropout;
    dropout.site = lora.site;
    kernels::ResidualForward({.dim = inputs_,
                              .x_TD = Flat(scratch),
                              .bias_D = {},
                              .residual_TD = Flat(gradients.input_TI),
                              .dropout = dropout,
                              .tokens_T = context.tokens_T,
                              .h_TD = Flat(gradients.input_TI)});
  }
}

}  // namespace raie::nn
