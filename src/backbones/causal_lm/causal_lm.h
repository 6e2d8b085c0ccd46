// What is a language model as a backbone?
//
// Concept: a history becomes a prompt (prompt.h), a Llama-family decoder reads it (decoder.h), and
//          the state behind the final norm at the prompt's end is multiplied with the item rows.
//          Items are added tokens: an item row is the input embedding of its token, too, unless the
//          history is written as titles. The checkpoint's weights are frozen for good and shared by
//          all adapters, so the backbone lists no parameters: in S, too, an adapter is trained, and
//          MergedWith (merged_weights.h) makes the new W_0. With a border, the layers below it are
//          computed once a row, wherever the adapter has nothing there, and read from then on.
//          What all states have in common can be taken off them (Centring).
// Source:  METHOD sections 3 and 7; docs/decisions/012, 015, 017.
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
#include "backbones/border_store.h"
#include "backbones/causal_lm/decoder.h"
#include "backbones/causal_lm/decoder_weights.h"
#include "backbones/causal_lm/prompt.h"

namespace raie {

// The layers below `layer` give the same for a row whoever asks; `store` keeps it.
struct Border {
  std::int64_t layer = 0;
  std::shared_ptr<BorderStore> store = nullptr;  // null: no border
};

// States are (h - mean) scale, h behind the final norm; an empty mean: h itself.
struct Centring {
  std::vector<float> mean_D = {};
  float scale = 1;
};

// Returns the centring that gives these states mean 0 and a mean square of 1 an entry.
// Errors: kInvalidArgument if they are all the same.
Centring CentringOf(std::span<const float> states_MD, std::int64_t dim);

class CausalLm : public Backbone {
 public:
  CausalLm(std::shared_ptr<const DecoderWeights> weights, PromptSpec prompt, Border border = {},
           Centring centring = {});

  std::int64_t dim() const override { return decoder_.weights().config.dim; }
  std::int64_t max_length() const override { return prompt_.max_items; }
  std::span<const LinearMapInfo> linear_maps() const override { return decoder_.linear_maps(); }
  bool reads_users() const override { return prompt_.reads_users(); }
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
  // About what a token of a prompt of so many takes of a tape.
  std::int64_t TapeBytes(std::int64_t tokens) const;
  const Border& border() const { return border_; }
  const Centring& centring() const { return centring_; }

 private:
  struct Weights;
  struct Activations;
  // The row an item token of the tile reads.
  const float* ItemRowOf(const ForwardInput& input, std::int32_t batch_token) const;
  // Null: the tile is computed whole.
  const Decoder::Prefix* PrefixFor(const Weights& weights, const ForwardInput& input) const;
  kernels::Matrix Embed(const ForwardInput& input, const PromptTile& tile, nn::Arena& arena) const;
  // The first layer that is computed for these weights: the border, where they leave all below as
  // it is.
  std::int64_t FirstLayer(const Weights& weights) const;
  // What the border layer reads of all tokens, from the store or computed.
  kernels::Matrix AtBorder(const Weights& weights, const ForwardInput& input,
                           const PromptTile& tile, nn::Arena& arena) const;
  std::string BorderKey(const ForwardInput& input, const PromptTile& tile, std::int64_t row) const;

  PromptSpec prompt_;
  Decoder decoder_;
  Border border_;
  Centring centring_;
};

// Returns the mean embedding of each list of tokens, [size, D]: item rows from titles.
std::vector<float> MeanTokenRows(const DecoderWeights& weights, const TokenLists& lists);

// Returns the final-norm states [T, D] of a text, with an adapter or null.
std::vector<float> TextStates(std::shared_ptr<const DecoderWeights> weights,
                              std::span<const std::int32_t> ids, const Adapter* adapter);

}  // namespace raie
