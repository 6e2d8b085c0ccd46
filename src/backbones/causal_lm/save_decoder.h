// How do frozen weights become a checkpoint again that other programs load?
//
// Concept: the names and shapes that LoadDecoder reads, in the precision the weights have, so that
//          what is read back is the same bits.
// Errors:  kInvalidArgument for an untied decoder whose output rows were dropped.
// Cost:    a copy of all weights in memory.
#pragma once

#include <filesystem>

#include "backbones/causal_lm/decoder_weights.h"

namespace raie {

// Writes FOLDER/model.safetensors.
void SaveDecoder(const std::filesystem::path& folder, const DecoderWeights& weights);

}  // namespace raie
