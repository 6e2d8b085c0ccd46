#include "backbones/item_transformer.h"

#include <algorithm>
#include <cmath>

#include "backbones/mixture_call.h"
#include "backbones/mixture_gates.h"
#include "base/random.h"
#include "kernels/embedding.h"
#include "kernels/norm.h"

namespace raie {
namespace {

using kernels::Matrix;
using nn::Flat;

constexpr std::uint32_t kEmbeddingSite = 0;

void Check(const TransformerOptions& options) {
  std::vector<std::string> problems;
  if (options.heads > 0 && options.dim % options.heads != 0) {
    problems.push_back("heads = " + std::to_string(options.heads) +
                       " does not divide dim = " + std::to_string(options.dim));
  }
  TransformerOptions copy = options;
  CheckRanges(FieldsOf(copy), "options of a transformer", problems);
}

TransformerShape StackShapeOf(const TransformerOptions& options,
                              const ItemTransformerShape& shape) {
  Check(options);
  const double final_epsilon =
      shape.final_norm_epsilon > 0 ? shape.final_norm_epsilon : options.layer_norm_epsilon;
  return {.dim = options.dim,
          .heads = options.heads,
          .ffn_width = options.ffn_width > 0 ? options.ffn_width : 4 * options.dim,
          .blocks = options.blocks,
          .norm = options.norm,
          .activation = options.activation,
          .mask = shape.mask,
          .epsilon = static_cast<float>(options.layer_norm_epsilon),
          .final_norm = shape.final_norm,
          .final_epsilon = static_cast<float>(final_epsilon),
          .dropout = static_cast<float>(options.dropout)};
}

void DrawNormal(double deviation, std::uint64_t seed, std::span<float> values) {
  RandomStream random(seed, 0);
  for (float& value : values) value = static_cast<float>(deviation * random.Normal());
}

kernels::Dropout EmbeddingDropout(const TransformerCall& call) {
  kernels::Dropout dropout = call.dropout;
  dropout.site = kEmbeddingSite;
  return dropout;
}

}  // namespace

struct ItemTransformer::Weights : BoundWeights {
  TransformerStack::Bound stack;
  nn::BoundLinear output;
  std::optional<MixtureGates> gates;
  kernels::Dropout lora_dropout;  // rate only

