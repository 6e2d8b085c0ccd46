#include "text/bpe_json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace raie {
namespace {

using nlohmann::json;

std::vector<std::pair<std::string, TokenId>> ReadVocabulary(const JsonPart& part) {
  if (!part.value().is_object()) part.Fail("expected an object {piece: id}");
  std::vector<std::pair<std::string, TokenId>> vocabulary;
  vocabulary.reserve(part.value().size());
  for (const auto& [piece, id] : part.value().items()) {
    if (!id.is_number_unsigned() ||
        id.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int32_t>::max()}) {
      part.Fail("the id of \"" + piece + "\" is " + id.dump());
    }
    vocabulary.emplace_back(piece, TokenId{id.get<std::int32_t>()});
  }
  return vocabulary;
}

// A merge is ["a", "b"] or "a b".
std::pair<std::string, std::string> ReadMerge(const JsonPart& part, std::size_t rank,
                                              const json& merge) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  }
  if (merge.is_string()) {
    const std::string text = merge.get<std::string>();
    const std::size_t blank = text.find(' ');
    if (blank != std::string::npos && blank == text.rfind(' ')) {
      return {text.substr(0, blank), text.substr(blank + 1)};
    }
  }
  part.Fail("entry " + std::to_string(rank) + " is " + merge.dump().substr(0, 100) +
            ", expected two pieces");
}

}  // namespace

BpeParts ReadBpe(const JsonPart& part, BpeAlphabet alphabet) {
  if (part.TextOr("type", "") != "BPE") FailOnType(part, "BPE");
  part.RequireFields({"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                      "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
  if (part.Has("dropout") && part.At("dropout").value() != 0) {
    part.Fail("dropout " + part.At("dropout").value().dump() +
              " makes ids random: not supported; set it to null");
  }
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!part.TextOr(affix, "").empty()) {
      part.Fail(std::string(affix) + " \"" + part.At(affix).Text() + "\" is not supported");
    }
  }
  BpeParts parts;
  parts.alphabet = alphabet;
  if (part.Has("unk_token")) parts.unknown_piece = part.At("unk_token").Text();
  parts.fuse_unknown = part.FlagOr("fuse_unk", false);
  parts.byte_fallback = part.FlagOr("byte_fallback", false);
  parts.ignore_merges = part.FlagOr("ignore_merges", false);
  parts.vocabulary = ReadVocabulary(part.At("vocab"));
  const JsonPart merges = part.At("merges");
  if (!merges.value().is_array()) merges.Fail("expected an array of merges");
  parts.merges.reserve(merges.value().size());
  for (const json& merge : merges.value()) {
    parts.merges.push_back(ReadMerge(merges, parts.merges.size(), merge));
  }
  return parts;
}

}  // namespace raie
