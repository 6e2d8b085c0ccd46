// What ids does raie give to texts, for tests/interop/tokenizers_check.py?
//
// Concept: raie_text_encode FOLDER reads texts from standard input, each behind its length in bytes
//          (32 bits, little endian), and writes one JSON line a text: {"ids": with the template's
//          tokens, "bare": without, "text": what the ids spell without special tokens}, or
//          {"error": message}.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "raie/error.h"
#include "text/tokenizer.h"

namespace raie {
namespace {

std::vector<std::int32_t> Numbers(const std::vector<TokenId>& ids) {
  std::vector<std::int32_t> numbers;
  for (const TokenId id : ids) numbers.push_back(Index(id));
  return numbers;
}

nlohmann::json Answer(const Tokenizer& tokenizer, const std::string& text) {
  try {
    const std::vector<TokenId> ids = tokenizer.Encode(text, SpecialTokens::kWith);
    return {{"ids", Numbers(ids)},
            {"bare", Numbers(tokenizer.Encode(text, SpecialTokens::kWithout))},
            {"text", tokenizer.Decode(ids, SpecialTokens::kWithout)}};
  } catch (const Error& error) {
    return {{"error", error.what()}};
  }
}

int Run(const char* folder) {
  const std::unique_ptr<Tokenizer> tokenizer = LoadTokenizer(folder);
  std::uint32_t bytes = 0;
  while (std::cin.read(reinterpret_cast<char*>(&bytes), sizeof(bytes))) {
    std::string text(bytes, '\0');
    if (!std::cin.read(text.data(), bytes)) {
      std::cerr << "a text is cut short\n";
      return 3;
    }
    std::cout << Answer(*tokenizer, text).dump() << '\n';
  }
  return 0;
}

}  // namespace
}  // namespace raie

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: raie_text_encode FOLDER < texts\n";
    return 2;
  }
  try {
    return raie::Run(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 3;
  }
}
