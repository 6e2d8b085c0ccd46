#include "methods/as_released.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/stopwatch.h"
#include "methods/budget.h"
#include "methods/context_router.h"
#include "methods/group_trainer.h"
#include "methods/registry.h"
#include "methods/snapshot_method.h"
#include "methods/window_states.h"
#include "raie/error.h"
#include "regions/posterior.h"
#include "training/encode.h"

namespace raie {
namespace {

constexpr double kWarmUpRowRate = 0.4;  // of the learning rate
constexpr double kNoClip = 1e6;         // regions are trained without a clip
constexpr double kCopies = 2;           // "soft" copies of a window: round(2 share) to a region
constexpr std::uint64_t kReleasedRegionsPart = 0x72656c;
constexpr std::uint64_t kMainPart = 0x6d616e;

// Routes by posterior in the mean-pooled states of the globally adapted model.
class PosteriorRouter final : public ContextRouter {
 public:
  PosteriorRouter(std::shared_ptr<const Snapshot> model, TaskPool& pool)
      : model_(std::move(model)),
        encoder_(
            MakeEncoder(*model_->backbone, *model_->items, pool, model_->AdapterOf(kNoRegion))) {}

  const BoundModel& encoder() const { return encoder_; }
  void SetRegions(PosteriorRegions regions) { regions_ = std::move(regions); }

  std::vector<Route> Routes(const WindowBatch& contexts, TaskPool& pool) const override {
    const auto z_BD = EncodeContexts(encoder_, contexts, pool, Pooling::kMean);
    std::vector<Route> routes;
    for (const PosteriorScore& score : ScoreAllPosteriors(regions_, z_BD, pool)) {
      routes.push_back({.region = RegionId{score.first},
                        .slot = score.first,
                        .cosine = score.cosine,
                        .confidence = score.share,
                        .margin = score.share - score.share2});
    }
    return routes;
  }

 private:
  std::shared_ptr<const Snapshot> model_;
  BoundModel encoder_;
  PosteriorRegions regions_;
};

// As a set whose slots are those of the posterior regions.
RegionSet AsRegionSet(const PosteriorRegions& regions, std::int64_t starting_count) {
  RegionSet set;
  set.dim = regions.dim;
  set.starting_count = starting_count;
  set.next_id = static_cast<std::int32_t>(regions.size());
  for (const PosteriorRegion& from : regions.regions) {
    Region region;
    region.id = RegionId{static_cast<std::int32_t>(std::ssize(set.regions))};
    region.centre = from.centre;
    region.num_members = std::llround(from.count);
    set.regions.push_back(std::move(region));
  }
  return set;
}

// Warm-up, regions and decisions when made; then the regions' adapters.
class AsReleasedRun final : public AdaptRun {
 public:
  AsReleasedRun(const RunContext& context, const AdaptOptions& options, const Snapshot& start,
                const AdaptSlice& slice, const SlicePart& part)
      : context_(context), options_(options), slice_(slice), part_(part) {
    WarmUp(start);
    FindRegions();
    Edit();
    MakeSets();
    MakeMain();
  }

  std::int64_t maximum_samples() const override {
    return warm_counts_.samples + options_.epochs * epoch_samples_;
  }
  void TrainTo(std::int64_t samples) override {
    if (main_ != nullptr) main_->TrainTo(samples - warm_counts_.samples);
  }
  std::unique_ptr<Scorer> MakeScorer() const override {
    return std::make_unique<SnapshotScorer>(std::make_shared<const Snapshot>(Current()), router_);
  }
  TrainCounts counts() const override {
    TrainCounts counts = warm_counts_;
    if (main_ == nullptr) return counts;
    const TrainCounts main = main_->counts();
    counts.samples += main.samples;
    counts.steps += main.steps;
    counts.trained_parameters += main.trained_parameters;
    return counts;
  }

  // The global adapter answers for regions without one of their own.
  Snapshot Current() const {
    Snapshot now = main_ != nullptr ? main_->Current() : *warm_;
    now.editor.regions = AsRegionSet(regions_, context_.refit->regions.k);
    return now;
  }
  std::shared_ptr<const ContextRouter> router() const { return router_; }

  void FillReport(AdaptReport& report) const {
    report.edits = Summary();
    report.journal = Journal();
    for (std::size_t k = 0; k < sets_.size(); ++k) {
      const RegionalSet& set = sets_[k];
      report.regions.push_back({.region = set.region,
                                .trained = main_ != nullptr && main_->RowsPerStep(k) > 0,
                                .new_windows = std::ssize(set.samples) - set.num_memory,
                                .memory_windows = set.num_memory,
                                .rows_per_step = main_ != nullptr ? main_->RowsPerStep(k) : 0});
    }
  }

