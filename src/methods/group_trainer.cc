#include "methods/group_trainer.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "backbones/pretrained.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "data/prepare.h"
#include "methods/overlap_penalty.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::uint64_t kAdapterPart = 0x616470;
constexpr std::uint64_t kStepPart = 0x737470;
constexpr std::uint64_t kNewRowsPart = 0x726f77;
constexpr std::uint64_t kReplayPart = 0x72706c;
constexpr double kTellSeconds = 0.3;

// Items that are the target of a new window of the group, below the catalogue's size.
std::vector<std::int32_t> TargetItems(const PreparedData& data, const TrainPlan& plan,
                                      const TrainGroup& group) {
  std::vector<std::int32_t> items;
  for (const SampleRef& sample : group.samples) {
    if (sample.from_memory) continue;
    const std::int32_t item = Index(data.items()[plan.new_windows->windows[sample.window].target]);
    if (item < plan.catalogue_size) items.push_back(item);
  }
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

StepOptions MakeStepOptions(const AdaptOptions& options, std::uint64_t seed) {
  StepOptions step;
  step.adam.learning_rate = options.learning_rate;
  step.adam.weight_decay = options.weight_decay;
  step.adam.clip = options.clip;
  step.loss = options.loss;
  step.seed = StepSeed(seed);
  return step;
}

double AnchorOf(const AdaptOptions& options, std::int64_t numbers) {
  if (options.anchor_over == AnchorOver::kSum || numbers == 0) return options.anchor;
  return options.anchor / static_cast<double>(numbers);
}

std::vector<std::int64_t> SampleCounts(const TrainPlan& plan) {
  std::vector<std::int64_t> counts;
  for (const TrainGroup& group : plan.groups) counts.push_back(std::ssize(group.samples));
  return counts;
}

}  // namespace

std::uint64_t StepSeed(std::uint64_t seed) { return DeriveSeed(seed, kStepPart); }

std::uint32_t RowKey(const SampleRef& sample) {
  return static_cast<std::uint32_t>(2 * sample.window + (sample.from_memory ? 1 : 0));
}

struct GroupTrainer::State {
  State(const RunContext& run, const AdaptOptions& adapt, const Snapshot& start_snapshot,
        TrainPlan train_plan)
      : context(run),
        options(adapt),
        start(start_snapshot),
        length(WindowOptionsOf(run.data).context),
        plan(std::move(train_plan)),
        items(*start.items),
        schedule(SampleCounts(plan), options.batches,
                 plan.replay.empty() ? options.batch_size : (options.batch_size + 1) / 2, run.seed),
        replay_schedule({std::ssize(plan.replay)}, BatchKind::kMixed, 1,
                        DeriveSeed(run.seed, kReplayPart)),
        // The engine takes a backbone it may fit; without TrainedParts::backbone it only reads it.
        engine(const_cast<Backbone&>(*start.backbone), MakeStepOptions(options, run.seed),
               run.pool) {
    parts.items = &items;
    parts.catalogue_size = plan.catalogue_size;
    adapters.resize(plan.groups.size());
    adam.resize(plan.groups.size());
    own_rows.resize(plan.groups.size());
    rows_seen.resize(plan.groups.size());
    steps_of.resize(plan.groups.size());
    for (std::size_t g = 0; g < plan.groups.size(); ++g) parts.slots.push_back(MakeSlot(g));
    MakeSharedRows();
    if (plan.objective == nullptr) plan.objective = std::make_shared<const SampleObjective>();
    parts.teacher = plan.objective->teacher();
    engine.SetPenalty([this](std::span<const SlotGradient> gradients) {
      if (!plan.overlap_GG.empty() && options.overlap_penalty > 0) PenaliseOverlap(gradients);
      plan.objective->Penalise(batch, parts, gradients);
    });
  }

  bool HasRegionalRows() const {
    return options.item_rows == ItemRowsKind::kRegional &&
           !(plan.groups.size() == 1 && plan.groups[0].regions[0] == kNoRegion);
  }

  TrainedSlot MakeSlot(std::size_t g) {
    const TrainGroup& group = plan.groups[g];
    TrainedSlot slot;
    slot.region = group.regions[0];
    if (group.start != nullptr) {
      adapters[g] = std::make_unique<Adapter>(*group.start);
      adam[g] = AdamState(std::ssize(adapters[g]->values()));
      slot.adapter = adapters[g].get();
      slot.state = &adam[g];
      trained_parameters += std::ssize(adapters[g]->values());
    }
    if (HasRegionalRows() && !group.samples.empty()) {
      auto targets = TargetItems(context.data, plan, group);
      const double anchor = AnchorOf(options, std::ssize(targets) * items.dim());
      items.MergeOwnRows(group.regions);
      own_rows[g] = TrainOwnRows(items, slot.region, std::move(targets), anchor);
      slot.own_rows = &*own_rows[g];
      trained_parameters += std::ssize(own_rows[g]->items) * items.dim();
    }
    return slot;
  }

