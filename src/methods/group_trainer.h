// How are one or many adapters trained on their own samples in one pass?
//
// Concept: a group is an adapter, the regions it answers for and the samples it learns from. `lora`
//          is one group with everything; RAIE has one a drifting region. Mixed batches hold rows of
//          several groups; a group's loss is the mean over its rows and its optimiser is its own,
//          so one pass equals training each group alone on its rows of the same batches.
// Source:  METHOD section 4 ("Regional training", "Item rows").
// Errors:  those of StepEngine.
// Threads: one trainer is used from one thread; same bytes for any number of threads of the pool.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/prepared_data.h"
#include "methods/adapt_options.h"
#include "methods/adapt_report.h"
#include "methods/method.h"
#include "methods/objective.h"
#include "methods/regional_sets.h"
#include "training/item_table.h"
#include "training/snapshot.h"
#include "training/step.h"

namespace raie {

struct TrainGroup {
  std::vector<RegionId> regions;         // at least one; kNoRegion: every window
  std::shared_ptr<const Adapter> start;  // null: no adapter, only item rows move
  std::vector<SampleRef> samples;
};

struct TrainPlan {
  std::vector<TrainGroup> groups;
  const WindowSet* new_windows = nullptr;  // what SampleRef::window means
  const WindowSet* memory = nullptr;
  std::int64_t catalogue_size = 0;   // of the loss
  std::vector<double> overlap_GG;    // o_kj of groups, row-major; empty: no penalty
  std::int64_t maximum_samples = 0;  // TrainTo never passes it
  std::shared_ptr<const SampleObjective> objective = nullptr;  // null: the windows' targets
  double row_rate = 1;  // share of the learning rate that shared item rows move with
  // Samples that fill half of every batch, for the first group; empty: none.
  std::vector<SampleRef> replay;
};

class GroupTrainer {
 public:
  // `start` is what the adapters stand on; its backbone, rows and the window sets must outlive the
  // trainer.
  GroupTrainer(const RunContext& context, const AdaptOptions& options, const Snapshot& start,
               TrainPlan plan);
  ~GroupTrainer();

  std::int64_t epoch_size() const;

  // Takes batches until `samples` are seen (or the maximum).
  void TrainTo(std::int64_t samples);

  // The starting snapshot with the adapters and rows as they are now.
  Snapshot Current() const;

  TrainCounts counts() const;
  // Rows a batch that holds the group has of it, on average.
  double RowsPerStep(std::size_t group) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Which random bits training draws: of the steps under a run's seed, and of a sample's dropout.
std::uint64_t StepSeed(std::uint64_t seed);
std::uint32_t RowKey(const SampleRef& sample);
inline bool FromMemory(std::uint32_t row_key) { return row_key % 2 == 1; }

// Returns the seed of rows that items get which the model does not know, from that of the run.
std::uint64_t NewRowsSeed(std::uint64_t seed);

// Returns the snapshot with rows for `catalogue_size` items: rows of new items are made from their
// titles where the backbone reads them, else the mean of the rows of S plus noise; the same for
// scoring and routing.
Snapshot WithCatalogue(const Snapshot& snapshot, std::int64_t catalogue_size, std::uint64_t seed);

// The seed a region's fresh adapter is drawn from (kNoRegion: of a method with one).
std::uint64_t AdapterSeed(RegionId region, std::uint64_t seed);

// Returns a fresh adapter of a region (kNoRegion: of a method with one), drawn from `seed`.
std::shared_ptr<const Adapter> MakeFreshAdapter(const Backbone& backbone,
                                                const LoraOptions& options, RegionId region,
                                                std::uint64_t seed);

}  // namespace raie
