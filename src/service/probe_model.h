// Was a checkpoint of a language model read right?
//
// Concept: tokens of a text, the state behind its last token, the most likely next tokens and how
//          likely the text was, over the checkpoint's own vocabulary, so that they can be held
//          against any other program that reads it. With an adapter of the PEFT library on top if
//          one is given.
// Units:   nll in nats, mean over the tokens after the first.
// Errors:  kInvalidArgument for a text that is not UTF-8, without tokens or longer than the model
//          reads, and for a tokenizer of another model; those of backbones/causal_lm/, text/ and
//          adapters/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "nn/frozen_map.h"
#include "service/run_control.h"

namespace raie {

struct ProbeRequest {
  std::filesystem::path backbone;  // a Hugging Face folder
  std::filesystem::path adapter;   // a PEFT folder; empty: none
  std::string text;
  std::int64_t top = 10;
  nn::Precision precision = nn::Precision::kBf16;
};

// Returns {"ids", "pieces", "hidden", "top": [{"id", "piece", "logit"}], "nll"}; nll is null for a
// single token. Also "widens_bf16": weights are bf16 and this machine multiplies floats.
nlohmann::ordered_json ProbeModel(const ProbeRequest& request, const PhaseControl& control);

}  // namespace raie
