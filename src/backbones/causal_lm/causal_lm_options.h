// What can be configured of a language model as a backbone?
//
// Source: METHOD sections 3 and 7.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "adapters/adapter.h"
#include "base/options.h"
#include "nn/frozen_map.h"

namespace raie {

enum class WeightsFrom { kCheckpoint, kRandom };
inline std::span<const char* const> EnumNames(WeightsFrom) {
  static constexpr const char* kNames[] = {"checkpoint", "random"};
  return kNames;
}

enum class HistoryKind { kItems, kTitles };
inline std::span<const char* const> EnumNames(HistoryKind) {
  static constexpr const char* kNames[] = {"items", "titles"};
  return kNames;
}

enum class StatesKind { kPlain, kCentred };
inline std::span<const char* const> EnumNames(StatesKind) {
  static constexpr const char* kNames[] = {"plain", "centred"};
  return kNames;
}

enum class ItemInit { kTitle, kRandom };
inline std::span<const char* const> EnumNames(ItemInit) {
  static constexpr const char* kNames[] = {"title", "random"};
  return kNames;
}

struct CausalLmOptions {
  std::string checkpoint;
  WeightsFrom weights = WeightsFrom::kCheckpoint;
  nn::Precision precision = nn::Precision::kBf16;
  std::string prompt =
      "Here is the purchase history of user_{user_id}: item {history}. I wonder what is the next "
      "recommended item for the user. Answer:";
  std::string unknown_user = "unknown";
  HistoryKind history = HistoryKind::kItems;
  std::string separator = ", ";
  StatesKind states = StatesKind::kPlain;
  ItemInit item_init = ItemInit::kTitle;
  double init_std = 0.02;
  std::int64_t context = 50;
  std::int64_t max_tokens = 512;
  LoraOptions lora;

  static void VisitFields(auto& self, auto&& visit) {
    visit(
        self.checkpoint,
        Field{.name = "checkpoint",
              .help = "folder as Hugging Face writes it: config.json, safetensors and a tokenizer "
                      "(llama, mistral, qwen2, qwen3)"});
    visit(self.weights, Field{.name = "weights",
                              .help = "those of the checkpoint, or drawn anew in its shape: what "
                                      "pretraining is worth"});
    visit(self.precision, Field{.name = "precision", .help = "of the frozen weights: fp32, bf16"});
    visit(self.prompt, Field{.name = "prompt",
                             .help = "what is read: text, {history} once, {user_id} (the log's own "
                                     "id) or none"});
    visit(self.unknown_user,
          Field{.name = "unknown_user", .help = "in place of the id of a user who is not known"});
    visit(self.history,
          Field{.name = "history", .help = "written as one added token an item, or as titles"});
    visit(self.separator, Field{.name = "separator", .help = "between two titles"});
    visit(self.states,
          Field{.name = "states",
                .help = "what item rows are multiplied with: the state as the checkpoint gives it "
                        "(plain), or less the mean over prompts of S and scaled to unit variance "
                        "(centred): pretrained states nearly all point one way"});
    visit(
        self.item_init,
        Field{.name = "item_init",
              .help = "item rows begin as the mean of their title's token embeddings, or random"});
    visit(self.init_std, Field{.name = "init_std",
                               .help = "standard deviation of random item rows",
                               .minimum = 1e-6,
                               .maximum = 1});
    visit(self.context, Field{.name = "context",
                              .help = "longest history read",
                              .unit = "items",
                              .minimum = 1,
                              .maximum = 4096});
    visit(self.max_tokens,
          Field{.name = "max_tokens",
                .help = "of a prompt; what is too long loses its oldest items, and "
                        "a title that has no room alone is cut",
                .unit = "tokens",
                .minimum = 1,
                .maximum = 1 << 20});
    visit(self.lora, Field{.name = "lora", .help = "the adapter that S trains and merges"});
  }
};

}  // namespace raie
