// A checkpoint of a language model that is made in no time, for tests of what stands on top of one.
//
// Concept: random weights of a small Llama, and a tokenizer of single letters and digits; anything
//          else is one token.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "backbones/causal_lm/save_decoder.h"
#include "base/files.h"

namespace raie::testing {

// A tokenizer of single characters: {piece: id}, "?" for all others.
inline void WriteTinyTokenizer(const std::filesystem::path& folder,
                               const nlohmann::json& vocabulary) {
  const nlohmann::json tokenizer = {{"version", "1.0"},
                                    {"truncation", nullptr},
                                    {"padding", nullptr},
                                    {"added_tokens", nlohmann::json::array()},
                                    {"normalizer", nullptr},
                                    {"pre_tokenizer", nullptr},
                                    {"post_processor", nullptr},
                                    {"decoder", nullptr},
                                    {"model",
                                     {{"type", "BPE"},
                                      {"unk_token", "?"},
                                      {"merges", nlohmann::json::array()},
                                      {"vocab", vocabulary}}}};
  WriteFileAtomically(folder / "tokenizer.json", tokenizer.dump());
}

inline nlohmann::json LettersAndDigits() {
  nlohmann::json vocabulary = {{"?", 0}};
  int next = 1;
  for (const char c : std::string("abcdefghijklmnopqrstuvwxyz0123456789")) {
    vocabulary[std::string(1, c)] = next++;
  }
  return vocabulary;
}

inline void WriteTinyCheckpoint(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const nlohmann::json config = {
      {"model_type", "llama"},       {"vocab_size", 40},        {"hidden_size", 16},
      {"intermediate_size", 32},     {"num_hidden_layers", 2},  {"num_attention_heads", 2},
      {"num_key_value_heads", 1},    {"head_dim", 8},           {"hidden_act", "silu"},
      {"rms_norm_eps", 1e-5},        {"rope_theta", 10000.0},   {"max_position_embeddings", 64},
      {"tie_word_embeddings", true}, {"torch_dtype", "float32"}};
  WriteFileAtomically(folder / "config.json", config.dump());
  WriteTinyTokenizer(folder, LettersAndDigits());
  const LoadOptions load{.precision = Precision::kFp32, .output = OutputRows::kKeep};
  SaveDecoder(folder, *RandomDecoder(ReadDecoderConfig(folder / "config.json"), load, 5));
}

}  // namespace raie::testing
