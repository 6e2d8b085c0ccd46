// Where do the pre-tokenizers of GPT-2, Llama 3 and Qwen 2 cut a text into words?
//
// Concept: the three regular expressions, written out by hand: what follows from the kind of the
//          first one or two characters. text/pattern.h finds the same cuts with PCRE2 and is the
//          twin of the tests.
// Source:  huggingface/tokenizers, pre_tokenizers/byte_level (GPT-2); the tokenizer.json files of
//          Llama 3 and Qwen 2.
// Threads: may run concurrently.
// Cost:    O(n).
#pragma once

#include <string_view>

#include "text/piece_sink.h"

namespace raie {

enum class WordRule {
  kGpt2,    // digits in runs, contractions in lower case only
  kLlama3,  // digits by three
  kQwen2,   // digits one by one
};

// Returns the regular expression of a rule.
std::string_view WordPattern(WordRule rule);

// Gives the words of a text (UTF-8) in order: together they are the text.
void ScanWords(WordRule rule, std::string_view text, PieceSink words);

}  // namespace raie
