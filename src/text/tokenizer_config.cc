#include "text/tokenizer_config.h"

#include <nlohmann/json.hpp>

#include "text/json_part.h"

namespace raie {
namespace {

// A token is its text, or an object with it.
std::optional<std::string> ReadPiece(const JsonPart& config, const std::string& field) {
  if (!config.Has(field)) return std::nullopt;
  const JsonPart piece = config.At(field);
  return piece.value().is_object() ? piece.At("content").Text() : piece.Text();
}

std::optional<bool> ReadFlag(const JsonPart& config, const std::string& field) {
  if (!config.Has(field)) return std::nullopt;
  return config.At(field).Flag();
}

}  // namespace

TokenizerConfig ReadTokenizerConfig(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) return {};
  const nlohmann::json parsed = ReadJsonFile(path);
  const JsonPart config(parsed, path.string() + ": ");
  if (!parsed.is_object()) config.Fail("expected an object");
  return {ReadPiece(config, "bos_token"), ReadPiece(config, "eos_token"),
          ReadFlag(config, "add_bos_token"), ReadFlag(config, "add_eos_token")};
}

}  // namespace raie
