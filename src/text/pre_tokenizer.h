// How is a normalised text cut into the words that a model sees one by one?
//
// Concept: the component `pre_tokenizer` of a tokenizer.json: ByteLevel, Digits, Split and
// sequences
//          of them. Words are handed on as they are found. ByteLevel's second half, bytes written
//          in the byte alphabet, is the model's (BpeAlphabet::kBytes): so it must come last.
//          The expressions of GPT-2, Llama 3 and Qwen 2 are scanned by hand (text/word_scanner.h).
// Source:  huggingface/tokenizers, pre_tokenizers/.
// Errors:  kCorruptData for another component, naming it and its place, and for a ByteLevel that is
//          not the last one.
// Threads: const methods may run concurrently.
#pragma once

#include <memory>
#include <string_view>

#include "text/bpe.h"
#include "text/json_part.h"
#include "text/piece_sink.h"

namespace raie {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // Gives the words of a text, in order; no word is empty.
  virtual void Split(std::string_view text, PieceSink words) const = 0;
};

struct PreTokenization {
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // null: a text is one word
  BpeAlphabet alphabet = BpeAlphabet::kCharacters;
};

PreTokenization MakePreTokenizer(const JsonPart& part);

}  // namespace raie
