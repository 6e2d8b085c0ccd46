// How do pieces become text again?
//
// Concept: the component `decoder` of a tokenizer.json: ByteLevel, ByteFallback, Fuse, Strip,
//          Replace and sequences of them, each turning a list of texts into another. What is left
//          is joined; without a decoder, by blanks.
// Source:  huggingface/tokenizers, decoders/.
// Errors:  kCorruptData for another component, naming it and its place.
// Threads: const methods may run concurrently.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/json_part.h"

namespace raie {

class Decoder {
 public:
  virtual ~Decoder() = default;

  virtual std::vector<std::string> Apply(std::vector<std::string> pieces) const = 0;
};

// Returns null for null.
std::unique_ptr<Decoder> MakeDecoder(const JsonPart& part);

// Returns the text of some pieces; `decoder` may be null.
std::string DecodePieces(const Decoder* decoder, std::vector<std::string> pieces);

}  // namespace raie
