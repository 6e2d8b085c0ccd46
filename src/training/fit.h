// How is a backbone fitted on S?
//
// Concept: AdamW over the backbone (or, where its weights are frozen for good, an adapter) and all
//          item rows, on sequences (every event a target, or cloze)
//          or on windows (sequence_objective.h), or on each user's last sequence alone; after each
//          epoch the validation targets are ranked, and the best epoch is kept. State is written at
//          the end of an epoch and when asked to stop; a resumed run ends with the same bytes as
//          one that was never stopped, since every random bit is a function of (seed, epoch, step)
//          and not of history. It may go on with other limits (max_epochs not below the epochs
//          done, patience not below what it was) and ends as one that had them from the start.
// Source:  METHOD section 3 ("What S trains on").
// Units:   learning rate per step; batch in sequences (or windows).
// Errors:  kInvalidArgument for options out of range, no training or validation windows, or a
//          checkpoint of another run (names what differs); kCancelled after the checkpoint is
//          written.
// Threads: same bytes for any number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "backbones/backbone.h"
#include "base/options.h"
#include "base/watched_pass.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "raie/progress.h"
#include "training/item_table.h"
#include "training/loss.h"
#include "training/optimiser.h"
#include "training/seen_items.h"
#include "training/sequence_objective.h"
#include "training/tiles.h"

namespace raie {

enum class FitOn { kSequences, kWindows, kTails };
inline std::span<const char* const> EnumNames(FitOn) {
  static constexpr const char* kNames[] = {"sequences", "windows", "tails"};
  return kNames;
}

struct FitOptions {
  FitOn on = FitOn::kSequences;
  std::int64_t batch_size = 256;
  std::int64_t max_epochs = 200;
  std::int64_t patience_epochs = 12;
  std::int64_t patience_steps = 200;
  ClozeOptions cloze;
  LossOptions loss;
  AdamOptions adam;

  static void VisitFields(auto& self, auto&& visit) {
    visit(self.on, Field{.name = "on",
                         .help = "sequences: every event of S is a target (with [MASK]: those that "
                                 "are masked); windows: the last event of each window; tails: "
                                 "each user's last L + 1 events, once an epoch (published code)",
                         .paper = "windows"});
    visit(self.batch_size, Field{.name = "batch_size",
                                 .help = "rows of a step",
                                 .unit = "sequences or windows",
                                 .minimum = 1,
                                 .maximum = 1e6});
    visit(self.max_epochs, Field{.name = "max_epochs",
                                 .help = "at most so many passes over S",
                                 .unit = "epochs",
                                 .minimum = 1,
                                 .maximum = 1e6,
                                 .paper = "5 (protocol paper)"});
    visit(self.patience_epochs,
          Field{.name = "patience_epochs",
                .help = "stop when validation NDCG@10 has not risen for the longer of the two "
                        "patiences; 0 and 0: never, keep the last epoch",
                .unit = "epochs",
                .minimum = 0,
                .maximum = 1e6});
    visit(self.patience_steps, Field{.name = "patience_steps",
                                     .help = "see patience_epochs",
                                     .unit = "steps",
                                     .minimum = 0,
                                     .maximum = 1e9});
    visit(self.cloze, Field{.name = "cloze",
                            .help = "what is masked; backbones that read [MASK], on sequences"});
    visit(self.loss, Field{.name = "loss", .help = "the loss"});
    visit(self.adam, Field{.name = "adam", .help = "the optimiser"});
  }
};

// A later slice that is learnt from too.
struct FitSlice {
  int slice = 0;
  std::vector<std::int64_t> removed;  // sorted rows that are not, at the end of their user's slice
};

struct FitRequest {
  const PreparedData& data;
  int slice = 0;
  std::vector<FitSlice> more_slices = {};  // trained on with `slice`; full_retrain
  const WindowSet* validation = nullptr;   // null: the validation windows of `slice`
  WindowOptions windows;                   // context: at most the backbone's
  std::int64_t catalogue_size = 0;         // C_S; items of the loss
  SeenItems seen = SeenItems::kRanked;     // in validation
  TileOptions tiles;
  Adapter* adapter = nullptr;  // trained in place of the backbone's parameters; null: these
  std::uint64_t seed = 0;
  std::string backbone;              // its options as text; a checkpoint of others is refused
  std::filesystem::path checkpoint;  // folder of the state; empty: none is kept
  bool resume = false;               // go on from `checkpoint` if it is there
  ProgressObserver observer = nullptr;
  const CancelFlag* cancel = nullptr;
};

struct FitEpoch {
  std::int64_t epoch = 0;  // from 1
  double loss = 0;         // mean over the epoch's targets
  double validation_ndcg10 = 0;
  double validation_recall10 = 0;
  double seconds = 0;  // not kept in checkpoints
};

struct FitReport {
  std::int64_t best_epoch = 0;  // whose parameters were kept; 0: the untrained ones
  std::int64_t steps = 0;
  std::int64_t samples = 0;  // targets with a loss
  std::vector<FitEpoch> epochs;
};

// Fits `backbone` and `items` (both hold the start and receive the result).
FitReport FitBackbone(const FitOptions& options, const FitRequest& request, Backbone& backbone,
                      ItemTable& items, TaskPool& pool);

// How validation and test windows of S are ranked.
struct WindowRanking {
  std::vector<std::int64_t> ranks;  // kMissedRank: outside the catalogue or empty context
  std::int64_t empty_contexts = 0;
};

// Ranks windows with the backbone (and the request's adapter) and the table as they are.
WindowRanking RankFittedWindows(const FitRequest& request, const Backbone& backbone,
                                const ItemTable& items, const WindowSet& windows,
                                const PassRun& run);

}  // namespace raie
