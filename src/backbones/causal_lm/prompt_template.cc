#include "backbones/causal_lm/prompt_template.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "raie/error.h"

namespace raie {
namespace {

[[noreturn]] void RefuseTemplate(const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, "backbone.causal_lm.prompt: " + what);
}

TokenIds Encode(const Tokenizer& tokenizer, std::string_view text, SpecialTokens special) {
  TokenIds ids;
  for (const TokenId id : tokenizer.Encode(text, special)) ids.push_back(Index(id));
  return ids;
}

// What the model wants before a text.
TokenIds BeginningOf(const Tokenizer& tokenizer) {
  const TokenIds plain = TokensOf(tokenizer, "a");
  const TokenIds whole = Encode(tokenizer, "a", SpecialTokens::kWith);
  const auto at = std::ranges::search(whole, plain).begin();
  return {whole.begin(), at == whole.end() ? whole.begin() : at};
}

struct Place {
  std::size_t begin;
  std::size_t end;  // behind the brace
  PromptPartKind kind;
};

// The next {word}; braces around anything but a word are text.
std::optional<Place> NextPlace(const std::string& text, std::size_t from) {
  for (std::size_t open = text.find('{', from); open != std::string::npos;
       open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) return std::nullopt;
    const std::string word = text.substr(open + 1, close - open - 1);
    if (word == "user_id") return Place{open, close + 1, PromptPartKind::kUser};
    if (word == "history") return Place{open, close + 1, PromptPartKind::kHistory};
    const bool is_word = !word.empty() && std::ranges::all_of(word, [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_';
    });
    if (is_word) RefuseTemplate("{" + word + "} is not known; there are {user_id} and {history}");
  }
  return std::nullopt;
}

void CheckCount(const PromptSpec& spec, PromptPartKind kind, const char* name, bool needed) {
  const auto count = std::ranges::count(spec.parts, kind, &PromptPart::kind);
  if (count > 1) RefuseTemplate(std::string(name) + " stands there twice");
  if (needed && count == 0) RefuseTemplate(std::string("it has no ") + name);
}

}  // namespace

TokenIds TokensOf(const Tokenizer& tokenizer, std::string_view text) {
  return Encode(tokenizer, text, SpecialTokens::kWithout);
}

TokenLists TokensOf(const Tokenizer& tokenizer, const StringTable& texts, std::string_view what) {
  TokenLists lists;
  for (std::int64_t i = 0; i < texts.size(); ++i) {
    TokenIds ids = TokensOf(tokenizer, texts[i]);
    if (ids.empty()) ids = TokensOf(tokenizer, std::string(what) + " " + std::to_string(i));
    lists.Add(ids);
  }
  return lists;
}

PromptSpec ParsePrompt(const CausalLmOptions& options, const Tokenizer& tokenizer) {
  PromptSpec spec;
  const auto add_text = [&](TokenIds ids) {
    if (!ids.empty()) spec.parts.push_back({PromptPartKind::kText, std::move(ids)});
  };
  add_text(BeginningOf(tokenizer));
  std::size_t at = 0;
  while (const auto place = NextPlace(options.prompt, at)) {
    add_text(TokensOf(tokenizer, options.prompt.substr(at, place->begin - at)));
    spec.parts.push_back({.kind = place->kind});
    at = place->end;
  }
  add_text(TokensOf(tokenizer, options.prompt.substr(at)));
  CheckCount(spec, PromptPartKind::kHistory, "{history}", true);
  CheckCount(spec, PromptPartKind::kUser, "{user_id}", false);
  spec.unknown_user = TokensOf(tokenizer, options.unknown_user);
  if (spec.reads_users() && spec.unknown_user.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "backbone.causal_lm.unknown_user = \"" + options.unknown_user +
                    "\" has no tokens; a prompt with {user_id} needs a name for users it does not "
                    "know");
  }
  spec.separator = TokensOf(tokenizer, options.separator);
  spec.max_items = options.context;
  spec.max_tokens = options.max_tokens;
  return spec;
}

}  // namespace raie
