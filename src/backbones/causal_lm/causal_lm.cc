#include "backbones/causal_lm/causal_lm.h"

#include <algorithm>
#include <optional>
#include <string>

#include "backbones/mixture_call.h"
#include "backbones/mixture_gates.h"
#include "raie/error.h"

namespace raie {

using kernels::Matrix;

struct CausalLm::Weights : BoundWeights {
  Decoder::Bound decoder;
  std::optional<MixtureGates> gates;
  float lora_dropout = 0;

  TransformerCall CallOf(const ForwardInput& input, const PromptTile& tile) const {
    TransformerCall call = tile.Call(input);
    if (input.training) call.lora_dropout.rate = lora_dropout;
    return call;
  }
};

struct CausalLm::Activations : Tape {
  explicit Activations(std::int64_t size) : arena(size) {}

  nn::ArenaLease arena;
  Decoder::Tape decoder;
  MixtureGates::State gates;
};

CausalLm::CausalLm(std::shared_ptr<const DecoderWeights> weights, PromptSpec prompt)
    : prompt_(std::move(prompt)), decoder_(std::move(weights), prompt_.max_tokens) {
  CheckPrompt(prompt_, this->weights().config.vocabulary, this->weights().config.longest_prompt());
}

std::unique_ptr<BoundWeights> CausalLm::Bind(const Adapter* adapter, Purpose purpose) const {
  auto bound = std::make_unique<Weights>();
  bound->decoder = decoder_.Bind(adapter, purpose);
  if (adapter == nullptr) return bound;
  if (adapter->is_mixture()) bound->gates.emplace(*adapter);
  bound->lora_dropout = static_cast<float>(adapter->options().dropout);
  return bound;
}

Matrix CausalLm::Embed(const ForwardInput& input, const PromptTile& tile, nn::Arena& arena) const {
  const std::int64_t d = dim();
  const auto text = tile.text_ids();
  const Matrix x = arena.Rows(std::ssize(text), d);
  const auto replaced = input.items.replaced_items;
  for (std::int64_t t = 0; t < x.rows; ++t) {
    const std::span<float> row(x.row(t), static_cast<std::size_t>(d));
    if (text[t] >= 0) {
      weights().embedding.CopyRow(text[t], row);
      continue;
    }
    const std::int32_t item = Index(input.batch.items[tile.batch_tokens()[t]]);
    const auto own = std::lower_bound(replaced.begin(), replaced.end(), item);
    const float* const from = own != replaced.end() && *own == item
                                  ? input.items.replaced_rows.data() + (own - replaced.begin()) * d
                                  : input.items.base_ND.data() + item * d;
    std::copy_n(from, d, row.data());
  }
  return x;
}

std::int64_t CausalLm::BorderSize(const ForwardInput& input) const {
  return std::ssize(PromptTile(input, prompt_, dim()).text_ids()) * dim();
}

void CausalLm::CheckBorder(const Weights& weights, const BorderStates& border,
                           std::int64_t tokens) const {
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument, "border states: " + what);
  };
  const std::int64_t layers = this->weights().config.layers;
  if (border.layer < 1 || border.layer >= layers) {
    refuse("layer " + std::to_string(border.layer) + ", expected 1 to " +
           std::to_string(layers - 1));
  }
  if (std::ssize(border.states) != tokens * dim()) {
    refuse("room for " + std::to_string(border.states.size()) + " numbers, the tile has " +
           std::to_string(tokens * dim()));
  }
  for (std::int64_t layer = 0; layer < border.layer; ++layer) {
    const Decoder::Bound::Layer& maps = weights.decoder.layers[layer];
    if (maps.qkv.adapted() || maps.o.adapted() || maps.gate_up.adapted() || maps.down.adapted()) {
      refuse("the adapter has maps in layer " + std::to_string(layer) + ", below the border at " +
             std::to_string(border.layer));
    }
  }
}

std::unique_ptr<Tape> CausalLm::Forward(const BoundWeights& weights, const ForwardInput& input,
                                        std::span<float> hidden_PD) const {
  const auto& bound = static_cast<const Weights&>(weights);
  const PromptTile tile(input, prompt_, dim());
  TransformerCall call = bound.CallOf(input, tile);
  if (input.border != nullptr) CheckBorder(bound, *input.border, call.num_tokens());
  auto tape = std::make_unique<Activations>(decoder_.ArenaSize(bound.decoder, call, input.border));
  MixtureCall mixture;
  if (bound.gates.has_value()) {
    tape->gates = bound.gates->Forward(input.batch, input.items);
    mixture = MixtureCallOf(input, call, tape->gates);
    call.mixture = &mixture;
  }
  const Decoder::Pass pass{bound.decoder, call, *tape->arena, input.border};
  Matrix x;
  if (pass.first_layer() == 0) {
    x = Embed(input, tile, *tape->arena);
  } else {
    x = tape->arena->Rows(call.num_tokens(), dim());
    std::ranges::copy(input.border->states, x.data);
  }
  decoder_.Forward(pass, x, input.training ? &tape->decoder : nullptr, hidden_PD);
  if (!input.training) return nullptr;
  return tape;
}

