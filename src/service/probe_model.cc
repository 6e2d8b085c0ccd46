#include "service/probe_model.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <vector>

#include "adapters/peft_file.h"
#include "backbones/causal_lm/causal_lm.h"
#include "backbones/causal_lm/text_scores.h"
#include "backbones/pretrained.h"
#include "text/tokenizer.h"

namespace raie {
namespace {

// Indices of the largest logits, largest first, the smaller index of equals.
std::vector<std::int32_t> Largest(const std::vector<float>& logits, std::int64_t count) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + std::min<std::int64_t>(count, std::ssize(order));
  std::partial_sort(order.begin(), end, order.end(), [&](std::int32_t a, std::int32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  order.erase(end, order.end());
  return order;
}

std::string LastName(const std::filesystem::path& path) {
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

// Shapes tell most adapters of other models, but not those of models of the same size. What raie
// saves beside a model is of that model, whatever its folder is called now.
void NoteOtherBase(const ProbeRequest& request, const PhaseControl& control) {
  const std::string base = BaseModelOf(request.adapter);
  if (!control.note || base.empty() || base == kAdaptersOwnModel) return;
  if (LastName(base) == LastName(request.backbone)) return;
  control.note("the adapter says it was trained on " + base + "; this is " +
               request.backbone.string());
}

}  // namespace

nlohmann::ordered_json ProbeModel(const ProbeRequest& request, const PhaseControl& control) {
  StartPhase(control, "reading the tokenizer");
  const auto tokenizer = LoadTokenizer(request.backbone);
  std::vector<std::int32_t> ids;
  for (const TokenId id : tokenizer->Encode(request.text, SpecialTokens::kWith)) {
    ids.push_back(Index(id));
  }
  StartPhase(control, "reading the checkpoint");
  const auto weights =
      LoadDecoder(request.backbone, {.precision = request.precision, .output = OutputRows::kKeep},
                  control.pool);
  if (control.note && weights->widens_bf16()) control.note(kWidensBfloat16);
  RequireVocabulary(*tokenizer, weights->config.vocabulary);
  std::optional<Adapter> adapter;
  if (!request.adapter.empty()) {
    const Decoder decoder(weights, 1);
    adapter = LoadAdapter(request.adapter, decoder.linear_maps());
    NoteOtherBase(request, control);
  }
  StartPhase(control, "reading the text");
  const std::vector<float> states_TD =
      TextStates(weights, ids, adapter.has_value() ? &*adapter : nullptr);
  const TextScores scores = ScoreText(weights->output_rows(), ids, states_TD, control.pool);
  nlohmann::ordered_json json = {
      {"ids", ids},
      {"pieces", nlohmann::ordered_json::array()},
      {"hidden", std::vector<float>(states_TD.end() - weights->config.dim, states_TD.end())},
      {"top", nlohmann::ordered_json::array()},
      {"nll", nullptr},
      {"widens_bf16", weights->widens_bf16()}};
  for (const std::int32_t id : ids) json["pieces"].push_back(tokenizer->Piece(TokenId{id}));
  for (const std::int32_t id : Largest(scores.next_V, request.top)) {
    // A checkpoint may have rows that are no token of its tokenizer.
    json["top"].push_back({{"id", id},
                           {"piece", tokenizer->TryPiece(TokenId{id}).value_or("")},
                           {"logit", scores.next_V[id]}});
  }
  if (scores.mean_nll.has_value()) json["nll"] = *scores.mean_nll;
  return json;
}

}  // namespace raie
