// What else is asked of a backbone whose weights come from a checkpoint and which reads text?
//
// Concept: such a backbone is frozen from the start. S trains an adapter and the item rows; merged,
//          they are the W_0 of F. It names users and items in its prompts, so it must be told what
//          they are called wherever a data set or a saved model is opened. Whoever needs any of
//          this asks Backbone::pretrained(), never for a name.
// Source:  METHOD section 3 (`causal_lm` in S); docs/decisions/012.
// Threads: const methods may run concurrently.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/adapter.h"
#include "backbones/backbone.h"
#include "backbones/border_store.h"
#include "data/interaction_log.h"

namespace raie {

class PreparedData;

// What is worth saying, once, of bf16 weights on a machine that multiplies floats
// (docs/decisions/013).
inline constexpr char kWidensBfloat16[] =
    "this machine has no AVX512_BF16: weights stay in bf16 and are widened to fp32 as they are "
    "multiplied (about half as fast, no less exact)";

// What items and users are called, in the order of their numbers.
struct Texts {
  StringTable items;  // titles; raw ids where there is none
  StringTable users;  // raw ids; who is beyond them is unknown
};

// Returns the texts of all items and users of a data set.
Texts TextsOf(const PreparedData& data);

// Returns titles, with the raw id where there is none; `titles` may be empty.
StringTable NamesOrIds(const StringTable& ids, const StringTable& titles);

class Pretrained {
 public:
  virtual ~Pretrained() = default;

  // Returns the same backbone for users and items that are called so.
  virtual std::unique_ptr<Backbone> WithTexts(const Texts& texts) const = 0;

  // Returns the rows [end - begin, D] that items begin with, made from what they are called; none
  // if they are to be drawn like those of other backbones.
  virtual std::vector<float> RowsOfTexts(std::int64_t begin, std::int64_t end) const = 0;

  // Returns the tokens that name a user of this raw id (ForwardInput::user_tokens); none if the
  // tokenizer makes nothing of it.
  virtual std::vector<std::int32_t> TokensOfUser(std::string_view id) const = 0;

  // What users who are not known are called.
  virtual const std::string& unknown_user() const = 0;

  // See kWidensBfloat16.
  virtual bool widens_bf16() const = 0;

  // Names the checkpoint: changes with any byte of its files. Empty for a saved backbone.
  virtual const std::string& digest() const = 0;

  // The adapter that S trains.
  virtual const LoraOptions& setup_adapter() const = 0;

  // Returns the backbone with the adapter's update in its weights.
  virtual std::unique_ptr<Backbone> Merged(const Adapter& adapter) const = 0;

  // Are the rows of items read by prompts, or only multiplied with what comes out?
  virtual bool reads_item_rows() const = 0;

  // Returns the same backbone that computes the layers below `layer` once a row, wherever nothing
  // there is adapted, and keeps in `store` what they give. The bits stay the same. Item rows that
  // prompts read cannot be trained then (Backward: kInvalidArgument).
  virtual std::unique_ptr<Backbone> WithBorder(std::int64_t layer,
                                               std::shared_ptr<BorderStore> store) const = 0;

  // Does it ask for Centred before it is fitted?
  virtual bool wants_centre() const = 0;

  // Returns the same backbone that takes off its states what these, which it has given, have in
  // common, and scales the rest to a mean square of 1 an entry (docs/decisions/017).
  virtual std::unique_ptr<Backbone> Centred(std::span<const float> states_MD) const = 0;

  // Are states what the checkpoint gives, so that other programs score as it does?
  virtual bool has_plain_states() const = 0;

  // Writes all that MakeBackbone needs to make it again into `folder`, which exists.
  virtual void Save(const std::filesystem::path& folder) const = 0;
};

}  // namespace raie