  void MakeSharedRows() {
    if (options.item_rows == ItemRowsKind::kFrozen || HasRegionalRows()) return;
    std::vector<std::int32_t> targets;
    for (const TrainGroup& group : plan.groups) {
      const auto of_group = TargetItems(context.data, plan, group);
      targets.insert(targets.end(), of_group.begin(), of_group.end());
    }
    std::sort(targets.begin(), targets.end());
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    if (targets.empty()) return;
    const std::int64_t numbers = std::ssize(targets) * items.dim();
    trained_parameters += numbers;
    shared_rows = TrainListedRows(items, std::move(targets), AnchorOf(options, numbers));
    shared_rows->rate = plan.row_rate;
    parts.shared_rows = &*shared_rows;
  }

  void PenaliseOverlap(std::span<const SlotGradient> gradients) {
    const std::int64_t groups = std::ssize(plan.groups);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      for (std::size_t j = i + 1; j < gradients.size(); ++j) {
        const std::int32_t a = gradients[i].slot;
        const std::int32_t b = gradients[j].slot;
        const double overlap = plan.overlap_GG[a * groups + b];
        if (overlap == 0) continue;
        AddOverlapPenalty(*adapters[a], *adapters[b], options.overlap_penalty * overlap,
                          gradients[i].gradient, gradients[j].gradient);
      }
    }
  }

  void Append(std::int32_t group, const SampleRef& sample) {
    const WindowSet& set = sample.from_memory ? *plan.memory : *plan.new_windows;
    const Window& window = set.windows[sample.window];
    context_items.clear();
    context_times.clear();
    AppendContext(context.data, window, length, plan.catalogue_size, context_items, context_times);
    const WindowRow row{.items = context_items,
                        .times = context_times,
                        .user = window.user,
                        .target = context.data.items()[window.target],
                        .weight = 1,
                        .slot = group,
                        .row_key = RowKey(sample)};
    plan.objective->Append(sample, row, batch);
    ++rows_seen[group];
    ++samples;
  }

  // Fills the batch with scheduled samples, and as many of the replay if there is one; `left` more
  // may be seen.
  void Fill(std::span<const ScheduledSample> scheduled, std::int64_t left) {
    const std::int64_t own = plan.replay.empty() ? left : (left + 1) / 2;
    if (std::ssize(scheduled) > own) scheduled = scheduled.first(own);
    for (const ScheduledSample& sample : scheduled) {
      Append(sample.group, plan.groups[sample.group].samples[sample.index]);
    }
    if (plan.replay.empty()) return;
    const std::int64_t size = std::ssize(scheduled);
    for (std::int64_t i = 0; i < std::min(size, left - size); ++i) {
      Append(0, plan.replay[replay_schedule.Next()[0].index]);
    }
  }

  void Step(std::span<const ScheduledSample> scheduled, std::int64_t left) {
    batch.Clear();
    Fill(scheduled, left);
    plan.objective->Complete(batch);
    const StepReport report = engine.Step(batch, static_cast<std::uint64_t>(steps), parts);
    for (std::size_t g = 0; g < steps_of.size(); ++g) {
      if (report.slot_weight[g] > 0) ++steps_of[g];
    }
    last_loss = report.loss;
    ++steps;
  }

  void Tell() {
    if (context.cancel != nullptr && context.cancel->IsSet()) {
      throw Error(ErrorCode::kCancelled,
                  "adapt: stopped after " + std::to_string(steps) + " steps; nothing was changed");
    }
    if (!context.observer || (steps > 1 && told.seconds() < kTellSeconds)) return;
    told = Stopwatch();
    const double rate = static_cast<double>(samples) / std::max(1e-9, since_start.seconds());
    context.observer({.phase = "adapt",
                      .done = samples,
                      .total = plan.maximum_samples,
                      .unit = "windows",
                      .per_second = rate,
                      .seconds_left = static_cast<double>(plan.maximum_samples - samples) / rate,
                      .detail = "loss " + std::to_string(last_loss)});
  }

  RunContext context;
  AdaptOptions options;
  Snapshot start;
  std::int64_t length;  // L: items of a context that are read
  TrainPlan plan;
  ItemTable items;
  BatchSchedule schedule;
  BatchSchedule replay_schedule;  // one sample at a time
  StepEngine engine;
  TrainedParts parts;
  std::vector<std::unique_ptr<Adapter>> adapters;
  std::vector<AdamState> adam;
  std::vector<std::optional<TrainedRows>> own_rows;
  std::optional<TrainedRows> shared_rows;
  TrainingBatch batch;
  std::vector<ItemId> context_items;
  std::vector<Timestamp> context_times;
  std::vector<std::int64_t> rows_seen;
  std::vector<std::int64_t> steps_of;
  std::int64_t samples = 0;
  std::int64_t steps = 0;
  std::int64_t trained_parameters = 0;
  double last_loss = 0;
  Stopwatch since_start, told;
};

