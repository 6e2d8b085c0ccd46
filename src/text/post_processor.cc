#include "text/post_processor.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace raie {
namespace {

std::vector<TokenId> IdsOfSpecialToken(const JsonPart& special_tokens, const JsonPart& piece) {
  piece.RequireFields({"id", "type_id"});
  const JsonPart token = special_tokens.At(piece.At("id").Text());
  token.RequireFields({"id", "ids", "tokens"});
  std::vector<TokenId> ids;
  for (const JsonPart& id : token.At("ids").Items()) {
    const std::int64_t number = id.Number();
    if (number < 0 || number > std::numeric_limits<std::int32_t>::max()) {
      id.Fail(std::to_string(number) + " is no id of a token");
    }
    ids.push_back(TokenId{static_cast<std::int32_t>(number)});
  }
  return ids;
}

TextFrame ReadTemplate(const JsonPart& part) {
  part.RequireFields({"single", "pair", "special_tokens"});
  TextFrame frame;
  bool has_text = false;
  for (const JsonPart& piece : part.At("single").Items()) {
    piece.RequireFields({"Sequence", "SpecialToken"});
    if (piece.Has("SpecialToken")) {
      std::vector<TokenId>& side = has_text ? frame.after : frame.before;
      for (const TokenId id :
           IdsOfSpecialToken(part.At("special_tokens"), piece.At("SpecialToken"))) {
        side.push_back(id);
      }
      continue;
    }
    const JsonPart sequence = piece.At("Sequence");
    sequence.RequireFields({"id", "type_id"});
    if (sequence.At("id").Text() != "A" || has_text) {
      piece.Fail("expected the text once, as sequence A");
    }
    has_text = true;
  }
  if (!has_text) part.At("single").Fail("has no place for the text (sequence A)");
  return frame;
}

}  // namespace

TextFrame ReadTextFrame(const JsonPart& part) {
  if (part.value().is_null()) return {};
  const std::string type = part.TextOr("type", "");
  if (type == "ByteLevel") {
    part.RequireFields({"add_prefix_space", "trim_offsets", "use_regex"});
    return {};
  }
  if (type == "TemplateProcessing") return ReadTemplate(part);
  if (type == "Sequence") {
    part.RequireFields({"processors"});
    TextFrame frame;
    for (const JsonPart& item : part.At("processors").Items()) {
      const TextFrame outer = ReadTextFrame(item);
      frame.before.insert(frame.before.begin(), outer.before.begin(), outer.before.end());
      frame.after.insert(frame.after.end(), outer.after.begin(), outer.after.end());
    }
    return frame;
  }
  FailOnType(part, "ByteLevel, TemplateProcessing, Sequence");
}

}  // namespace raie
