// How does a fitted language model become a checkpoint that other programs load?
//
// Concept: a folder as Hugging Face writes it: the merged S model of a version, its tokenizer with
//          a token for every item (text/item_tokens.h) and the items' rows behind those of the
//          tokens, so that the logits of these tokens are raie's item scores. adapters/ holds the
//          regions' adapters as PEFT reads them on top of it, adapters.json which region reads
//          which, raie.json what else makes an answer: the prompt and the first item's token.
// Source:  docs/decisions/012, docs/formats.md ("Exported language model").
// Errors:  kInvalidArgument for a model that is no language model, an output that is not free, item
//          rows of a region's own (no adapter folder holds them); those of the store.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "nn/frozen_map.h"
#include "raie/model.h"
#include "service/run_control.h"

namespace raie {

struct ExportRequest {
  std::filesystem::path model;
  std::int32_t version = kCurrentVersion;
  std::filesystem::path output;
  nn::Precision precision = nn::Precision::kFp32;  // bf16: rounds item rows and norms, too
};

// Returns {"version", "items", "first_token", "vocabulary", "bytes", "adapters": {region: folder},
// "popularity_prior": whether the version has one, which is not exported}.
nlohmann::ordered_json ExportModel(const ExportRequest& request, const PhaseControl& control);

}  // namespace raie
