// What is done to a text before it is cut into words?
//
// Concept: the component `normalizer` of a tokenizer.json: NFC, Prepend, Replace and sequences of
//          them.
// Source:  huggingface/tokenizers, normalizers/. Its NFC is that of an older Unicode: characters it
//          does not know are left alone and compose with nothing (text/code_points.h, kTooNew).
// Errors:  kCorruptData for another component, naming it and its place.
// Threads: const methods may run concurrently.
// Cost:    O(n); NFC copies nothing where no character composes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "text/json_part.h"

namespace raie {

class Normalizer {
 public:
  virtual ~Normalizer() = default;

  // Puts the normal form of a text (not empty) into `out`. Returns false where it is the text
  // itself, and leaves `out` as it is.
  virtual bool Apply(std::string_view text, std::string& out) const = 0;
};

// Returns null for null: nothing is done.
std::unique_ptr<Normalizer> MakeNormalizer(const JsonPart& part);

}  // namespace raie
