// A tiny simulated shop with a fitted backbone and regions, for tests of the F phase.
//
// Concept: made once a test program and backbone: 4 interests of which one drifts, a 16-dimensional
//          backbone (SASRec unless another is named), a few epochs. Everything follows from fixed
//          seeds.
#pragma once

#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backbones/causal_lm/tiny_checkpoint.h"
#include "backbones/registry.h"
#include "data/log_fixture.h"
#include "data/prepare.h"
#include "data/simulator.h"
#include "methods/method.h"
#include "methods/setup.h"
#include "methods/window_states.h"
#include "training/fit_start.h"

namespace raie::testing {

struct Shop {
  Shop(const SimulatorOptions& simulator, std::int64_t regions,
       const std::string& backbone_name = "sasrec")
      : simulation(SimulateLog(simulator, pool)), data(Prepare()) {
    windows = WindowOptionsOf(data);
    setup = MakeSetupWindows(data, 0, windows);
    new_windows = MakeWindows(data, 1, windows);
    refit.backbone.name = backbone_name;
    ContextOf(refit.backbone) = windows.context;
    if (backbone_name == "causal_lm") {
      WriteTinyCheckpoint(folder / "checkpoint");
      refit.backbone.causal_lm.checkpoint = folder / "checkpoint";
      refit.backbone.causal_lm.precision = nn::Precision::kFp32;
      refit.backbone.causal_lm.prompt = "b{user_id}a{history}c";
      refit.backbone.causal_lm.max_tokens = 32;
      refit.fit.on = FitOn::kWindows;
    } else {
      TransformerOptions& sizes = NamedSection(refit.backbone);
      sizes.dim = 16;
      sizes.blocks = 1;
      sizes.heads = 1;
      sizes.dropout = 0.1;
    }
    const FitStart start{.backbone = refit.backbone, .backbone_seed = 1, .rows_seed = 2};
    refit.fit.max_epochs = 12;
    refit.fit.batch_size = 32;
    refit.fit.adam.learning_rate = 5e-3;
    FitRequest request{.data = data, .windows = windows, .tiles = {}, .checkpoint = {}};
    request.seed = 3;
    request.catalogue_size = data.catalogue_size(0);
    const FittedBackbone made = FitFromStart(start, refit.fit, request, pool);
    const Snapshot fitted = MakeFittedSnapshot(
        {.backbone = made.backbone, .items = made.items, .catalogue_size = data.catalogue_size(0)});
    DiscoveryOptions discovery;
    discovery.k = regions;
    snapshot = WithRegions(fitted, data, setup, discovery,
                           EditorOptions::Preset(EditorPreset::kRaie), pool);
  }

  PreparedData Prepare() { return Prepare(simulation.log, "prepared"); }

  PreparedData Prepare(const InteractionLog& log, const char* name) {
    PrepareOptions options;
    options.context = 5;
    options.k_core = 2;
    PrepareData(log, options, folder / name, pool);
    return PreparedData::Load(folder / name);
  }

  // The same data up to the test slice, whose events are of other items.
  PreparedData WithAnotherTestSlice() {
    InteractionLog log = simulation.log;
    for (std::size_t i = 0; i < log.items.size(); ++i) {
      if (log.times[i] >= data.cuts()[1]) {
        log.items[i] = simulation.log.items[(i * 7 + 3) % (log.items.size() / 4)];
      }
    }
    return Prepare(log, "another");
  }

  RunContext context(std::uint64_t seed = 7) { return context(data, pool, seed); }
  RunContext context(const PreparedData& of, TaskPool& on, std::uint64_t seed = 7) const {
    return {.data = of, .pool = on, .seed = seed, .refit = &refit};
  }

  AdaptSlice slice() const {
    return {.slice = 1,
            .windows = &new_windows,
            .memory = &setup.training,
            .reference = &setup.held_out,
            .catalogue_size = data.catalogue_size(1),
            .context = windows.context,
            .seen = SeenItems::kRanked};
  }

