// How does a checkpoint on disk become a backbone that reads prompts about this data?
//
// Concept: CausalLm with what stands around it: the checkpoint's own files, its tokenizer, the
//          template, and what users and items are called. A saved one is a checkpoint again, with
//          the files of the one it came from and the weights as they are now.
// Source:  METHOD sections 3 and 7; docs/decisions/012.
// Errors:  those of decoder_config.h, decoder_weights.h, tokenizer.h, prompt_template.h;
//          kInvalidArgument without a checkpoint.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "backbones/causal_lm/causal_lm.h"
#include "backbones/causal_lm/causal_lm_options.h"
#include "backbones/pretrained.h"

namespace raie {

class LanguageModel : public CausalLm, public Pretrained {
 public:
  struct Parts;
  explicit LanguageModel(Parts parts);

  TokenCost token_cost() const override { return cost_; }
  const Pretrained* pretrained() const override { return this; }

  std::unique_ptr<Backbone> WithTexts(const Texts& texts) const override;
  std::vector<float> RowsOfTexts(std::int64_t begin, std::int64_t end) const override;
  std::vector<std::int32_t> TokensOfUser(std::string_view id) const override;
  const std::string& unknown_user() const override;
  bool widens_bf16() const override { return weights().widens_bf16(); }
  const std::string& digest() const override;
  const LoraOptions& setup_adapter() const override;
  std::unique_ptr<Backbone> Merged(const Adapter& adapter) const override;
  bool reads_item_rows() const override { return !prompt().writes_titles(); }
  std::unique_ptr<Backbone> WithBorder(std::int64_t layer,
                                       std::shared_ptr<BorderStore> store) const override;
  bool wants_centre() const override;
  std::unique_ptr<Backbone> Centred(std::span<const float> states_MD) const override;
  bool has_plain_states() const override { return centring().mean_D.empty(); }
  void Save(const std::filesystem::path& folder) const override;

 private:
  struct Source;
  Parts parts() const;  // that make this one again
  std::shared_ptr<const Source> source_;
  std::shared_ptr<const DecoderWeights> weights_;
  TokenLists users_, items_;
  TokenCost cost_;

  friend std::unique_ptr<Backbone> MakeLanguageModel(const CausalLmOptions&, std::uint64_t,
                                                     const std::filesystem::path&, const Texts&);
};

// Returns the language model of a folder: `saved` by Save, or if that is empty the one that the
// options name, with weights drawn from `seed` if they say so.
std::unique_ptr<Backbone> MakeLanguageModel(const CausalLmOptions& options, std::uint64_t seed,
                                            const std::filesystem::path& saved, const Texts& texts);

}  // namespace raie
