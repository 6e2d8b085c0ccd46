// What can be chosen about learning from a new slice (phase F), for every method alike?
//
// Concept: one struct. The upper part (optimiser, budget, item rows, adapters, popularity prior)
//          holds for every method of a comparison; then comes RAIE's own (regions, gate, sharing),
//          then a part for each method it is compared with. Presets give the paper's rules or this
//          project's; a protocol sets what it fixes.
// Source:  METHOD sections 2 ("Budget"), 4 ("Defaults") and the protocol table.
// Errors:  Validate throws one kInvalidArgument that lists every problem.
#pragma once

#include <cstdint>
#include <span>

#include "adapters/adapter.h"
#include "base/options.h"
#include "data/prepare.h"
#include "methods/baseline_options.h"
#include "methods/gain_gate.h"
#include "methods/prior_options.h"
#include "methods/regional_sets.h"
#include "regions/drift_gate.h"
#include "regions/editor_options.h"
#include "training/loss.h"

namespace raie {

enum class BudgetKind { kEqual, kOwn };
inline std::span<const char* const> EnumNames(BudgetKind) {
  static constexpr const char* kNames[] = {"equal", "own"};
  return kNames;
}

enum class ItemRowsKind { kFrozen, kShared, kRegional };
inline std::span<const char* const> EnumNames(ItemRowsKind) {
  static constexpr const char* kNames[] = {"frozen", "shared", "regional"};
  return kNames;
}

// What the anchor is multiplied with: the sum of squares, or their mean over the trained rows,
// which is as good as none (the published code).
enum class AnchorOver { kSum, kMean };
inline std::span<const char* const> EnumNames(AnchorOver) {
  static constexpr const char* kNames[] = {"sum", "mean"};
  return kNames;
}

enum class Sharing { kRegional, kShared, kWarm };
inline std::span<const char* const> EnumNames(Sharing) {
  static constexpr const char* kNames[] = {"regional", "shared", "warm"};
  return kNames;
}

enum class GateKind { kOff, kDrift, kGain, kDriftOrGain };
inline std::span<const char* const> EnumNames(GateKind) {
  static constexpr const char* kNames[] = {"off", "drift", "gain", "drift-or-gain"};
  return kNames;
}

enum class KeepGateKind { kOff, kValidation };
inline std::span<const char* const> EnumNames(KeepGateKind) {
  static constexpr const char* kNames[] = {"off", "validation"};
  return kNames;
}

// The rho that sizes the equal budget, whatever rho a method trains with (METHOD section 2).
inline constexpr double kBudgetRho = 0.7;

struct AdaptOptions {
  double learning_rate = 5e-4;
  double weight_decay = 0;
  double clip = 1;
  std::int64_t batch_size = 256;
  BudgetKind budget = BudgetKind::kEqual;
  std::int64_t epochs = 3;
  std::int64_t checkpoints = 10;
  double validation_share = 0.1;
  ItemRowsKind item_rows = ItemRowsKind::kShared;
  double anchor = 1e-4;
  AnchorOver anchor_over = AnchorOver::kSum;
  LossOptions loss;
  LoraOptions lora;
  PriorOptions popularity_prior;

  double rho = 0.3;
  BatchKind batches = BatchKind::kMixed;
  double overlap_penalty = 0;
  GateKind gate = GateKind::kDriftOrGain;
  DriftGateOptions drift;
  GainGateOptions gain;
  KeepGateKind keep_gate = KeepGateKind::kValidation;
  Sharing sharing = Sharing::kRegional;
  double warm_share = 0.3;
  EditorOptions editor;

