// How is an adapter kept in a folder that the PEFT library can load too?
//
// Concept: adapter_config.json (peft_type LORA, r, lora_alpha, lora_dropout, target_modules, ...)
//          and adapter_model.safetensors with base_model.model.<map>.lora_A.weight [R, I] and
//          .lora_B.weight [O, R], where <map> is LinearMapInfo::name.
//          Maps with ranks or alphas of their own are read as one adapter of the largest rank that
//          does the same: rows and columns of zeros beyond a map's rank, its scale inside its B.
// Source:  PEFT 0.21 (0.17 wrote the same); what would change the mathematics and is not
//          implemented here (DoRA, modules_to_save, trained biases, ...) is refused by name, not
//          ignored.
// Errors:  kNotFound, kCorruptData (file, tensor, shape found and expected), kInvalidArgument for a
//          setting raie does not support.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "adapters/adapter.h"

namespace raie {

// Recorded as the base of adapters that lie in the directory of their model.
inline constexpr char kAdaptersOwnModel[] = "raie";

// Writes the two files into `folder`, which exists; the caller commits (AtomicDirectory).
// `maps` are the linear maps of the backbone the adapter was made for; `base_model` is recorded.
void SaveAdapter(const std::filesystem::path& folder, const Adapter& adapter,
                 std::span<const LinearMapInfo> maps, const std::string& base_model);

// Returns the adapter of a folder, checked against the backbone's linear maps. Adapters written by
// SaveAdapter come back bit-equal.
Adapter LoadAdapter(const std::filesystem::path& folder, std::span<const LinearMapInfo> maps);

// Returns what the adapter of a folder says it was trained on (base_model_name_or_path); "" if it
// does not say.
std::string BaseModelOf(const std::filesystem::path& folder);

}  // namespace raie
