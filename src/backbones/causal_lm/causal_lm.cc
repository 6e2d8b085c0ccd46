#include "backbones/causal_lm/causal_lm.h"

#include <algorithm>
#include <cmath>
#include <mutex>
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
  // Of the tokens every prompt begins with, made by the first tile that is scored.
  TokenIds prefix_ids;  // empty: nothing is kept
  mutable std::once_flag prefix_made;
  mutable Decoder::Prefix prefix;

  TransformerCall CallOf(const ForwardInput& input, const PromptTile& tile) const {
    TransformerCall call = tile.Call(input);
    if (input.training) call.lora_dropout.rate = lora_dropout;
    return call;
  }
};

struct CausalLm::Activations : Tape {
  Activations(std::int64_t size, std::int64_t layer) : arena(size), first_layer(layer) {}

  nn::ArenaLease arena;
  std::int64_t first_layer;
  Decoder::Tape decoder;
  MixtureGates::State gates;
};

namespace {

void EmbedText(const DecoderWeights& weights, std::span<const std::int32_t> ids, Matrix x_TD) {
  for (std::int64_t t = 0; t < x_TD.rows; ++t) {
    weights.embedding.CopyRow(ids[t], {x_TD.row(t), static_cast<std::size_t>(x_TD.cols)});
  }
}

}  // namespace

Centring CentringOf(std::span<const float> states_MD, std::int64_t dim) {
  const std::int64_t rows = std::ssize(states_MD) / dim;
  std::vector<double> mean(dim);
  for (std::size_t i = 0; i < states_MD.size(); ++i) mean[i % dim] += states_MD[i];
  for (double& value : mean) value /= static_cast<double>(std::max<std::int64_t>(1, rows));
  double squares = 0;
  for (std::size_t i = 0; i < states_MD.size(); ++i) {
    const double difference = states_MD[i] - mean[i % dim];
    squares += difference * difference;
  }
  if (!(squares > 0)) {
    throw Error(ErrorCode::kInvalidArgument,
                "centred states: the " + std::to_string(rows) +
                    " prompts they are taken from all have the same state; give more windows of S "
                    "or set backbone.causal_lm.states = plain");
  }
  return {.mean_D = {mean.begin(), mean.end()},
          .scale = static_cast<float>(std::sqrt(static_cast<double>(states_MD.size()) / squares))};
}

CausalLm::CausalLm(std::shared_ptr<const DecoderWeights> weights, PromptSpec prompt, Border border,
                   Centring centring)
    : prompt_(std::move(prompt)),
      decoder_(std::move(weights), prompt_.max_tokens),
      border_(std::move(border)),
      centring_(std::move(centring)) {
  const DecoderConfig& config = this->weights().config;
  CheckPrompt(prompt_, config.vocabulary, config.longest_prompt());
  if (border_.store != nullptr && (border_.layer < 1 || border_.layer >= config.layers)) {
    throw Error(ErrorCode::kInvalidArgument,
                "border states: layer " + std::to_string(border_.layer) + ", expected 1 to " +
                    std::to_string(config.layers - 1));
  }
}

std::unique_ptr<BoundWeights> CausalLm::Bind(const Adapter* adapter, Purpose purpose) const {
  auto bound = std::make_unique<Weights>();
  bound->decoder = decoder_.Bind(adapter, purpose);
  // What a mixture's gates say of a row, they say of all its tokens.
  const bool is_mixture = adapter != nullptr && adapter->is_mixture();
  if (purpose == Purpose::kScore && prompt_.keeps_prefix && !is_mixture) {
    bound->prefix_ids = prompt_.prefix();
  }
  if (adapter == nullptr) return bound;
  if (adapter->is_mixture()) bound->gates.emplace(*adapter);
  bound->lora_dropout = static_cast<float>(adapter->options().dropout);
  return bound;
}

std::int64_t CausalLm::TapeBytes(std::int64_t tokens) const {
  const std::int64_t first_layer = border_.store != nullptr ? border_.layer : 0;
  return decoder_.TapeSize(tokens, first_layer) * static_cast<std::int64_t>(sizeof(float));
}

const Decoder::Prefix* CausalLm::PrefixFor(const Weights& weights,
                                           const ForwardInput& input) const {
  if (weights.prefix_ids.empty() || input.training || FirstLayer(weights) > 0) return nullptr;
  std::call_once(weights.prefix_made, [&] {
    const nn::ArenaLease arena;
    const Matrix x = arena->Rows(std::ssize(weights.prefix_ids), dim());
    EmbedText(this->weights(), weights.prefix_ids, x);
    weights.prefix = decoder_.MakePrefix(weights.decoder, x);
  });
  return &weights.prefix;
}

const float* CausalLm::ItemRowOf(const ForwardInput& input, std::int32_t batch_token) const {
  const std::int32_t item = Index(input.batch.items[batch_token]);
  const auto replaced = input.items.replaced_items;
  const auto own = std::lower_bound(replaced.begin(), replaced.end(), item);
  return own != replaced.end() && *own == item
             ? input.items.replaced_rows.data() + (own - replaced.begin()) * dim()
             : input.items.base_ND.data() + item * dim();
}

