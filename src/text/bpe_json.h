// How is the component `model` of a tokenizer.json read?
//
// Errors:  kCorruptData, naming the place, for a model that is no BPE, for dropout (ids would be
//          random), affixes of subwords, and entries that are no pieces, ids or pairs.
#pragma once

#include "text/bpe.h"
#include "text/json_part.h"

namespace raie {

// The alphabet is the pre-tokenizer's to say.
BpeParts ReadBpe(const JsonPart& part, BpeAlphabet alphabet);

}  // namespace raie