  // Small and quick: few epochs, small batches, a rate that moves something.
  static AdaptOptions Options(EditorPreset editor = EditorPreset::kRaie) {
    AdaptOptions options = AdaptOptions::Preset(editor, Protocol::kStrict);
    options.lora.rank = 2;
    options.lora.alpha = 4;
    options.batch_size = 64;
    options.learning_rate = 5e-3;
    options.epochs = 1;
    options.checkpoints = 3;
    options.item_rows = ItemRowsKind::kFrozen;
    options.editor.add_min_windows = 20;
    // A tenth of this slice holds too few users to see a gain.
    if (options.gate == GateKind::kDriftOrGain) options.gate = GateKind::kDrift;
    return options;
  }

  TaskPool pool{2};
  TemporaryFolder folder;
  Simulation simulation;
  PreparedData data;
  WindowOptions windows;
  SetupWindows setup;
  WindowSet new_windows;
  RefitOptions refit;
  Snapshot snapshot;
};

inline Shop& TinyShop(const std::string& backbone = "sasrec") {
  static std::map<std::string, std::unique_ptr<Shop>> shops;
  std::unique_ptr<Shop>& shop = shops[backbone];
  if (shop == nullptr) {
    SimulatorOptions options;
    options.users = 80;
    options.items = 80;
    options.events = 4000;
    options.interests = 4;
    options.drifting = 1;
    options.successors = 2;
    options.noise = 0.1;
    options.born_later = 0.1;
    shop = std::make_unique<Shop>(options, 4, backbone);
  }
  return *shop;
}

// Without the gate, whole budget `own`: the least that trains every region.
inline AdaptOptions PlainOptions() {
  AdaptOptions options = Shop::Options(EditorPreset::kPaper);
  options.budget = BudgetKind::kOwn;
  return options;
}

struct Adapted {
  std::unique_ptr<Method> method;
  Snapshot snapshot;  // empty for methods without one
  AdaptReport report;
};

// A method of the tiny shop after one slice.
inline Adapted RunMethod(const std::string& name, const AdaptOptions& options,
                         const RunContext& context) {
  Shop& shop = TinyShop();
  Adapted run{.method = MakeMethod(name, context, options), .snapshot = {}, .report = {}};
  run.method->Prepare(shop.snapshot, shop.setup.training);
  run.report = run.method->Adapt(shop.slice());
  if (run.method->snapshot() != nullptr) run.snapshot = *run.method->snapshot();
  return run;
}
inline Adapted RunMethod(const std::string& name, const AdaptOptions& options,
                         TaskPool* pool = nullptr) {
  Shop& shop = TinyShop();
  return RunMethod(name, options, shop.context(shop.data, pool ? *pool : shop.pool));
}

// The contexts of the first windows of a set, over all items of S and F.
inline ReadWindows FirstContexts(const WindowSet& windows, std::int64_t count) {
  Shop& shop = TinyShop();
  std::vector<std::int64_t> chosen(std::min(count, windows.size()));
  std::iota(chosen.begin(), chosen.end(), 0);
  return ReadContexts(shop.data, windows, chosen, shop.windows.context,
                      shop.data.catalogue_size(1));
}

inline std::vector<float> ScoresOf(const Scorer& scorer, const ReadWindows& read,
                                   std::int64_t catalogue_size) {
  std::vector<float> scores(read.contexts.num_rows() * catalogue_size);
  scorer.Score(read.contexts, catalogue_size, scores);
  return scores;
}

// Items whose base row differs.
inline std::set<std::int64_t> MovedRows(const ItemTable& a, const ItemTable& b) {
  std::set<std::int64_t> moved;
  for (std::int64_t i = 0; i < a.num_items() * a.dim(); ++i) {
    if (a.base_ND()[i] != b.base_ND()[i]) moved.insert(i / a.dim());
  }
  return moved;
}

}  // namespace raie::testing
