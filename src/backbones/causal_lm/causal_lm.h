// What is a language model as a backbone?
//
// Concept: a history becomes a prompt (prompt.h), a Llama-family decoder reads it (decoder.h), and
//          the state behind the final norm at the prompt's end is multiplied with the item rows.
//          Items are added tokens: an item row is the input embedding of its token, too, unless the
//          history is written as titles. The checkpoint's weights are frozen for good and shared by
//          all adapters, so the backbone lists no parameters: in S, too, an adapter is trained, and
//          MergedWith (merged_weights.h) makes the new W_0.
// Source:  METHOD sections 3 and 7; docs/decisions/012.
// Shapes:  see backbone.h; dim() is the width of the checkpoint.
// Errors:  kInvalidArgument for a template or a tile that cannot be (prompt.h).
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backbones/backbone.h"
#include "backbones/causal_lm/decoder.h"
#include "backbones/causal_lm/decoder_weights.h"
#include "backbones/causal_lm/prompt.h"

namespace raie {

class CausalLm : public Backbone {
 public:
  CausalLm(std::shared_ptr<const DecoderWeights> weights, PromptSpec prompt);

  std::int64_t dim() const override { return decoder_.weights().config.dim; }
  std::int64_t max_length() const override { return prompt_.max_items; }
  std::span<const LinearMapInfo> linear_maps() const override { return decoder_.linear_maps(); }
  bool reads_users() const override { return prompt_.reads_users(); }
  std::int64_t BorderSize(const ForwardInput& input) const override;
  // The weights are frozen in their packed form: none are listed.
  std::span<const Parameter> parameter_list() const override { return {}; }
  std::span<float> parameters() override { return {}; }
  std::span<const float> parameters() const override { return {}; }

  std::unique_ptr<BoundWeights> Bind(const Adapter* adapter, Purpose purpose) const override;
  std::unique_ptr<Tape> Forward(const BoundWeights& weights, const ForwardInput& input,
                                std::span<float> hidden_PD) const override;
  void Backward(const BoundWeights& weights, const ForwardInput& input, const Tape& tape,
                std::span<const float> grad_PD, const GradientSink& sink) const override;

  const DecoderWeights& weights() const { return decoder_.weights(); }
  const PromptSpec& prompt() const { return prompt_; }

 private:
  struct Weights;
  struct Activations;
  kernels::Matrix Embed(const ForwardInput& input, const PromptTile& tile, nn::Arena& arena) const;
  void CheckBorder(const Weights& weights, const BorderStates& border, std::int64_t tokens) const;

  PromptSpec prompt_;
  Decoder decoder_;
};

// Returns the mean embedding of each list of tokens, [size, D]: item rows from titles.
std::vector<float> MeanTokenRows(const DecoderWeights& weights, const TokenLists& lists);

// Returns the final-norm states [T, D] of a text, with an adapter or null.
std::vector<float> TextStates(std::shared_ptr<const DecoderWeights> weights,
                              std::span<const std::int32_t> ids, const Adapter* adapter);

}  // namespace raie
