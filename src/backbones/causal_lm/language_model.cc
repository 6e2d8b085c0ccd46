#include "backbones/causal_lm/language_model.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "backbones/causal_lm/grown_checkpoint.h"
#include "backbones/causal_lm/merged_weights.h"
#include "backbones/causal_lm/prompt_template.h"
#include "backbones/causal_lm/save_decoder.h"
#include "base/files.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"
#include "text/tokenizer.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCentring = "centring.safetensors";

// What a tokenizer may be made of, for us and for other programs, and what these read besides.
constexpr const char* kCarriedFiles[] = {
    "tokenizer.json",          "tokenizer.model",     "tokenizer_config.json",
    "special_tokens_map.json", "vocab.json",          "merges.txt",
    "added_tokens.json",       "chat_template.jinja", "generation_config.json"};

// They are small, and the folder may be gone by the time a fit has ended.
std::map<std::string, std::string> ReadCarriedFiles(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const char* name : kCarriedFiles) {
    if (fs::exists(folder / name)) files[name] = ReadFile(folder / name);
  }
  return files;
}

std::string DigestOfFolder(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path extension = entry.path().extension();
    if (extension == ".safetensors" || extension == ".json" || extension == ".model") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  std::string all;
  for (const fs::path& file : files) all += file.filename().string() + DigestOfFile(file);
  return DigestOf(std::as_bytes(std::span(all)));
}

std::int64_t MeanLength(const TokenLists& lists) {
  return lists.size() == 0 ? 0 : (std::ssize(lists.ids) + lists.size() - 1) / lists.size();
}

TokenCost CostOf(const PromptSpec& spec, const TokenLists& users) {
  TokenCost cost;
  for (const PromptPart& part : spec.parts) {
    if (part.kind == PromptPartKind::kText) cost.of_row += std::ssize(part.text);
    if (part.kind == PromptPartKind::kUser) cost.of_row += MeanLength(users);
  }
  if (spec.writes_titles()) cost.of_item = MeanLength(spec.titles) + std::ssize(spec.separator);
  return cost;
}

fs::path FolderOf(const CausalLmOptions& options, const fs::path& saved) {
  if (!saved.empty()) return saved;
  if (options.checkpoint.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                "backbone.causal_lm.checkpoint is empty; give the folder of a language model as "
                "Hugging Face writes it (config.json, model.safetensors, tokenizer.json)");
  }
  if (!fs::is_directory(options.checkpoint)) {
    throw Error(ErrorCode::kNotFound,
                "backbone.causal_lm.checkpoint = \"" + options.checkpoint + "\" is no folder");
  }
  return options.checkpoint;
}

nlohmann::ordered_json ReadConfigJson(const fs::path& path) {
  try {
    return nlohmann::ordered_json::parse(ReadFile(path));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kCorruptData, path.string() + ": " + error.what());
  }
}

std::shared_ptr<const DecoderWeights> WeightsOf(const CausalLmOptions& options, std::uint64_t seed,
                                                const fs::path& saved) {
  const fs::path folder = FolderOf(options, saved);
  // A saved model is never saved again: what S did not need, nobody does.
  const LoadOptions load{.precision = options.precision,
                         .output = saved.empty() ? OutputRows::kKeep : OutputRows::kDrop};
  if (saved.empty() && options.weights == WeightsFrom::kRandom) {
    return RandomDecoder(ReadDecoderConfig(folder / "config.json"), load, seed);
  }
  TaskPool pool(AvailableThreads());
  return LoadDecoder(folder, load, pool);
}

// None where the folder has none.
Centring ReadCentring(const fs::path& folder, std::int64_t dim) {
  if (!fs::exists(folder / kCentring)) return {};
  const TensorFile file(folder / kCentring);
  const std::int64_t shape[] = {dim}, one[] = {1};
  const auto mean = file.Floats("mean", shape);
  return {.mean_D = {mean.begin(), mean.end()}, .scale = file.Floats("scale", one)[0]};
}

}  // namespace

// What never changes: shared by all that are made from one checkpoint.
struct LanguageModel::Source {
  CausalLmOptions options;
  nlohmann::ordered_json config;
  std::map<std::string, std::string> carried_files;
  std::unique_ptr<Tokenizer> tokenizer;
  std::string digest;
  PromptSpec prompt;  // without users and titles

  PromptSpec PromptOf(const TokenLists& users, const TokenLists& items) const {
    PromptSpec spec = prompt;
    if (spec.reads_users()) spec.users = users;
    if (options.history == HistoryKind::kTitles) spec.titles = items;
    return spec;
  }
};

struct LanguageModel::Parts {
  std::shared_ptr<const Source> source;
  std::shared_ptr<const DecoderWeights> weights;
  TokenLists users, items;
  Border border = {};
  Centring centring = {};
};

