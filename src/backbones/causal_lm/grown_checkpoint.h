// How does a checkpoint become one whose vocabulary has items, too?
//
// Concept: rows of items go behind those of the tokenizer's tokens: into the table of input rows
//          and, in untied models, the same rows into that of output rows. What a checkpoint has
//          there for tokens that its tokenizer does not know is overwritten.
// Source:  docs/decisions/012 ("added item row"); modeling_llama of transformers, which pads so.
// Errors:  those of tensor_folder.h and decoder_config.h; kCorruptData for a table of another
// width. Cost:    a copy of all weights in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>

#include "nn/frozen_map.h"

namespace raie {

struct GrownCheckpoint {
  std::filesystem::path from;                      // as Hugging Face writes it
  std::span<const float> rows_ND;                  // of items
  std::int64_t first = 0;                          // token of the first one
  nn::Precision precision = nn::Precision::kFp32;  // bf16: everything is rounded
};

// Writes config.json and model.safetensors into `folder`; returns the size of the vocabulary.
std::int64_t SaveGrown(const std::filesystem::path& folder, const GrownCheckpoint& grown);

// Says in a config.json which type the weights have.
void SetWeightType(nlohmann::ordered_json& config, nn::Precision precision);

}  // namespace raie