void CausalLm::Backward(const BoundWeights& weights, const ForwardInput& input, const Tape& tape,
                        std::span<const float> grad_PD, const GradientSink& sink) const {
  const auto& bound = static_cast<const Weights&>(weights);
  const auto& kept = static_cast<const Activations&>(tape);
  const PromptTile prompts(input, prompt_, dim());
  TransformerCall call = bound.CallOf(input, prompts);
  MixtureCall mixture;
  std::vector<float> gate_gradients;
  if (bound.gates.has_value()) {
    mixture = MixtureCallOf(input, call, kept.gates);
    gate_gradients.resize(sink.adapter.empty() ? 0 : kept.gates.gates_MSE.size());
    mixture.gradients_MSE = gate_gradients;
    call.mixture = &mixture;
  }
  // Titles have no item rows: nothing is wanted below the lowest adapted map.
  std::fill(sink.input_TD.begin(), sink.input_TD.end(), 0.0f);
  GradientSink wanted = sink;
  if (prompt_.writes_titles()) wanted.input_TD = {};
  if (!wanted.input_TD.empty() && input.border != nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                "border states: item rows that are trained change what is below; freeze them, or "
                "write the history as titles");
  }
  const nn::ArenaLease arena(2 * call.num_tokens() * dim() + 64);
  const Decoder::Pass pass{bound.decoder, call, *arena, input.border};
  const Matrix dx = decoder_.Backward(pass, kept.decoder, grad_PD, wanted);
  for (std::int64_t t = 0; !dx.empty() && t < dx.rows; ++t) {
    const std::int32_t of_batch = prompts.batch_tokens()[t];
    if (of_batch >= 0) std::copy_n(dx.row(t), dim(), sink.input_TD.data() + of_batch * dim());
  }
  if (!gate_gradients.empty()) BackGates(*bound.gates, kept.gates, input, gate_gradients, sink);
}

std::vector<float> MeanTokenRows(const DecoderWeights& weights, const TokenLists& lists) {
  const std::int64_t d = weights.config.dim;
  std::vector<float> rows(lists.size() * d), row(d);
  for (std::int64_t i = 0; i < lists.size(); ++i) {
    if (lists[i].empty()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "the mean of no tokens: list " + std::to_string(i) + " is empty");
    }
    std::vector<double> sum(d);
    for (const std::int32_t id : lists[i]) {
      if (id < 0 || id >= weights.config.vocabulary) {
        throw Error(ErrorCode::kInvalidArgument, "token " + std::to_string(id) +
                                                     " of a vocabulary of " +
                                                     std::to_string(weights.config.vocabulary) +
                                                     "; is the tokenizer another model's?");
      }
      weights.embedding.CopyRow(id, row);
      for (std::int64_t c = 0; c < d; ++c) sum[c] += row[c];
    }
    for (std::int64_t c = 0; c < d; ++c) {
      rows[i * d + c] = static_cast<float>(sum[c] / static_cast<double>(lists[i].size()));
    }
  }
  return rows;
}

std::vector<float> TextStates(std::shared_ptr<const DecoderWeights> weights,
                              std::span<const std::int32_t> ids, const Adapter* adapter) {
  const DecoderConfig& config = weights->config;
  const std::int64_t d = config.dim, tokens = std::ssize(ids);
  if (tokens < 1 || tokens > config.longest_prompt()) {
    throw Error(ErrorCode::kInvalidArgument, "a text of " + std::to_string(tokens) +
                                                 " tokens; the model reads 1 to " +
                                                 std::to_string(config.longest_prompt()));
  }
  const Decoder decoder(weights, tokens);
  const nn::ArenaLease arena;
  const Matrix x = arena->Rows(tokens, d);
  const std::vector<std::int32_t> offsets = {0, static_cast<std::int32_t>(tokens)};
  const std::vector<std::uint32_t> row_keys = {0};
  const std::vector<kernels::TokenKey> keys = kernels::TokenKeys(row_keys, offsets);
  for (std::int64_t t = 0; t < tokens; ++t) {
    if (ids[t] < 0 || ids[t] >= config.vocabulary) {
      throw Error(ErrorCode::kInvalidArgument,
                  "token " + std::to_string(ids[t]) + " of a vocabulary of " +
                      std::to_string(config.vocabulary) + "; is the tokenizer another model's?");
    }
    weights->embedding.CopyRow(ids[t], {x.row(t), static_cast<std::size_t>(d)});
  }
  const TransformerCall call{.offsets_S1 = offsets, .row_keys_S = row_keys, .tokens_T = keys};
  std::vector<float> hidden(tokens * d);
  const Decoder::Bound bound = decoder.Bind(adapter, Purpose::kScore);
  decoder.Forward({bound, call, *arena}, x, nullptr, hidden);
  return hidden;
}

}  // namespace raie
