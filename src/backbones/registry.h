// Which backbones are there, and how is one made from its name and options?
//
// Concept: one explicit function; a new backbone is its files plus one line in registry.cc
//          (docs/add-a-backbone.md).
// Errors:  an unknown name or an option out of range is kInvalidArgument and names the known ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backbones/backbone.h"
#include "backbones/bert4rec.h"
#include "backbones/causal_lm/causal_lm_options.h"
#include "backbones/pretrained.h"
#include "backbones/sasrec.h"
#include "backbones/tisasrec.h"
#include "base/options.h"

namespace raie {

struct BackboneOptions {
  std::string name = "sasrec";
  SasrecOptions sasrec;
  Bert4recOptions bert4rec;
  TisasrecOptions tisasrec;
  CausalLmOptions causal_lm;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.name, Field{.name = "name",
                           .help = "which backbone: sasrec, bert4rec, tisasrec, "
                                   "causal_lm"});
    visit(self.sasrec, Field{.name = "sasrec", .help = "options of SASRec"});
    visit(self.bert4rec, Field{.name = "bert4rec", .help = "options of BERT4Rec"});
    visit(self.tisasrec, Field{.name = "tisasrec", .help = "options of TiSASRec"});
    visit(self.causal_lm, Field{.name = "causal_lm", .help = "options of a language model"});
  }
};

struct BackboneInfo {
  const char* name;
  const char* summary;
  const char* source;
  bool is_pretrained = false;  // Backbone::pretrained() is there
};

// What MakeBackbone knows.
std::span<const BackboneInfo> Backbones();

// Whether this names a backbone whose weights come from a checkpoint.
bool IsPretrained(std::string_view name);

// Returns the longest sequence of items the named backbone reads.
std::int64_t& ContextOf(BackboneOptions& options);

// Returns the section of the backbone that is named, as far as transformers over item rows share
// it; a language model has none.
SasrecOptions& NamedSection(BackboneOptions& options);
const SasrecOptions& NamedSection(const BackboneOptions& options);

// What only some backbones read.
struct BackboneSource {
  std::filesystem::path saved = {};   // where Pretrained::Save wrote; empty: what the options name
  std::function<Texts()> texts = {};  // called if they are read; empty: there are none
};

// Returns a fresh backbone, its parameters drawn from `seed`.
std::unique_ptr<Backbone> MakeBackbone(const BackboneOptions& options, std::uint64_t seed,
                                       const BackboneSource& source = {});

// Returns a fresh item table [num_items, dim of the backbone]: from titles, where the backbone
// reads them, else with its initial distribution; biases are zero. Row i depends on (seed, i) only,
// so a larger table begins with the smaller one.
std::vector<float> MakeItemRows(const BackboneOptions& options, const Backbone& backbone,
                                std::int64_t num_items, std::uint64_t seed);

}  // namespace raie
