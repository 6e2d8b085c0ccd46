// What do backbones share that are a transformer over the rows of the items?
//
// Concept: x = factor * item row (+ position row), (LayerNorm,) dropout; a TransformerStack; its
//          output (through a dense layer) is the hidden state. Explicit Forward and Backward; in
//          the last block only the requested positions are computed. A backbone derives from it,
//          says what differs and adds tables of its own. With `masks`, [MASK] has a row of its own
//          among the parameters, read like an item's (docs/decisions/007); it is never scored.
//          With `item_bias` an item row ends in the item's bias, which the input does not read, and
//          the hidden state ends in 1: their product is a logit with bias (docs/decisions/008).
// Shapes:  see backbone.h; dim() is D, and D + 1 with `item_bias`. The position table has R rows:
//          max_length, and one more with `masks`.
// Errors:  kInvalidArgument if heads do not divide dim, or an option is out of range.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backbones/backbone.h"
#include "backbones/dense_output.h"
#include "backbones/tile.h"
#include "backbones/transformer.h"
#include "backbones/transformer_options.h"

namespace raie {

enum class InputScale { kOne, kSqrtDim };

inline std::span<const char* const> EnumNames(InputScale) {
  static constexpr const char* kNames[] = {"one", "sqrt_dim"};
  return kNames;
}

enum class InputPositions { kNone, kLearned };

enum class OutputLayer { kNone, kDense };

inline std::span<const char* const> EnumNames(OutputLayer) {
  static constexpr const char* kNames[] = {"none", "dense"};
  return kNames;
}

struct ItemTransformerShape {
  InputScale scale = InputScale::kOne;
  InputPositions positions = InputPositions::kLearned;
  PositionOrder position_order = PositionOrder::kFromEnd;
  Padding padding = Padding::kUnseen;
  bool embedding_norm = false;
  bool final_norm = true;
  double final_norm_epsilon = 0;  // 0: as the others
  OutputLayer output_layer = OutputLayer::kNone;
  bool item_bias = false;
  kernels::AttentionMask mask = kernels::AttentionMask::kCausal;
  bool masks = false;  // reads kMaskItem
};

class ItemTransformer : public Backbone {
 public:
  // Parameters drawn from `seed`: maps Xavier uniform, biases zero, position rows N(0, init_std).
  ItemTransformer(const TransformerOptions& options, const ItemTransformerShape& shape,
                  std::uint64_t seed);

  std::int64_t dim() const override { return options_.dim + (shape_.item_bias ? 1 : 0); }
  std::int64_t max_length() const override { return options_.context; }
  bool reads_masks() const override { return shape_.masks; }
  std::span<const LinearMapInfo> linear_maps() const override { return stack_.linear_maps(); }
  std::span<const Parameter> parameter_list() const override { return layout_.list(); }
  std::span<float> parameters() override { return parameters_; }
  std::span<const float> parameters() const override { return parameters_; }

  std::unique_ptr<BoundWeights> Bind(const Adapter* adapter, Purpose purpose) const override;
  std::unique_ptr<Tape> Forward(const BoundWeights& weights, const ForwardInput& input,
                                std::span<float> hidden_PD) const override;
  void Backward(const BoundWeights& weights, const ForwardInput& input, const Tape& tape,
                std::span<const float> grad_PD, const GradientSink& sink) const override;

 protected:
  // What the attention of a tile reads besides its tokens; nothing here.
  virtual std::optional<RelativeAttention> RelativeTo(const ForwardInput& input) const;

  // Appends a table [rows, D] of N(0, init_std) to the parameters; for constructors.
  RelativeAttention::Table AddTable(std::string name, std::int64_t rows, std::uint64_t seed);

 private:
  std::int64_t AddPositions();
  TileRules Rules() const {
    return {.max_length = options_.context,
            .row_width = dim(),
            .masks = shape_.masks,
            .order = shape_.position_order,
            .padding = shape_.padding};
  }
  bool WritesHiddenDirectly() const {
    return shape_.output_layer == OutputLayer::kNone && !shape_.item_bias;
  }
  std::int64_t PositionSize() const { return Rules().max_tokens() * options_.dim; }
  float InputFactor() const;
  struct Activations;
  struct Weights;
  kernels::Matrix Embed(const ForwardInput& input, const TileIndex& index,
                        const TransformerCall& call, Activations& tape) const;
  void EmbedMasks(const TileIndex& index, kernels::Matrix x) const;
  // From the stack's output to what is multiplied with item rows.
  void Output(const Weights& weights, kernels::Matrix x_PD, Activations& tape,
              std::span<float> hidden_PD) const;
  // Returns the gradient of the stack's output.
  std::span<const float> BackOutput(const Weights& weights, const Activations& tape,
                                    nn::Arena& arena, std::span<const float> grad_PD,
                                    const GradientSink& sink) const;
  void BackEmbed(const TileIndex& index, const TransformerCall& call, const Activations& tape,
                 kernels::Matrix dx, const GradientSink& sink) const;
  void BackInput(const TileIndex& index, kernels::Matrix dx, std::span<float> input_TD) const;

  TransformerOptions options_;
  ItemTransformerShape shape_;
  ParameterLayout layout_;
  std::int64_t position_begin_;  // kLearned only
  TransformerStack stack_;
  std::vector<float> parameters_;
  std::int64_t mask_begin_ = 0;            // with masks only
  std::int64_t embedding_norm_begin_ = 0;  // with embedding_norm only: weight, then bias
  std::optional<DenseOutput> output_;
};

}  // namespace raie