  ReplayOptions replay;
  LwfOptions lwf;
  LsatOptions lsat;
  MoleOptions mole;
  RecentPopularityOptions recent_popularity;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.learning_rate, Field{.name = "learning_rate",
                                    .help = "AdamW step, constant",
                                    .minimum = 1e-9,
                                    .maximum = 1,
                                    .paper = "not stated"});
    visit(self.weight_decay,
          Field{.name = "weight_decay", .help = "decay of adapters", .minimum = 0, .maximum = 1});
    visit(self.clip, Field{.name = "clip",
                           .help = "largest gradient norm, of each adapter and of the item rows "
                                   "apart",
                           .minimum = 1e-6,
                           .maximum = 1e6});
    visit(self.batch_size, Field{.name = "batch_size",
                                 .help = "samples of a step, memory rows included",
                                 .unit = "samples",
                                 .minimum = 1,
                                 .maximum = 1e6});
    visit(self.budget,
          Field{.name = "budget",
                .help = "equal: every method may see 3 n_F / (1 - .7) samples and keeps the best "
                        "of its checkpoints by validation; own: `epochs` over what it trains on",
                .paper = "own"});
    visit(self.epochs, Field{.name = "epochs",
                             .help = "passes of budget = own, and the 3 in the equal budget",
                             .minimum = 1,
                             .maximum = 10000,
                             .paper = "3"});
    visit(self.checkpoints, Field{.name = "checkpoints",
                                  .help = "states compared by validation, the untrained one "
                                          "included (budget = equal)",
                                  .minimum = 2,
                                  .maximum = 1000});
    visit(self.validation_share, Field{.name = "validation_share",
                                       .help = "validation = this last share of the slice in time",
                                       .minimum = 0.01,
                                       .maximum = 0.5});
    visit(self.item_rows,
          Field{.name = "item_rows",
                .help = "rows of the slice's targets: frozen, trained in one table (shared), or "
                        "per region (regional)",
                .paper = "frozen"});
    visit(self.anchor, Field{.name = "anchor",
                             .help = "pull of trained rows to where they began: this times the "
                                     "sum of squares of their differences",
                             .minimum = 0,
                             .maximum = 1e3});
    visit(self.anchor_over, Field{.name = "anchor_over",
                                  .help = "sum, or mean: of the squares of the anchor (mean: as in "
                                          "the published code)"});
    visit(self.loss, Field{.name = "loss",
                           .help = "the loss of every sample; methods may add to it (lora_lwf, "
                                   "mole) or have their own (ebpr)"});
    visit(self.lora, Field{.name = "lora", .help = ""});
    visit(self.popularity_prior, Field{.name = "popularity_prior", .help = ""});
    visit(self.rho, Field{.name = "rho",
                          .help = "share of memory windows in what a region trains on; more keeps "
                                  "the old taste",
                          .minimum = 0,
                          .maximum = 0.99,
                          .paper = ".7 (released code)"});
    visit(self.batches, Field{.name = "batches",
                              .help = "mixed: all regions in one batch; separate: one region a "
                                      "batch",
                              .paper = "separate"});
    visit(self.overlap_penalty, Field{.name = "overlap_penalty",
                                      .help = "lambda: weight of the penalty on adapters of "
                                              "overlapping regions that span the same inputs",
                                      .minimum = 0,
                                      .maximum = 1e3,
                                      .paper = "not stated"});
    visit(self.gate, Field{.name = "gate",
                           .help = "which regions are trained: drift: whose loss rose; gain: whose "
                                   "validation loss falls when all are trained (one more tuning "
                                   "pass, unless all are open); drift-or-gain: either; off: all",
                           .paper = "off"});
    visit(self.drift, Field{.name = "drift", .help = ""});
    visit(self.gain, Field{.name = "gain", .help = ""});
    visit(self.keep_gate,
          Field{.name = "keep_gate",
                .help = "validation: an adapter that does not lower the validation NLL of its "
                        "region is not kept (budget = equal)",
                .paper = "off"});
    visit(self.sharing,
          Field{.name = "sharing",
                .help = "one adapter a drifting region (regional), one of rank K_d r for all of "
                        "them (shared), or one first, then copied (warm)",
                .paper = "regional"});
    visit(self.warm_share, Field{.name = "warm_share",
                                 .help = "share of the budget spent on the common adapter of "
                                         "sharing = warm",
                                 .minimum = 0,
                                 .maximum = 1});
    visit(self.editor, Field{.name = "editor", .help = ""});
    visit(self.replay, Field{.name = "replay", .help = ""});
    visit(self.lwf, Field{.name = "lwf", .help = ""});
    visit(self.lsat, Field{.name = "lsat", .help = ""});
    visit(self.mole, Field{.name = "mole", .help = ""});
    visit(self.recent_popularity, Field{.name = "recent_popularity", .help = ""});
  }

  // `editor` raie: gate, rho .3 (docs/decisions/005: the best balance of S and T); paper: no gate,
  // rho .7. Protocol paper: own budget, frozen rows, LoRA dropout .05, separate batches. Protocol
  // as-released: what the published code has, whatever the editor.
  static AdaptOptions Preset(EditorPreset editor, Protocol protocol);

  void Validate() const;
};

}  // namespace raie