LanguageModel::LanguageModel(Parts parts)
    : CausalLm(parts.weights, parts.source->PromptOf(parts.users, parts.items), parts.border,
               parts.centring),
      source_(std::move(parts.source)),
      weights_(std::move(parts.weights)),
      users_(std::move(parts.users)),
      items_(std::move(parts.items)),
      cost_(CostOf(prompt(), users_)) {
  const std::int64_t tokens =
      std::min(cost_.of_row + prompt().max_items * cost_.of_item, prompt().max_tokens);
  cost_.tape_bytes = TapeBytes(tokens);
}

LanguageModel::Parts LanguageModel::parts() const {
  return {.source = source_,
          .weights = weights_,
          .users = users_,
          .items = items_,
          .border = border(),
          .centring = centring()};
}

std::unique_ptr<Backbone> LanguageModel::WithTexts(const Texts& texts) const {
  const Tokenizer& tokenizer = *source_->tokenizer;
  Parts made = parts();
  made.users = TokensOf(tokenizer, texts.users, "user");
  made.items = TokensOf(tokenizer, texts.items, "item");
  return std::make_unique<LanguageModel>(std::move(made));
}

std::unique_ptr<Backbone> LanguageModel::WithBorder(std::int64_t layer,
                                                    std::shared_ptr<BorderStore> store) const {
  Parts made = parts();
  made.border = {layer, std::move(store)};
  return std::make_unique<LanguageModel>(std::move(made));
}

std::vector<float> LanguageModel::RowsOfTexts(std::int64_t begin, std::int64_t end) const {
  if (source_->options.item_init == ItemInit::kRandom) return {};
  if (end > items_.size()) {
    throw Error(ErrorCode::kInternal, "rows of items up to " + std::to_string(end) +
                                          " where titles of " + std::to_string(items_.size()) +
                                          " are known");
  }
  TokenLists wanted;
  for (std::int64_t i = begin; i < end; ++i) wanted.Add(items_[i]);
  return MeanTokenRows(*weights_, wanted);
}

std::vector<std::int32_t> LanguageModel::TokensOfUser(std::string_view id) const {
  return TokensOf(*source_->tokenizer, id);
}

const std::string& LanguageModel::unknown_user() const { return source_->options.unknown_user; }

const std::string& LanguageModel::digest() const { return source_->digest; }

const LoraOptions& LanguageModel::setup_adapter() const { return source_->options.lora; }

std::unique_ptr<Backbone> LanguageModel::Merged(const Adapter& adapter) const {
  Parts made = parts();
  made.weights = MergedWith(*weights_, adapter);
  // What the border keeps holds as long as the layers below it are the same.
  const bool below = std::ranges::any_of(adapter.maps(), [&](const Adapter::Map& map) {
    return linear_maps()[map.map].layer < border().layer;
  });
  if (below) made.border = {};
  return std::make_unique<LanguageModel>(std::move(made));
}

bool LanguageModel::wants_centre() const {
  return source_->options.states == StatesKind::kCentred && has_plain_states();
}

std::unique_ptr<Backbone> LanguageModel::Centred(std::span<const float> states_MD) const {
  Parts made = parts();
  made.centring = CentringOf(states_MD, dim());
  return std::make_unique<LanguageModel>(std::move(made));
}

void LanguageModel::Save(const fs::path& folder) const {
  nlohmann::ordered_json config = source_->config;
  SetWeightType(config, weights_->precision);
  config["tie_word_embeddings"] = weights_->config.tied;
  WriteFileAtomically(folder / "config.json", config.dump(2) + "\n");
  for (const auto& [name, bytes] : source_->carried_files) {
    WriteFileAtomically(folder / name, bytes);
  }
  SaveDecoder(folder, *weights_);
  if (has_plain_states()) return;
  SaveTensors(folder / kCentring, {{"mean", {dim()}, centring().mean_D},
                                   {"scale", {1}, std::span(&centring().scale, 1)}});
}

std::unique_ptr<Backbone> MakeLanguageModel(const CausalLmOptions& options, std::uint64_t seed,
                                            const fs::path& saved, const Texts& texts) {
  CausalLmOptions copy = options;
  CheckRanges(FieldsOf(copy), "backbone.causal_lm");
  const fs::path folder = FolderOf(options, saved);
  auto source = std::make_shared<LanguageModel::Source>();
  source->options = options;
  source->config = ReadConfigJson(folder / "config.json");
  source->carried_files = ReadCarriedFiles(folder);
  source->tokenizer = LoadTokenizer(folder);
  if (saved.empty()) source->digest = DigestOfFolder(folder);
  source->prompt = ParsePrompt(options, *source->tokenizer);
  LanguageModel::Parts parts{.source = source,
                             .weights = WeightsOf(options, seed, saved),
                             .users = TokensOf(*source->tokenizer, texts.users, "user"),
                             .items = TokensOf(*source->tokenizer, texts.items, "item")};
  if (!saved.empty()) parts.centring = ReadCentring(saved, parts.weights->config.dim);
  RequireVocabulary(*source->tokenizer, parts.weights->config.vocabulary);
  return std::make_unique<LanguageModel>(std::move(parts));
}

}  // namespace raie