  TransformerCall CallOf(const ForwardInput& input, const TileIndex& index,
                         const std::optional<RelativeAttention>& relative, double dropout) const {
    TransformerCall call = index.Call(input);
    if (relative.has_value()) call.relative = &*relative;
    if (input.training) {
      call.dropout.rate = static_cast<float>(dropout);
      call.lora_dropout.rate = lora_dropout.rate;
    }
    return call;
  }
};

struct ItemTransformer::Activations : Tape {
  nn::ArenaLease arena;
  TransformerStack::Tape stack;
  TransformerStack::StageTape embedding;  // with embedding_norm only
  DenseOutput::Tape output;
  std::optional<RelativeAttention> relative;
  MixtureGates::State gates;
};

ItemTransformer::ItemTransformer(const TransformerOptions& options,
                                 const ItemTransformerShape& shape, std::uint64_t seed)
    : options_(options),
      shape_(shape),
      position_begin_(AddPositions()),
      stack_(StackShapeOf(options, shape), layout_),
      parameters_(layout_.size()) {
  stack_.Initialise(parameters_, DeriveSeed(seed, 1));
  if (shape.positions == InputPositions::kLearned) {
    DrawNormal(options.init_std, DeriveSeed(seed, 2),
               std::span(parameters_).subspan(position_begin_, PositionSize()));
  }
  if (shape.masks) mask_begin_ = AddTable("mask_token", 1, DeriveSeed(seed, 3)).begin;
  if (shape.embedding_norm) {
    embedding_norm_begin_ = layout_.Add("embedding_norm.weight", {options.dim}, false);
    layout_.Add("embedding_norm.bias", {options.dim}, false);
    parameters_.resize(layout_.size());
    std::fill_n(parameters_.begin() + embedding_norm_begin_, options.dim, 1.0f);
  }
  if (shape.output_layer == OutputLayer::kDense) {
    output_.emplace(options.dim, static_cast<float>(options.layer_norm_epsilon), layout_);
    parameters_.resize(layout_.size());
    output_->Initialise(parameters_, DeriveSeed(seed, 7));
  }
}

std::optional<RelativeAttention> ItemTransformer::RelativeTo(const ForwardInput& /*input*/) const {
  return std::nullopt;
}

RelativeAttention::Table ItemTransformer::AddTable(std::string name, std::int64_t rows,
                                                   std::uint64_t seed) {
  const std::int64_t begin = layout_.Add(std::move(name), {rows, options_.dim}, true);
  parameters_.resize(layout_.size());
  DrawNormal(options_.init_std, seed, std::span(parameters_).subspan(begin));
  return {begin, rows * options_.dim};
}

std::int64_t ItemTransformer::AddPositions() {
  if (shape_.positions == InputPositions::kNone) return 0;
  return layout_.Add("position.weight", {Rules().max_tokens(), options_.dim}, true);
}

float ItemTransformer::InputFactor() const {
  return shape_.scale == InputScale::kSqrtDim ? std::sqrt(static_cast<float>(options_.dim)) : 1.0f;
}

std::unique_ptr<BoundWeights> ItemTransformer::Bind(const Adapter* adapter, Purpose purpose) const {
  auto weights = std::make_unique<Weights>();
  weights->stack = stack_.Bind(parameters_, adapter, purpose);
  if (output_.has_value()) weights->output = output_->Bind(parameters_, purpose);
  if (adapter != nullptr && adapter->is_mixture()) weights->gates.emplace(*adapter);
  if (adapter != nullptr) {
    weights->lora_dropout.rate = static_cast<float>(adapter->options().dropout);
  }
  return weights;
}

std::unique_ptr<Tape> ItemTransformer::Forward(const BoundWeights& weights,
                                               const ForwardInput& input,
                                               std::span<float> hidden_PD) const {
  const auto& bound = static_cast<const Weights&>(weights);
  const TileIndex index(input, Rules());
  auto tape = std::make_unique<Activations>();
  tape->relative = RelativeTo(input);
  TransformerCall call = bound.CallOf(input, index, tape->relative, options_.dropout);
  MixtureCall mixture;
  if (bound.gates.has_value()) {
    tape->gates = bound.gates->Forward(input.batch, input.items);
    mixture = MixtureCallOf(input, call, tape->gates);
    call.mixture = &mixture;
  }
  const Matrix x = Embed(input, index, call, *tape);
  TransformerStack::Tape* const stack_tape = input.training ? &tape->stack : nullptr;
  if (WritesHiddenDirectly()) {
    stack_.Forward(bound.stack, call, *tape->arena, x, stack_tape, hidden_PD);
  } else {
    const Matrix above = tape->arena->Rows(call.num_outputs(), options_.dim);
    stack_.Forward(bound.stack, call, *tape->arena, x, stack_tape, Flat(above));
    Output(bound, above, *tape, hidden_PD);
  }
  if (!input.training) return nullptr;
  return tape;
}

void ItemTransformer::Output(const Weights& weights, Matrix x_PD, Activations& tape,
                             std::span<float> hidden_PD) const {
  Matrix from = x_PD;
  if (output_.has_value()) {
    from = shape_.item_bias ? tape.arena->Rows(x_PD.rows, options_.dim)
                            : Matrix{hidden_PD.data(), x_PD.rows, options_.dim, options_.dim};
    output_->Forward({weights.output, parameters_, *tape.arena}, x_PD, tape.output, from);
  }
  if (!shape_.item_bias) return;
  for (std::int64_t p = 0; p < from.rows; ++p) {
    float* const to = hidden_PD.data() + p * dim();
    std::copy_n(from.row(p), options_.dim, to);
    to[options_.dim] = 1;
  }
}

std::span<const float> ItemTransformer::BackOutput(const Weights& weights, const Activations& tape,
                                                   nn::Arena& arena, std::span<const float> grad_PD,
                                                   const GradientSink& sink) const {
  const std::int64_t outputs = std::ssize(grad_PD) / dim(), d = options_.dim;
  kernels::ConstMatrix grad = kernels::View(grad_PD, outputs, d);
  if (shape_.item_bias) {
    const Matrix own = arena.Rows(outputs, d);
    for (std::int64_t p = 0; p < outputs; ++p) {
      std::copy_n(grad_PD.data() + p * dim(), d, own.row(p));
    }
    grad = own;
  }
  if (output_.has_value()) {
    const Matrix below = arena.Rows(outputs, d);
    output_->Backward({weights.output, parameters_, arena}, tape.output, grad, sink.parameters,
                      below);
    grad = below;
  }
  return Flat(grad);
}

void ItemTransformer::Backward(const BoundWeights& weights, const ForwardInput& input,
                               const Tape& tape, std::span<const float> grad_PD,
                               const GradientSink& sink) const {
  const auto& bound = static_cast<const Weights&>(weights);
  const auto& kept = static_cast<const Activations&>(tape);
  const TileIndex index(input, Rules());
  TransformerCall call = bound.CallOf(input, index, kept.relative, options_.dropout);
  nn::ArenaLease arena;
  MixtureCall mixture;
  std::vector<float> gate_gradients;
  if (bound.gates.has_value()) {
    mixture = MixtureCallOf(input, call, kept.gates);
    gate_gradients.resize(sink.adapter.empty() ? 0 : kept.gates.gates_MSE.size());
    mixture.gradients_MSE = gate_gradients;
    call.mixture = &mixture;
  }
  const std::span<const float> above =
      WritesHiddenDirectly() ? grad_PD : BackOutput(bound, kept, *arena, grad_PD, sink);
  const Matrix dx = stack_.Backward(bound.stack, call, *arena, kept.stack, above, sink);
  if (!dx.empty()) BackEmbed(index, call, kept, dx, sink);
  if (!gate_gradients.empty()) BackGates(*bound.gates, kept.gates, input, gate_gradients, sink);
}

Matrix ItemTransformer::Embed(const ForwardInput& input, const TileIndex& index,
                              const TransformerCall& call, Activations& tape) const {
  const std::int64_t d = options_.dim;
  Matrix x = tape.arena->Rows(call.num_tokens(), d);
  const bool positions = shape_.positions == InputPositions::kLearned;
  kernels::GatherRows(
      {.dim = d,
       .stride = dim(),
       .table_ND = input.items.base_ND,
       .ids_T = index.item_ids(),
       .replaced_ids = input.items.replaced_items,
       .replaced_rows = input.items.replaced_rows,
       .scale = InputFactor(),
       .positions_LD =
           std::span<const float>(parameters_).subspan(position_begin_, positions * PositionSize()),
       .position_ids_T = index.position_rows(),
       .out_TD = Flat(x)});
  EmbedMasks(index, x);
  if (shape_.embedding_norm) {
    tape.embedding.h = x;
    if (input.training) {
      tape.embedding.mean = tape.arena->Floats(x.rows);
      tape.embedding.rstd = tape.arena->Floats(x.rows);
      x = tape.arena->Rows(x.rows, d);
    }
    kernels::NormForward(
        {.dim = d,
         .eps = static_cast<float>(options_.layer_norm_epsilon),
         .x_TD = Flat(tape.embedding.h),
         .gamma_D = std::span<const float>(parameters_).subspan(embedding_norm_begin_, d),
         .beta_D = std::span<const float>(parameters_).subspan(embedding_norm_begin_ + d, d),
         .y_TD = Flat(x),
         .mean_T = tape.embedding.mean,
         .rstd_T = tape.embedding.rstd});
  }
  const kernels::Dropout dropout = EmbeddingDropout(call);
  if (dropout.active()) {
    kernels::ResidualForward({.dim = options_.dim,
                              .x_TD = Flat(x),
                              .bias_D = {},
                              .residual_TD = {},
                              .dropout = dropout,
                              .tokens_T = call.tokens_T,
                              .h_TD = Flat(x)});
  }
  return x;
}

void ItemTransformer::EmbedMasks(const TileIndex& index, Matrix x) const {
  const float* const mask = parameters_.data() + mask_begin_;
  const float factor = InputFactor();
  for (const std::int32_t token : index.mask_tokens()) {
    const float* const position =
        parameters_.data() + position_begin_ + index.position_rows()[token] * options_.dim;
    for (std::int64_t i = 0; i < options_.dim; ++i)
      x.row(token)[i] = factor * mask[i] + position[i];
  }
}

void ItemTransformer::BackEmbed(const TileIndex& index, const TransformerCall& call,
                                const Activations& tape, Matrix dx,
                                const GradientSink& sink) const {
  const std::int64_t d = options_.dim;
  const kernels::Dropout dropout = EmbeddingDropout(call);
  if (dropout.active()) {
    kernels::ResidualBackward({.dim = options_.dim,
                               .dh_TD = Flat(dx),
                               .dropout = dropout,
                               .tokens_T = call.tokens_T,
                               .dx_TD = Flat(dx),
                               .dbias_D = {}});
  }
  if (shape_.embedding_norm) {
    const auto gradient = [&](std::int64_t begin) {
      return sink.parameters.empty() ? std::span<float>() : sink.parameters.subspan(begin, d);
    };
    kernels::NormBackward(
        {.dim = d,
         .dy_TD = Flat(dx),
         .h_TD = Flat(tape.embedding.h),
         .mean_T = tape.embedding.mean,
         .rstd_T = tape.embedding.rstd,
         .gamma_D = std::span<const float>(parameters_).subspan(embedding_norm_begin_, d),
         .dh_TD = Flat(dx),
         .dgamma_D = gradient(embedding_norm_begin_),
         .dbeta_D = gradient(embedding_norm_begin_ + d)});
  }
  if (!sink.parameters.empty() && shape_.positions == InputPositions::kLearned) {
    kernels::ScatterAddRows(options_.dim, Flat(dx), index.position_rows(), 1,
                            sink.parameters.subspan(position_begin_, PositionSize()));
  }
  for (const std::int32_t token : index.mask_tokens()) {
    if (sink.parameters.empty()) break;
    for (std::int64_t i = 0; i < options_.dim; ++i) {
      sink.parameters[mask_begin_ + i] += InputFactor() * dx.row(token)[i];
    }
  }
  if (!sink.input_TD.empty()) BackInput(index, dx, sink.input_TD);
}

void ItemTransformer::BackInput(const TileIndex& index, Matrix dx,
                                std::span<float> input_TD) const {
  const float factor = InputFactor();
  const auto scale = [factor](float value) { return factor * value; };
  const auto tokens = index.tokens_of_batch();
  const std::int64_t width = dim();
  if (tokens.empty() && width == options_.dim) {
    std::transform(dx.data, dx.data + dx.rows * dx.cols, input_TD.begin(), scale);
    return;
  }
  const std::int64_t rows = tokens.empty() ? dx.rows : std::ssize(tokens);
  for (std::int64_t t = 0; t < rows; ++t) {
    const auto out = input_TD.subspan(t * width, width);
    const std::int64_t token = tokens.empty() ? t : tokens[t];
    std::fill(out.begin(), out.end(), 0.0f);
    if (token >= 0) {
      std::transform(dx.row(token), dx.row(token) + options_.dim, out.begin(), scale);
    }
  }
}

}  // namespace raie
