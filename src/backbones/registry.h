// Which backbones are there, and how is one made from its name and options?
//
// Concept: one explicit function; a new backbone is its files plus one line in registry.cc
//          (docs/add-a-backbone.md).
// Errors:  an unknown name or an option out of range is kInvalidArgument and names the known ones.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backbones/backbone.h"
#include "backbones/bert4rec.h"
#include "backbones/sasrec.h"
#include "backbones/tisasrec.h"
#include "base/options.h"

namespace raie {

struct BackboneOptions {
  std::string name = "sasrec";
  SasrecOptions sasrec;
  Bert4recOptions bert4rec;
  TisasrecOptions tisasrec;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.name, Field{.name = "name", .help = "which backbone: sasrec, bert4rec, tisasrec"});
    visit(self.sasrec, Field{.name = "sasrec", .help = "options of SASRec"});
    visit(self.bert4rec, Field{.name = "bert4rec", .help = "options of BERT4Rec"});
    visit(self.tisasrec, Field{.name = "tisasrec", .help = "options of TiSASRec"});
  }
};

struct BackboneInfo {
  const char* name;
  const char* summary;
  const char* source;
};

// What MakeBackbone knows.
std::span<const BackboneInfo> Backbones();

// Returns the section of the backbone that is named, as far as all of them share it.
SasrecOptions& NamedSection(BackboneOptions& options);
const SasrecOptions& NamedSection(const BackboneOptions& options);

// Returns how many numbers an item row has: dim, and one more with item_bias.
std::int64_t ItemRowWidth(const BackboneOptions& options);

// Returns a fresh backbone, its parameters drawn from `seed`.
std::unique_ptr<Backbone> MakeBackbone(const BackboneOptions& options, std::uint64_t seed);

// Returns a fresh item table [num_items, row width] with the backbone's initial distribution;
// biases are zero. Row i depends on (seed, i) only, so a larger table begins with the smaller one.
std::vector<float> MakeItemRows(const BackboneOptions& options, std::int64_t num_items,
                                std::uint64_t seed);

}  // namespace raie