Matrix CausalLm::Embed(const ForwardInput& input, const PromptTile& tile, nn::Arena& arena) const {
  const auto text = tile.text_ids();
  const Matrix x = arena.Rows(std::ssize(text), dim());
  for (std::int64_t t = 0; t < x.rows; ++t) {
    if (text[t] >= 0) {
      weights().embedding.CopyRow(text[t], {x.row(t), static_cast<std::size_t>(dim())});
    } else {
      std::copy_n(ItemRowOf(input, tile.batch_tokens()[t]), dim(), x.row(t));
    }
  }
  return x;
}

std::int64_t CausalLm::FirstLayer(const Weights& weights) const {
  const bool begins = border_.store != nullptr && weights.decoder.lowest_adapted >= border_.layer;
  return begins ? border_.layer : 0;
}

std::string CausalLm::BorderKey(const ForwardInput& input, const PromptTile& tile,
                                std::int64_t row) const {
  const auto begin = tile.offsets()[row], end = tile.offsets()[row + 1];
  const auto text = std::as_bytes(tile.text_ids().subspan(begin, end - begin));
  std::vector<std::byte> read(text.begin(), text.end());
  for (std::int32_t t = begin; t < end; ++t) {
    if (tile.text_ids()[t] >= 0) continue;
    const auto row_D = std::as_bytes(std::span(ItemRowOf(input, tile.batch_tokens()[t]), dim()));
    read.insert(read.end(), row_D.begin(), row_D.end());
  }
  return DigestOf(read);
}

Matrix CausalLm::AtBorder(const Weights& weights, const ForwardInput& input, const PromptTile& tile,
                          nn::Arena& arena) const {
  const Matrix states = arena.Rows(std::ssize(tile.text_ids()), dim());
  const auto of_row = [&](std::int64_t row) {
    return nn::Flat(states.Rows(tile.offsets()[row], tile.offsets()[row + 1]));
  };
  std::vector<std::int64_t> rows;  // that are not there
  std::vector<std::string> keys;   // of these
  WindowBatch batch;
  for (std::int64_t row = 0; row < input.batch.num_rows(); ++row) {
    std::string key = BorderKey(input, tile, row);
    if (border_.store->Read(key, of_row(row))) continue;
    rows.push_back(row);
    keys.push_back(std::move(key));
    batch.Append(input.batch, row);
  }
  if (rows.empty()) return states;
  const ForwardInput missing{
      .batch = batch, .outputs = {}, .items = input.items, .user_tokens = input.user_tokens};
  const PromptTile prompts(missing, prompt_, dim());
  const TransformerCall call = prompts.Call(missing);
  const nn::ArenaLease below;
  const Matrix x = Embed(missing, prompts, *below);
  decoder_.ForwardBelow({weights.decoder, call, *below}, border_.layer, x);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto computed = nn::Flat(x.Rows(prompts.offsets()[i], prompts.offsets()[i + 1]));
    std::ranges::copy(computed, of_row(rows[i]).begin());
    border_.store->Offer(
        keys[i], input.training ? BorderStore::Row::kComesBack : BorderStore::Row::kMayComeBack,
        computed);
  }
  return states;
}

std::unique_ptr<Tape> CausalLm::Forward(const BoundWeights& weights, const ForwardInput& input,
                                        std::span<float> hidden_PD) const {
  const auto& bound = static_cast<const Weights&>(weights);
  const Decoder::Prefix* const prefix = PrefixFor(bound, input);
  const PromptTile tile(input, prompt_, dim(), prefix == nullptr ? 0 : prefix->tokens);
  TransformerCall call = bound.CallOf(input, tile);
  const std::int64_t first_layer = FirstLayer(bound);
  auto tape = std::make_unique<Activations>(decoder_.ArenaSize(bound.decoder, call, first_layer),
                                            first_layer);
  MixtureCall mixture;
  if (bound.gates.has_value()) {
    tape->gates = bound.gates->Forward(input.batch, input.items);
    mixture = MixtureCallOf(input, call, tape->gates);
    call.mixture = &mixture;
  }
  const Matrix x = first_layer > 0 ? AtBorder(bound, input, tile, *tape->arena)
                                   : Embed(input, tile, *tape->arena);
  const Decoder::Pass pass{bound.decoder, call, *tape->arena, first_layer, prefix};
  decoder_.Forward(pass, x, input.training ? &tape->decoder : nullptr, hidden_PD);
  for (std::size_t i = 0; !centring_.mean_D.empty() && i < hidden_PD.size(); ++i) {
    hidden_PD[i] = (hidden_PD[i] - centring_.mean_D[i % dim()]) * centring_.scale;
  }
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
  if (!wanted.input_TD.empty() && kept.first_layer > 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "border states: item rows that are trained change what is below; freeze them, or "
                "write the history as titles");
  }
  std::vector<float> scaled;
  if (!centring_.mean_D.empty()) {
    for (const float value : grad_PD) scaled.push_back(value * centring_.scale);
    grad_PD = scaled;
  }
  const nn::ArenaLease arena(2 * call.num_tokens() * dim() + 64);
  const Decoder::Pass pass{bound.decoder, call, *arena, kept.first_layer};
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
  }
  EmbedText(*weights, ids, x);
  const TransformerCall call{.offsets_S1 = offsets, .row_keys_S = row_keys, .tokens_T = keys};
  std::vector<float> hidden(tokens * d);
  const Decoder::Bound bound = decoder.Bind(adapter, Purpose::kScore);
  decoder.Forward({bound, call, *arena}, x, nullptr, hidden);
  return hidden;
}

}  // namespace raie
