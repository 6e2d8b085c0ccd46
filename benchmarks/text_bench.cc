// How fast does text become token ids?
//
// Concept: 2 MB of prompts as raie asks them (titles, years, sentences), encoded title by title and
// as
//          one text, by byte-level models (the golden ones, or that of SmolLM2 where
//          RAIE_SHARED_DIR or a folder above has it), by one without pre-tokenizer and by
//          SentencePiece. `Naive` is the definition: the rule's regular expression in PCRE2, and
//          for each word a scan over all pairs for each merge. Checked first: both give the same
//          ids.
#include <benchmark/benchmark.h>

#include <cctype>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "support/shared_folder.h"
#include "text/byte_alphabet.h"
#include "text/pattern.h"
#include "text/tokenizer.h"
#include "text/word_scanner.h"

namespace raie {
namespace {

constexpr std::size_t kTextBytes = 2'000'000;

// Text like that of prompts: words of a skewed distribution, numbers, punctuation, a few accents.
std::vector<std::string> MakePrompts() {
  RandomStream random(1, 0);
  static const std::vector<std::string> kSyllables = {
      "the",  "story", "of",        "a",   "man", "in",  "night", "re",   "turn",
      "star", "love",  "and",       "ing", "er",  "day", "king",  "moon", "light",
      "un",   "known", "caf\u00e9", "sub", "way", "to",  "her"};
  std::vector<std::string> words;
  for (int i = 0; i < 4000; ++i) {
    std::string word;
    for (std::uint64_t n = 1 + random.Below(3); n > 0; --n) {
      word += kSyllables[random.Below(kSyllables.size())];
    }
    if (random.Below(3) == 0) word[0] = static_cast<char>(std::toupper(word[0]));
    words.push_back(word);
  }
  std::vector<std::string> prompts;
  std::size_t bytes = 0;
  while (bytes < kTextBytes) {
    std::string prompt = "The user has watched:\n";
    for (int title = 0; title < 10; ++title) {
      for (std::uint64_t n = 1 + random.Below(5); n > 0; --n) {
        const double skewed = random.Uniform() * random.Uniform() * random.Uniform();
        prompt += words[static_cast<std::size_t>(skewed * 4000)] + (n > 1 ? " " : "");
      }
      prompt += " (" + std::to_string(1930 + random.Below(95)) + "), rated " +
                std::to_string(1 + random.Below(5)) + "\n";
    }
    bytes += prompt.size();
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

const std::vector<std::string>& Prompts() {
  static const std::vector<std::string> prompts = MakePrompts();
  return prompts;
}

std::string AllPrompts() {
  std::string all;
  for (const std::string& prompt : Prompts()) all += prompt;
  return all;
}

std::filesystem::path Golden(const std::string& kind) {
  return std::filesystem::path("tests/golden/tokenizers") / kind;
}

// The tokenizer of a real vocabulary, where there is one.
std::filesystem::path Real() {
  const std::string name = "models/smollm2-135m-instruct";
  return testing::SharedFolder(name).value_or("shared/" + name);
}

// Returns false, and says why, where the folder is not there.
bool IsThere(benchmark::State& state, const std::filesystem::path& folder) {
  if (std::filesystem::exists(folder)) return true;
  state.SkipWithError((folder.string() + " is not there").c_str());
  return false;
}

void EncodePrompts(benchmark::State& state, const std::filesystem::path& folder) {
  if (!IsThere(state, folder)) return;
  const auto tokenizer = LoadTokenizer(folder);
  std::int64_t bytes = 0;
  std::int64_t tokens = 0;
  for (auto _ : state) {
    for (const std::string& prompt : Prompts()) {
      const std::vector<TokenId> ids = tokenizer->Encode(prompt, SpecialTokens::kWith);
      tokens += static_cast<std::int64_t>(ids.size());
      bytes += static_cast<std::int64_t>(prompt.size());
    }
  }
  state.SetBytesProcessed(bytes);
  state.counters["bytes_per_token"] = static_cast<double>(bytes) / static_cast<double>(tokens);
}

void EncodeOneText(benchmark::State& state, const std::filesystem::path& folder) {
  if (!IsThere(state, folder)) return;
  const auto tokenizer = LoadTokenizer(folder);
  const std::string all = AllPrompts();
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->Encode(all, SpecialTokens::kWith));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(all.size()));
}

void Load(benchmark::State& state, const std::filesystem::path& folder) {
  if (!IsThere(state, folder)) return;
  for (auto _ : state) benchmark::DoNotOptimize(LoadTokenizer(folder));
}

// The definition of a model of the Qwen 2 kind, for ASCII text and without added tokens.
class NaiveQwen2 {
 public:
  explicit NaiveQwen2(const std::filesystem::path& folder)
      : words_(Pattern::FromRegex(WordPattern(WordRule::kQwen2), "the rule")) {
    const auto file = nlohmann::json::parse(ReadFile(folder / "tokenizer.json"));
    for (const auto& [piece, id] : file["model"]["vocab"].items()) ids_[piece] = id;
    for (const auto& merge : file["model"]["merges"]) {
      const int rank = static_cast<int>(ranks_.size());
      ranks_[{merge[0], merge[1]}] = rank;
    }
  }

