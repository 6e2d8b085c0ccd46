// What must a way of keeping a recommender fresh offer, so that one protocol compares them all?
//
// Concept: a method starts from the model fitted on S, learns from slice after slice, and can be
//          asked for scores at any time. How it does so (adapters, regions, counts, two models) is
//          its own affair. Adding a method = one file and one line of the registry.
// Source:  METHOD section 5; budgets and checkpoints: section 2 ("Budget", "Tuning").
// Errors:  kInvalidArgument for settings that cannot work, before anything is trained.
// Threads: one method object is used from one thread; its scorers are immutable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backbones/border_options.h"
#include "backbones/registry.h"
#include "base/watched_pass.h"
#include "data/prepared_data.h"
#include "data/windows.h"
#include "methods/adapt_options.h"
#include "methods/adapt_report.h"
#include "methods/scorer.h"
#include "methods/time_split.h"
#include "raie/progress.h"
#include "regions/discovery.h"
#include "training/fit.h"
#include "training/seen_items.h"
#include "training/snapshot.h"

namespace raie {

// A state on the way of a training pass, for curves. What is made of it must not reach the method.
struct Checkpoint {
  enum class Pass { kTuning, kWhole } pass = Pass::kTuning;
  double share = 0;  // of the pass's maximum
  std::int64_t samples = 0;
  std::shared_ptr<const Scorer> scorer;
  std::int64_t catalogue_size = 0;  // items it knows
};
using CheckpointObserver = std::function<void(const Checkpoint&)>;

struct AdaptSlice;

// A method as it was when its choices were made: it has seen nothing of the slice at or after the
// border. Methods without choices are shown as they would answer then.
struct TunedState {
  const AdaptSlice& slice;
  const TimeSplit& split;
  const Scorer& scorer;  // knows the items of split.early_catalogue
};
using TunedObserver = std::function<void(const TunedState&)>;

// How the model of S was made: what a method needs that makes one, or regions, of its own.
struct RefitOptions {
  BackboneOptions backbone;
  FitOptions fit;
  DiscoveryOptions regions;
  BorderOptions border = {};
};

// Where a method runs. The references must outlive it.
struct RunContext {
  const PreparedData& data;
  TaskPool& pool;
  std::uint64_t seed = 0;
  ProgressObserver observer = nullptr;
  const CancelFlag* cancel = nullptr;
  CheckpointObserver on_checkpoint = nullptr;
  TunedObserver on_tuned = nullptr;     // every Adapt calls it once
  const RefitOptions* refit = nullptr;  // full_retrain and raie as released need it

  // A pass over windows that is watched as the run is.
  PassRun Pass(std::string phase) const { return {pool, {std::move(phase), observer, cancel}}; }
};

// Whether a method is to be kept, or only judged on the slice's validation part.
enum class AdaptPasses { kAll, kTuningOnly };

// One slice to learn from.
struct AdaptSlice {
  int slice = 1;                         // of the data
  const WindowSet* windows = nullptr;    // its training windows
  const WindowSet* memory = nullptr;     // training windows of all earlier slices: rho, replay
  const WindowSet* reference = nullptr;  // held-out windows of the slice before: no drift yet
  std::int64_t catalogue_size = 0;       // items ranked; all have rows afterwards
  std::int64_t loss_catalogue = 0;       // items in every loss, of which it sees; 0: all ranked
  std::int64_t context = 10;             // L
  SeenItems seen = SeenItems::kRanked;   // in validation
  AdaptPasses passes = AdaptPasses::kAll;

  std::int64_t loss_items() const { return loss_catalogue > 0 ? loss_catalogue : catalogue_size; }
};

class Method {
 public:
  virtual ~Method() = default;
  virtual std::string_view name() const = 0;

  // Takes the model fitted on S (backbone, item rows, regions; no popularity prior). May learn from
  // S (`memory` of the first slice) only as far as the method's rule says.
  virtual void Prepare(const Snapshot& setup, const WindowSet& setup_windows) = 0;

  // Learns from one slice. May be called again as slices arrive: adapters go on, the optimiser
  // starts anew.
  virtual AdaptReport Adapt(const AdaptSlice& slice) = 0;

  virtual std::unique_ptr<Scorer> MakeScorer() const = 0;

  // What its scorer adds to every score; null: nothing.
  virtual const PopularityPrior* prior() const { return nullptr; }

  // The state as something to publish; null for methods that are no snapshot (popularity, ...).
  virtual const Snapshot* snapshot() const { return nullptr; }
};

using MakeMethodFunction = std::unique_ptr<Method> (*)(const RunContext&, const AdaptOptions&);

struct MethodInfo {
  const char* name;
  const char* summary;
  const char* source;  // whose rule it is
  MakeMethodFunction make;
};

// All methods, in the order of METHOD section 5.
std::span<const MethodInfo> Methods();

// Makes a method by name, with a popularity prior if the options ask for one; an unknown name is an
// error that names the nearest.
std::unique_ptr<Method> MakeMethod(std::string_view name, const RunContext& context,
                                   const AdaptOptions& options);

}  // namespace raie
