// Which tokens does a model expect before and after a text?
//
// Concept: the component `post_processor` of a tokenizer.json: TemplateProcessing (its `single`
//          template; `pair` is of no use here), ByteLevel (which moves offsets only) and sequences
//          of them.
// Source:  huggingface/tokenizers, processors/.
// Errors:  kCorruptData for another component, naming it and its place.
#pragma once

#include <vector>

#include "text/json_part.h"
#include "text/tokenizer.h"

namespace raie {

struct TextFrame {
  std::vector<TokenId> before;
  std::vector<TokenId> after;
};

TextFrame ReadTextFrame(const JsonPart& part);

}  // namespace raie
