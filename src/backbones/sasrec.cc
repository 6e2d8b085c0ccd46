#include "backbones/sasrec.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "backbones/tile.h"
#include "backbones/transformer.h"
#include "base/random.h"
#include "kernels/embedding.h"
#include "kernels/norm.h"
#include "raie/error.h"

namespace raie {
namespace {

using kernels::Matrix;
using nn::Flat;

constexpr std::uint32_t kEmbeddingSite = 0;

TransformerShape ShapeOf(const SasrecOptions& options) {
  return {.dim = options.dim,
          .heads = options.heads,
          .ffn_width = options.ffn_width > 0 ? options.ffn_width : 4 * options.dim,
          .blocks = options.blocks,
          .norm = options.norm,
          .activation = options.activation,
          .mask = kernels::AttentionMask::kCausal,
          .epsilon = static_cast<float>(options.layer_norm_epsilon),
          .dropout = static_cast<float>(options.dropout)};
}

class SasrecWeights : public BoundWeights {
 public:
  TransformerStack::Bound stack;
  kernels::Dropout lora_dropout;  // rate only
};

class SasrecTape : public Tape {
 public:
  nn::ArenaLease arena;
  TransformerStack::Tape stack;
};

class Sasrec : public Backbone {
 public:
  Sasrec(const SasrecOptions& options, std::uint64_t seed)
      : options_(options),
        position_begin_(layout_.Add("position.weight", {options.context, options.dim}, true)),
        stack_(ShapeOf(options), layout_),
        parameters_(layout_.size()) {
    stack_.Initialise(parameters_, DeriveSeed(seed, 1));
    RandomStream random(DeriveSeed(seed, 2), 0);
    for (float& value : std::span(parameters_).subspan(position_begin_, PositionSize())) {
      value = static_cast<float>(options.init_std * random.Normal());
    }
  }

  std::int64_t dim() const override { return options_.dim; }
  std::int64_t max_length() const override { return options_.context; }
  std::span<const LinearMapInfo> linear_maps() const override { return stack_.linear_maps(); }
  std::span<const Parameter> parameter_list() const override { return layout_.list(); }
  std::span<float> parameters() override { return parameters_; }
  std::span<const float> parameters() const override { return parameters_; }

  std::unique_ptr<BoundWeights> Bind(const Adapter* adapter, Purpose purpose) const override {
    auto weights = std::make_unique<SasrecWeights>();
    weights->stack = stack_.Bind(parameters_, adapter, purpose);
    if (adapter != nullptr) {
      weights->lora_dropout.rate = static_cast<float>(adapter->options().dropout);
    }
    return weights;
  }

  std::unique_ptr<Tape> Forward(const BoundWeights& weights, const ForwardInput& input,
                                std::span<float> hidden_PD) const override {
    const auto& bound = static_cast<const SasrecWeights&>(weights);
    const TileIndex index(input, options_.context, options_.dim);
    const TransformerCall call = CallOf(bound, input, index);
    auto tape = std::make_unique<SasrecTape>();
    const Matrix x = Embed(input, index, call, *tape->arena);
    stack_.Forward(bound.stack, call, *tape->arena, x, input.training ? &tape->stack : nullptr,
                   hidden_PD);
    if (!input.training) return nullptr;
    return tape;
  }

  void Backward(const BoundWeights& weights, const ForwardInput& input, const Tape& tape,
                std::span<const float> grad_PD, const GradientSink& sink) const override {
    const auto& bound = static_cast<const SasrecWeights&>(weights);
    const auto& kept = static_cast<const SasrecTape&>(tape);
    const TileIndex index(input, options_.context, options_.dim);
    const TransformerCall call = CallOf(bound, input, index);
    nn::ArenaLease arena;
    const Matrix dx = stack_.Backward(bound.stack, call, *arena, kept.stack, grad_PD, sink);
    if (!dx.empty()) BackEmbed(index, call, dx, sink);
  }

 private:
  std::int64_t PositionSize() const { return options_.context * options_.dim; }
  float InputFactor() const {
    return options_.input_scale == InputScale::kSqrtDim
               ? std::sqrt(static_cast<float>(options_.dim))
               : 1.0f;
  }

  TransformerCall CallOf(const SasrecWeights& bound, const ForwardInput& input,
                         const TileIndex& index) const {
    TransformerCall call = index.Call(input);
    if (input.training) {
      call.dropout.rate = static_cast<float>(options_.dropout);
      call.lora_dropout.rate = bound.lora_dropout.rate;
    }
    return call;
  }

  static kernels::Dropout EmbeddingDropout(const TransformerCall& call) {
    kernels::Dropout dropout = call.dropout;
    dropout.site = kEmbeddingSite;
    return dropout;
  }

  Matrix Embed(const ForwardInput& input, const TileIndex& index, const TransformerCall& call,
               nn::Arena& arena) const {
    const Matrix x = arena.Rows(call.num_tokens(), options_.dim);
    kernels::GatherRows(
        {.dim = options_.dim,
         .table_ND = input.items.base_ND,
         .ids_T = index.item_ids(),
         .replaced_ids = input.items.replaced_items,
         .replaced_rows = input.items.replaced_rows,
         .scale = InputFactor(),
         .positions_LD =
             std::span<const float>(parameters_).subspan(position_begin_, PositionSize()),
         .position_ids_T = index.position_rows(),
         .out_TD = Flat(x)});
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

  void BackEmbed(const TileIndex& index, const TransformerCall& call, Matrix dx,
                 const GradientSink& sink) const {
    const kernels::Dropout dropout = EmbeddingDropout(call);
    if (dropout.active()) {
      kernels::ResidualBackward({.dim = options_.dim,
                                 .dh_TD = Flat(dx),
                                 .dropout = dropout,
                                 .tokens_T = call.tokens_T,
                                 .dx_TD = Flat(dx),
                                 .dbias_D = {}});
    }
    if (!sink.parameters.empty()) {
      kernels::ScatterAddRows(options_.dim, Flat(dx), index.position_rows(), 1,
                              sink.parameters.subspan(position_begin_, PositionSize()));
    }
    const float factor = InputFactor();
    if (sink.input_TD.empty()) return;
    std::transform(dx.data, dx.data + dx.rows * dx.cols, sink.input_TD.begin(),
                   [factor](float value) { return factor * value; });
  }

  SasrecOptions options_;
  ParameterLayout layout_;
  std::int64_t position_begin_;
  TransformerStack stack_;
  std::vector<float> parameters_;
};

}  // namespace

SasrecOptions SasrecPreset(std::string_view name) {
  SasrecOptions options;
  if (name == "released") return options;
  if (name == "original") {
    options.norm = NormPlace::kPre;
    options.activation = Activation::kRelu;
    options.ffn_width = options.dim;
    options.input_scale = InputScale::kSqrtDim;
    options.layer_norm_epsilon = 1e-8;
    return options;
  }
  throw Error(ErrorCode::kInvalidArgument,
              "no SASRec variant \"" + std::string(name) + "\"; there are released and original");
}

std::unique_ptr<Backbone> MakeSasrec(const SasrecOptions& options, std::uint64_t seed) {
  std::vector<std::string> problems;
  if (options.heads > 0 && options.dim % options.heads != 0) {
    problems.push_back("heads = " + std::to_string(options.heads) +
                       " does not divide dim = " + std::to_string(options.dim));
  }
  CheckRanges(FieldsOf(const_cast<SasrecOptions&>(options)), "SASRec options", problems);
  return std::make_unique<Sasrec>(options, seed);
}

}  // namespace raie
