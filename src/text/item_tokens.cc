#include "text/item_tokens.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/files.h"
#include "raie/error.h"

namespace raie {
namespace {

using Json = nlohmann::ordered_json;

std::string Escaped(std::string_view raw_id) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : raw_id) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos) {
      text += c;
    } else {
      text += {'%', kDigits[byte / 16], kDigits[byte % 16]};
    }
  }
  return text;
}

Json ReadOrderedJson(const std::filesystem::path& path) {
  try {
    return Json::parse(ReadFile(path));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kCorruptData, path.string() + " is not JSON: " + error.what());
  }
}

// A token as both files describe it: matched as it is, wherever it stands.
Json Description(const std::string& name) {
  return {{"content", name}, {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false},  {"special", false}};
}

TokenizerFile AddToJson(const std::filesystem::path& path, const std::vector<std::string>& names,
                        std::int64_t first) {
  Json root = ReadOrderedJson(path);
  if (root["added_tokens"].is_null()) root["added_tokens"] = Json::array();
  auto next = static_cast<std::int64_t>(root.at("model").at("vocab").size());
  for (const Json& token : root["added_tokens"]) {
    next = std::max(next, token.at("id").get<std::int64_t>() + 1);
  }
  if (next != first) {
    throw Error(ErrorCode::kInvalidArgument,
                path.string() + ": its vocabulary has gaps: the next token would get id " +
                    std::to_string(next) + ", but tokens reach up to " + std::to_string(first - 1) +
                    "; such a tokenizer cannot get tokens for items");
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    Json token = {{"id", first + static_cast<std::int64_t>(i)}};
    token.update(Description(names[i]));
    root["added_tokens"].push_back(std::move(token));
  }
  return {path.filename().string(), root.dump(2) + "\n"};
}

// Beside a SentencePiece model transformers looks for tokens in the first file, others in the
// second.
std::vector<TokenizerFile> AddBesideModel(const std::filesystem::path& folder,
                                          const std::vector<std::string>& names,
                                          std::int64_t first) {
  const std::filesystem::path path = folder / "tokenizer_config.json";
  Json config = std::filesystem::exists(path) ? ReadOrderedJson(path) : Json::object();
  Json ids = Json::object();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::int64_t id = first + static_cast<std::int64_t>(i);
    config["added_tokens_decoder"][std::to_string(id)] = Description(names[i]);
    ids[names[i]] = id;
  }
  return {{path.filename().string(), config.dump(2) + "\n"},
          {"added_tokens.json", ids.dump(2) + "\n"}};
}

}  // namespace

std::vector<std::string> NameItemTokens(const std::vector<std::string>& raw_ids,
                                        const Tokenizer& tokenizer) {
  for (int scheme = 1;; ++scheme) {
    const std::string begin = "<item" + (scheme == 1 ? "" : std::to_string(scheme)) + "_";
    std::vector<std::string> names;
    for (const std::string& id : raw_ids) names.push_back(begin + Escaped(id) + ">");
    const bool is_free = std::ranges::none_of(
        names, [&](const std::string& name) { return tokenizer.Find(name).has_value(); });
    if (is_free) return names;
  }
}

std::vector<TokenizerFile> AddTokens(const std::filesystem::path& folder,
                                     const std::vector<std::string>& names, std::int64_t first) {
  const std::filesystem::path json = folder / "tokenizer.json";
  if (std::filesystem::exists(json)) return {AddToJson(json, names, first)};
  return AddBesideModel(folder, names, first);
}

}  // namespace raie