GroupTrainer::GroupTrainer(const RunContext& context, const AdaptOptions& options,
                           const Snapshot& start, TrainPlan plan)
    : state_(std::make_unique<State>(context, options, start, std::move(plan))) {}

GroupTrainer::~GroupTrainer() = default;

std::int64_t GroupTrainer::epoch_size() const { return state_->schedule.epoch_size(); }

void GroupTrainer::TrainTo(std::int64_t samples) {
  const std::int64_t goal = std::min(samples, state_->plan.maximum_samples);
  while (state_->samples < goal) {
    const auto scheduled = state_->schedule.Next();
    if (scheduled.empty()) return;
    state_->Step(scheduled, state_->plan.maximum_samples - state_->samples);
    state_->Tell();
  }
}

Snapshot GroupTrainer::Current() const {
  Snapshot now = state_->start;
  if (state_->samples == 0) return now;
  ItemTable items = state_->items;
  for (std::size_t g = 0; g < state_->plan.groups.size(); ++g) {
    const TrainGroup& group = state_->plan.groups[g];
    if (state_->rows_seen[g] == 0) continue;
    if (group.start != nullptr) {
      const auto adapter = std::make_shared<const Adapter>(*state_->adapters[g]);
      for (const RegionId region : group.regions) now.adapters[region] = adapter;
    }
    if (!state_->own_rows[g].has_value()) continue;
    const ReplacedRows rows = *items.OwnRows(group.regions[0]);
    for (const RegionId region : group.regions) items.SetOwnRows(region, rows);
  }
  const bool rows_moved = state_->shared_rows.has_value() ||
                          std::any_of(state_->own_rows.begin(), state_->own_rows.end(),
                                      [](const auto& rows) { return rows.has_value(); });
  if (rows_moved) now.items = std::make_shared<const ItemTable>(std::move(items));
  return now;
}

TrainCounts GroupTrainer::counts() const {
  return {.samples = state_->samples,
          .steps = state_->steps,
          .trained_parameters = state_->trained_parameters};
}

double GroupTrainer::RowsPerStep(std::size_t group) const {
  const std::int64_t steps = state_->steps_of[group];
  return steps == 0 ? 0
                    : static_cast<double>(state_->rows_seen[group]) / static_cast<double>(steps);
}

std::uint64_t NewRowsSeed(std::uint64_t seed) { return DeriveSeed(seed, kNewRowsPart); }

Snapshot WithCatalogue(const Snapshot& snapshot, std::int64_t catalogue_size, std::uint64_t seed) {
  Snapshot grown = snapshot;
  grown.catalogue_size = std::max(snapshot.catalogue_size, catalogue_size);
  const std::int64_t before = snapshot.routing_items->num_items();
  if (before >= catalogue_size) return grown;
  ItemTable routing = *snapshot.routing_items;
  std::vector<float> titled;
  if (const Pretrained* const pretrained = snapshot.backbone->pretrained()) {
    titled = pretrained->RowsOfTexts(before, catalogue_size);
  }
  if (titled.empty()) {
    routing.Grow(catalogue_size, snapshot.old_catalogue_size, NewRowsSeed(seed));
  } else {
    routing.Append(titled);
  }
  grown.routing_items = std::make_shared<const ItemTable>(std::move(routing));
  if (snapshot.items == snapshot.routing_items) {
    grown.items = grown.routing_items;
    return grown;
  }
  const auto old_rows = snapshot.items->base_ND();
  const auto new_rows = grown.routing_items->base_ND().subspan(before * snapshot.items->dim());
  std::vector<float> rows(old_rows.begin(), old_rows.end());
  rows.insert(rows.end(), new_rows.begin(), new_rows.end());
  ItemTable items(snapshot.items->dim(), std::move(rows));
  for (const auto& [region, own] : snapshot.items->replaced()) items.SetOwnRows(region, own);
  grown.items = std::make_shared<const ItemTable>(std::move(items));
  return grown;
}

std::uint64_t AdapterSeed(RegionId region, std::uint64_t seed) {
  return DeriveSeed(DeriveSeed(seed, kAdapterPart), Index(region) + 1);
}

std::shared_ptr<const Adapter> MakeFreshAdapter(const Backbone& backbone,
                                                const LoraOptions& options, RegionId region,
                                                std::uint64_t seed) {
  return std::make_shared<const Adapter>(
      Adapter::Make(backbone.linear_maps(), options, AdapterSeed(region, seed)));
}

}  // namespace raie