 private:
  void WarmUp(const Snapshot& start) {
    AdaptOptions options = options_;
    options.weight_decay = 0;
    TrainPlan plan = EmptyPlan();
    TrainGroup group{
        .regions = {kNoRegion},
        .start = MakeFreshAdapter(*start.backbone, options.lora, kNoRegion, context_.seed),
        .samples = {}};
    for (std::int64_t i = 0; i < part_.windows.size(); ++i) group.samples.push_back({false, i});
    plan.maximum_samples = options.epochs * part_.windows.size();
    plan.row_rate = kWarmUpRowRate;
    plan.groups.push_back(std::move(group));
    GroupTrainer trainer(context_, options, start, std::move(plan));
    trainer.TrainTo(options.epochs * part_.windows.size());
    warm_ = std::make_shared<const Snapshot>(trainer.Current());
    warm_counts_ = trainer.counts();
    router_ = std::make_shared<PosteriorRouter>(warm_, context_.pool);
  }

  WindowStates StatesOf(const WindowSet& windows) const {
    return ComputeStates(router_->encoder(), Pooling::kMean, context_.data, windows,
                         part_.catalogue_size, context_.Pass("placing windows"));
  }

  void FindRegions() {
    const WindowStates states = StatesOf(*slice_.memory);
    DiscoveryOptions options = context_.refit->regions;
    options.seed = DeriveSeed(context_.seed, kReleasedRegionsPart);
    FoundRegions found = FindPosteriorRegions(states.z_MD, states.dim, options, context_.pool);
    regions_ = std::move(found.regions);
    for (const std::int64_t row : states.row_of_window) {
      memory_regions_.push_back(row < 0 ? kNoRegion : RegionId{found.labels[row]});
    }
  }

  // Decides, moves the regions, and sends every window to the one of highest score.
  void Edit() {
    states_ = StatesOf(part_.windows);
    edits_ = EditAsReleased(regions_, states_.z_MD, DeriveSeed(context_.seed, kReleasedRegionsPart),
                            context_.pool);
    routed_ = ScoreAllPosteriors(regions_, states_.z_MD, context_.pool);
    router_->SetRegions(regions_);
  }

  // Memory windows keep the numbers regions had before a merge, as the published code's do.
  void MakeSets() {
    std::vector<RegionId> ids;
    for (std::int64_t k = 0; k < regions_.size(); ++k) {
      ids.push_back(RegionId{static_cast<std::int32_t>(k)});
    }
    std::vector<RegionId> new_regions;
    for (const std::int64_t row : states_.row_of_window) {
      new_regions.push_back(row < 0 ? kNoRegion : RegionId{routed_[row].first});
    }
    sets_ = MakeRegionalSets(ids, new_regions, memory_regions_, options_.rho, context_.seed);
    for (std::size_t i = 0; i < states_.row_of_window.size(); ++i) {
      const std::int64_t row = states_.row_of_window[i];
      if (row < 0) continue;
      const PosteriorScore& score = routed_[row];
      AppendCopies(score.first, score.share, static_cast<std::int64_t>(i));
      if (score.second >= 0) {
        AppendCopies(score.second, score.share2, static_cast<std::int64_t>(i));
      }
    }
    std::erase_if(sets_, [](const RegionalSet& set) { return set.num_new == 0; });
    for (const RegionalSet& set : sets_) epoch_samples_ += std::ssize(set.samples);
  }

  void AppendCopies(std::int32_t region, double share, std::int64_t window) {
    const auto copies = std::llrint(kCopies * share);
    sets_[region].samples.insert(sets_[region].samples.end(), copies, {false, window});
  }

  void MakeMain() {
    if (sets_.empty()) return;
    AdaptOptions options = options_;
    options.item_rows = ItemRowsKind::kFrozen;
    options.clip = kNoClip;
    options.batches = BatchKind::kSeparate;
    TrainPlan plan = EmptyPlan();
    plan.maximum_samples = options_.epochs * epoch_samples_;
    for (const RegionalSet& set : sets_) {
      plan.groups.push_back({.regions = {set.region},
                             .start = warm_->adapters.at(kNoRegion),
                             .samples = set.samples});
    }
    RunContext context = context_;  // the published code draws its negatives anew here
    context.seed = DeriveSeed(context_.seed, kMainPart);
    main_ = std::make_unique<GroupTrainer>(context, options, *warm_, std::move(plan));
  }

  TrainPlan EmptyPlan() const {
    TrainPlan plan;
    plan.new_windows = &part_.windows;
    plan.memory = slice_.memory;
    plan.catalogue_size = part_.catalogue_size;
    return plan;
  }

  EditSummary Summary() const {
    EditSummary summary;
    summary.updated = edits_.updated;
    summary.expanded = edits_.expanded;
    summary.added = edits_.added;
    summary.regions_added = edits_.regions_added;
    summary.candidates_refused = edits_.candidates_refused;
    summary.left_in_buffer = edits_.regions_added > 0 ? 0 : edits_.added;
    return summary;
  }

