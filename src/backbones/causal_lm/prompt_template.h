// How does a template that a person wrote become the pieces of a prompt?
//
// Concept: the text is cut at {user_id} and {history}; each piece of text is tokenised by itself,
//          and so are ids and titles, so that what stands at one place never changes the tokens of
//          another. Tokens that the model wants before a text (BOS) come first, those behind a text
//          (EOS) do not: the answer comes next.
// Source:  METHOD section 7.
// Errors:  kInvalidArgument for {anything_else}, a template without {history}, or with {user_id} or
//          {history} twice.
#pragma once

#include <string>
#include <string_view>

#include "backbones/causal_lm/causal_lm_options.h"
#include "backbones/causal_lm/prompt.h"
#include "data/interaction_log.h"
#include "text/tokenizer.h"

namespace raie {

// Returns the tokens of a text as it stands inside a prompt; there may be none.
TokenIds TokensOf(const Tokenizer& tokenizer, std::string_view text);

// Returns the tokens of each text; those of its place ("item 7") where a text has none.
TokenLists TokensOf(const Tokenizer& tokenizer, const StringTable& texts, std::string_view what);

// Returns the template's parts, separator, unknown user and limits; users and titles are empty.
PromptSpec ParsePrompt(const CausalLmOptions& options, const Tokenizer& tokenizer);

}  // namespace raie