  std::vector<TokenId> Encode(std::string_view text) const {
    std::vector<TokenId> ids;
    const auto word = [&](std::string_view one) { EncodeWord(one, ids); };
    words_.Split(text, word, word);
    return ids;
  }

 private:
  void EncodeWord(std::string_view word, std::vector<TokenId>& ids) const {
    std::vector<std::string> row;
    for (const char byte : word) row.push_back(PieceOfBytes({&byte, 1}));
    for (;;) {
      std::optional<std::size_t> at;
      int lowest = 0;
      for (std::size_t i = 0; i + 1 < row.size(); ++i) {
        const auto found = ranks_.find({row[i], row[i + 1]});
        if (found == ranks_.end() || (at && found->second >= lowest)) continue;
        at = i;
        lowest = found->second;
      }
      if (!at) break;
      row[*at] += row[*at + 1];
      row.erase(row.begin() + static_cast<std::ptrdiff_t>(*at) + 1);
    }
    for (const std::string& piece : row) ids.push_back(TokenId{ids_.at(piece)});
  }

  Pattern words_;
  std::map<std::string, std::int32_t> ids_;
  std::map<std::pair<std::string, std::string>, int> ranks_;
};

void NaiveEncode(benchmark::State& state) {
  const auto tokenizer = LoadTokenizer(Golden("qwen2"));
  const NaiveQwen2 naive(Golden("qwen2"));
  constexpr std::size_t kPrompts = 200;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < kPrompts; ++i) {
    bytes += static_cast<std::int64_t>(Prompts()[i].size());
    if (naive.Encode(Prompts()[i]) != tokenizer->Encode(Prompts()[i], SpecialTokens::kWith)) {
      throw std::logic_error("the naive version has other ids for " + Prompts()[i]);
    }
  }
  for (auto _ : state) {
    for (std::size_t i = 0; i < kPrompts; ++i) {
      benchmark::DoNotOptimize(naive.Encode(Prompts()[i]));
    }
  }
  state.SetBytesProcessed(state.iterations() * bytes);
}

BENCHMARK(NaiveEncode)->Name("Text/Naive/qwen2")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodePrompts, smollm, Golden("smollm"))
    ->Name("Text/Prompts/smollm")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodePrompts, llama3, Golden("llama3"))
    ->Name("Text/Prompts/llama3")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodePrompts, qwen2, Golden("qwen2"))
    ->Name("Text/Prompts/qwen2")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodePrompts, llama2, Golden("llama2"))
    ->Name("Text/Prompts/llama2")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodePrompts, other_pattern, Golden("other-pattern"))
    ->Name("Text/Prompts/other_pattern")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodePrompts, unigram, Golden("sentencepiece-unigram"))
    ->Name("Text/Prompts/unigram")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodePrompts, smollm2, Real())
    ->Name("Text/Prompts/smollm2")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodeOneText, llama2, Golden("llama2"))
    ->Name("Text/OneText/llama2")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(EncodeOneText, smollm2, Real())
    ->Name("Text/OneText/smollm2")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Load, smollm2, Real())->Name("Text/Load/smollm2")->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace raie