  std::vector<EditRecord> Journal() const {
    std::vector<EditRecord> records;
    for (std::size_t row = 0; row < edits_.actions.size(); ++row) {
      const PosteriorScore& score = edits_.scores[row];
      const ReleasedAction action = edits_.actions[row];
      EditRecord record;
      record.kind = action == ReleasedAction::kUpdate   ? EditKind::kUpdate
                    : action == ReleasedAction::kExpand ? EditKind::kExpand
                                                        : EditKind::kAdd;
      record.region = RegionId{score.first};
      record.window = states_.window_of_row[row];
      record.confidence = score.share;
      record.margin = score.share - score.share2;
      record.cosine = score.cosine;
      record.angle_rad = std::acos(std::clamp(score.cosine, -1.0, 1.0));
      records.push_back(record);
    }
    return records;
  }

  const RunContext& context_;
  const AdaptOptions& options_;
  const AdaptSlice& slice_;
  SlicePart part_;
  std::shared_ptr<const Snapshot> warm_;
  TrainCounts warm_counts_;
  std::shared_ptr<PosteriorRouter> router_;
  PosteriorRegions regions_;
  std::vector<RegionId> memory_regions_;
  WindowStates states_;  // of the slice
  ReleasedEdits edits_;
  std::vector<PosteriorScore> routed_;  // by row of states_, with the final regions
  std::vector<RegionalSet> sets_;
  std::int64_t epoch_samples_ = 0;
  std::unique_ptr<GroupTrainer> main_;
};

class AsReleasedRaie final : public SnapshotMethod {
 public:
  AsReleasedRaie(const RunContext& context, const AdaptOptions& options)
      : SnapshotMethod(context, options) {}
  std::string_view name() const override { return "raie"; }

  // Its routing is not that of a snapshot.
  const Snapshot* snapshot() const override { return nullptr; }

  void Prepare(const Snapshot& setup, const WindowSet&) override {
    if (context_.refit == nullptr) {
      throw Error(ErrorCode::kInvalidArgument,
                  "raie, as released: it finds its regions itself; give the run the options of the "
                  "fit and of the regions");
    }
    snapshot_ = setup;
    snapshot_.editor = {};
    snapshot_.adapters.clear();
    setup_ = snapshot_;
  }

  // Begins at the model of S, every time: there is one F.
  AdaptReport Adapt(const AdaptSlice& slice) override {
    const Stopwatch watch;
    if (slice.memory == nullptr || slice.memory->size() == 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  "raie, as released: there are no windows of S to find regions on");
    }
    const Snapshot start = WithCatalogue(setup_, slice.catalogue_size, context_.seed);
    const auto make = [&](const SlicePart& part, const TuningResult*) {
      return std::make_unique<AsReleasedRun>(context_, options_, start, slice, part);
    };
    AdaptReport report;
    const auto run = RunBudget(context_, options_, slice, make, report);
    const auto& released = static_cast<const AsReleasedRun&>(*run);
    Publish(released.Current(), slice);
    router_ = released.router();
    released.FillReport(report);
    report.bytes_kept = BytesKept(snapshot_) + MemoryBytes(*slice.memory);
    report.forward_passes = 2;
    report.seconds = watch.seconds();
    return report;
  }

  std::unique_ptr<Scorer> MakeScorer() const override {
    return std::make_unique<SnapshotScorer>(std::make_shared<const Snapshot>(snapshot_), router_);
  }

 private:
  Snapshot setup_;
  std::shared_ptr<const ContextRouter> router_;
};

struct ReleasedMethod {
  const char* name;
  std::unique_ptr<Method> (*make)(const RunContext&, const AdaptOptions&);
};

std::unique_ptr<Method> MakeReleasedRaie(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<AsReleasedRaie>(context, options);
}

constexpr ReleasedMethod kReleasedMethods[] = {
    {"frozen", &MakeFrozen}, {"lora", &MakeLora}, {"raie", &MakeReleasedRaie}};

}  // namespace

void CheckReleased(std::string_view name) {
  const auto is_it = [&](const ReleasedMethod& method) { return name == method.name; };
  if (std::ranges::any_of(kReleasedMethods, is_it)) return;
  throw Error(ErrorCode::kInvalidArgument,
              "protocol as-released has frozen, lora and raie; " + std::string(name) +
                  " of the published code is not reproduced or has no counterpart there: leave it "
                  "out, or prepare the data with --protocol strict or paper");
}

std::unique_ptr<Method> MakeAsReleased(std::string_view name, const RunContext& context,
                                       const AdaptOptions& options) {
  CheckReleased(name);
  if (options.budget != BudgetKind::kOwn) {
    throw Error(ErrorCode::kInvalidArgument,
                "protocol as-released trains every method for epochs of its own; set edit.budget = "
                "own, or prepare the data with --protocol strict for equal samples");
  }
  if (options.popularity_prior.use == PriorUse::kOn) {
    throw Error(ErrorCode::kInvalidArgument,
                "protocol as-released has no popularity prior (the published code has none); leave "
                "edit.popularity_prior.use out");
  }
  const auto found = std::ranges::find_if(
      kReleasedMethods, [&](const ReleasedMethod& method) { return name == method.name; });
  return found->make(context, options);
}

}  // namespace raie
