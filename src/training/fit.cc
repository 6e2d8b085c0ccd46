#include "training/fit.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <numeric>
#include <utility>

#include "base/options_json.h"
#include "base/random.h"
#include "data/sequences.h"
#include "raie/error.h"
#include "training/batch.h"
#include "training/contexts.h"
#include "training/fit_state.h"
#include "training/metrics.h"
#include "training/score.h"
#include "training/sequence_objective.h"
#include "training/step.h"

namespace raie {
namespace {

constexpr std::uint64_t kOrderSeed = 1;  // parts of the run's seed
constexpr std::uint64_t kStepSeed = 2;
constexpr std::uint64_t kMaskSeed = 3;
constexpr std::int64_t kWindowsAtOnce = 4096;
constexpr std::size_t kAt10 = 1;  // in kCutoffs

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void AddSequences(const SequenceSet& more, SequenceSet& set) {
  const std::int64_t before = set.num_targets();
  for (SequenceChunk chunk : more.chunks) {
    chunk.first_position += before;
    set.chunks.push_back(chunk);
  }
  set.positions.insert(set.positions.end(), more.positions.begin(), more.positions.end());
}

// The newest sequence of each user: his last L + 1 events (strict: those that L inputs can ask
// for).
SequenceSet TailsOf(const SequenceSet& sequences) {
  SequenceSet tails = sequences;
  tails.chunks.clear();
  for (std::size_t i = 0; i < sequences.chunks.size(); ++i) {
    const bool last = i + 1 == sequences.chunks.size() ||
                      sequences.chunks[i + 1].user != sequences.chunks[i].user;
    if (last) tails.chunks.push_back(sequences.chunks[i]);
  }
  return tails;
}

SequenceSet SequencesOf(const FitRequest& request, const SetupWindows& windows) {
  SequenceSet set =
      MakeSequences(request.data, request.slice, request.windows, windows.removed_events);
  for (const FitSlice& more : request.more_slices) {
    AddSequences(MakeSequences(request.data, more.slice, request.windows, more.removed), set);
  }
  return set;
}

WindowSet WindowsOf(const FitRequest& request, const SetupWindows& windows) {
  WindowSet set = windows.training;
  for (const FitSlice& more : request.more_slices) {
    for (const Window& window : MakeWindows(request.data, more.slice, request.windows).windows) {
      if (!std::ranges::binary_search(more.removed, window.target)) set.windows.push_back(window);
    }
  }
  return set;
}

std::unique_ptr<SequenceObjective> ObjectiveOf(const FitOptions& options, const FitRequest& request,
                                               const SetupWindows& windows,
                                               const Backbone& backbone) {
  if (options.on == FitOn::kWindows) {
    return MakeWindowObjective(request.data, WindowsOf(request, windows), request.windows.context,
                               request.catalogue_size);
  }
  SequenceSet sequences = SequencesOf(request, windows);
  if (options.on == FitOn::kTails) sequences = TailsOf(sequences);
  if (!backbone.reads_masks()) return MakeNextItemObjective(request.data, std::move(sequences));
  return MakeClozeObjective(request.data, std::move(sequences),
                            {.options = options.cloze,
                             .length = request.windows.context,
                             .same_time = request.windows.same_time,
                             .seed = DeriveSeed(request.seed, kMaskSeed)});
}

// What is trained besides item rows.
std::span<float> TrainedValues(const FitRequest& request, Backbone& backbone) {
  return request.adapter != nullptr ? request.adapter->values() : backbone.parameters();
}

bool StopsEarly(const FitOptions& options) {
  return options.patience_epochs > 0 || options.patience_steps > 0;
}

// What a fit that goes on must share with the one that was stopped: all but how long it may take.
nlohmann::ordered_json IdentityOf(const FitOptions& options, const FitRequest& request,
                                  std::int64_t num_parameters, const ItemTable& items) {
  nlohmann::ordered_json shared = OptionsToJson(options);
  for (const char* limit : {"max_epochs", "patience_epochs", "patience_steps"}) shared.erase(limit);
  return {{"data", request.data.digest()},
          {"slice", request.slice},
          {"seed", request.seed},
          {"catalogue_size", request.catalogue_size},
          {"context", request.windows.context},
          {"stride", request.windows.stride},
          {"min_context", request.windows.min_context},
          {"same_time", EnumNames(SameTime{})[static_cast<int>(request.windows.same_time)]},
          {"seen_items", EnumNames(SeenItems{})[static_cast<int>(request.seen)]},
          {"backbone", request.backbone},
          {"parameters", num_parameters},
          {"items", items.num_items()},
          {"dim", items.dim()},
          {"stops_early", StopsEarly(options)},
          {"fit", shared}};
}

// Tells the observer how far the fit is, a few times a second at most.
class FitProgress {
 public:
  FitProgress(const FitOptions& options, const FitRequest& request, std::int64_t rows)
      : observer_(request.observer),
        unit_(options.on == FitOn::kWindows ? "windows" : "sequences"),
        rows_(rows),
        max_epochs_(options.max_epochs) {}

  void Batch(std::int64_t epoch, std::int64_t rows, double loss) {
    rows_here_ += rows;
    in_epoch_ += rows;
    if (!observer_ || SecondsSince(told_) < 0.3) return;
    told_ = Clock::now();
    Tell(epoch, loss);
  }
  void StartEpoch(std::int64_t rows_done) { in_epoch_ = rows_done; }
  void EndEpoch(const FitEpoch& epoch, std::int64_t best) {
    char text[96];
    std::snprintf(text, sizeof(text), ", validation NDCG@10 %.4f (best: epoch %lld)",
                  epoch.validation_ndcg10, static_cast<long long>(best));
    validation_ = text;
    if (observer_) Tell(epoch.epoch - 1, epoch.loss);
  }

 private:
  void Tell(std::int64_t epoch, double loss) const {
    char text[96];
    std::snprintf(text, sizeof(text), "epoch %lld/%lld, loss %.4f",
                  static_cast<long long>(epoch + 1), static_cast<long long>(max_epochs_), loss);
    const double rate = static_cast<double>(rows_here_) / std::max(1e-9, SecondsSince(start_));
    const std::int64_t done = epoch * rows_ + std::min(in_epoch_, rows_);
    const std::int64_t total = max_epochs_ * rows_;
    observer_({.phase = "fit",
               .done = done,
               .total = total,
               .unit = unit_,
               .per_second = rate,
               .seconds_left = rate > 0 ? static_cast<double>(total - done) / rate : 0,
               .detail = text + validation_});
  }

  const ProgressObserver& observer_;
  const char* unit_;
  std::int64_t rows_;
  std::int64_t max_epochs_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point told_ = Clock::now();
  std::int64_t rows_here_ = 0;  // since this process began
  std::int64_t in_epoch_ = 0;
  std::string validation_;
};

class Fit {
 public:
  Fit(const FitOptions& options, const FitRequest& request, Backbone& backbone, ItemTable& items,
      TaskPool& pool)
      : options_(options),
        request_(request),
        backbone_(backbone),
        items_(items),
        pool_(pool),
        trained_(TrainedValues(request, backbone)),
        windows_(MakeSetupWindows(request.data, request.slice, request.windows)),
        objective_(ObjectiveOf(options, request, windows_, backbone)),
        progress_(options, request, objective_->size()),
        identity_(IdentityOf(options, request, std::ssize(trained_), items)),
        engine_(backbone,
                {.adam = options.adam,
                 .loss = options.loss,
                 .tiles = request.tiles,
                 .seed = DeriveSeed(request.seed, kStepSeed)},
                pool) {
    state_.trained = AdamState(std::ssize(trained_));
    state_.rows = TrainAllRows(items, request.catalogue_size);
  }

  FitReport Run() {
    Check();
    const bool resumes = request_.resume && !request_.checkpoint.empty() &&
                         std::filesystem::exists(request_.checkpoint);
    if (resumes) {
      internal::LoadFitState(request_.checkpoint, identity_, state_, trained_, items_);
      CheckLimits();
    }
    state_.patience_epochs = options_.patience_epochs;
    state_.patience_steps = options_.patience_steps;
    while (state_.epoch < options_.max_epochs && !Exhausted()) {
      TrainEpoch();
      EndEpoch();
    }
    if (!state_.best_parameters.empty()) {
      std::ranges::copy(state_.best_parameters, trained_.begin());
      std::copy(state_.best_items.begin(), state_.best_items.end(), items_.base_ND().begin());
    }
    return state_.report;
  }

 private:
  const WindowSet& ValidationWindows() const {
    return request_.validation != nullptr ? *request_.validation : windows_.validation;
  }

  void Check() const {
    CheckRanges(FieldsOf(const_cast<FitOptions&>(options_)), "fit");
    const auto refuse = [](const std::string& what) {
      throw Error(ErrorCode::kInvalidArgument, "fit: " + what);
    };
    if (request_.windows.context > backbone_.max_length()) {
      refuse("context " + std::to_string(request_.windows.context) + " is longer than the " +
             std::to_string(backbone_.max_length()) + " items the backbone reads");
    }
    if (items_.dim() != backbone_.dim()) refuse("item rows and backbone differ in width");
    if (request_.catalogue_size < 2 || request_.catalogue_size > items_.num_items()) {
      refuse("a catalogue of " + std::to_string(request_.catalogue_size) + " items for " +
             std::to_string(items_.num_items()) + " item rows; at least 2 are needed");
    }
    if (objective_->size() == 0) {
      refuse("there is nothing to train on: no user has enough events in slice " +
             std::to_string(request_.slice) + " for context " +
             std::to_string(request_.windows.context));
    }
    if (StopsEarly(options_) && ValidationWindows().size() == 0) {
      refuse(
          "no validation window to stop by; set patience_epochs and patience_steps to 0, or a "
          "shorter min_context");
    }
  }

  // A fit goes on with other limits if one begun with them would have come as far.
  void CheckLimits() const {
    const auto check = [&](const char* name, std::int64_t now, std::int64_t least) {
      if (now >= least) return;
      throw Error(
          ErrorCode::kInvalidArgument,
          "cannot resume from " + request_.checkpoint.string() + " with fit." + name + " = " +
              std::to_string(now) + ": it stands at epoch " + std::to_string(state_.epoch) +
              " and was made with patience_epochs = " + std::to_string(state_.patience_epochs) +
              " and patience_steps = " + std::to_string(state_.patience_steps) + "; " +
              std::to_string(least) + " or more can go on");
    };
    check("max_epochs", options_.max_epochs, state_.epoch);
    check("patience_epochs", options_.patience_epochs, state_.patience_epochs);
    check("patience_steps", options_.patience_steps, state_.patience_steps);
  }

  // Whether validation has not risen for the longer of the two patiences.
  bool Exhausted() const {
    if (!StopsEarly(options_) || state_.report.best_epoch == 0) return false;
    return state_.epoch - state_.report.best_epoch >= options_.patience_epochs &&
           state_.report.steps - state_.best_step >= options_.patience_steps;
  }

  void TrainEpoch() {
    const auto start = Clock::now();
    std::vector<std::int64_t> order(objective_->size());
    std::iota(order.begin(), order.end(), 0);
    RandomStream random(DeriveSeed(request_.seed, kOrderSeed),
                        static_cast<std::uint64_t>(state_.epoch));
    Shuffle(std::span(order), random);
    const std::int64_t batches =
        (objective_->size() + options_.batch_size - 1) / options_.batch_size;
    progress_.StartEpoch(state_.batch * options_.batch_size);
    while (state_.batch < batches) {
      if (request_.cancel != nullptr && request_.cancel->IsSet()) StopHere();
      const std::int64_t begin = state_.batch * options_.batch_size;
      const std::int64_t size = std::min(options_.batch_size, objective_->size() - begin);
      TrainBatch(std::span(order).subspan(begin, size));
      ++state_.batch;
      progress_.Batch(state_.epoch, size, state_.epoch_loss / std::max(1.0, state_.epoch_weight));
    }
    seconds_ = SecondsSince(start);
  }

  void TrainBatch(std::span<const std::int64_t> numbers) {
    TrainingBatch batch;
    for (const std::int64_t number : numbers) objective_->Append(number, state_.epoch, batch);
    if (batch.targets.empty()) return;
    TrainedParts parts{.items = &items_,
                       .catalogue_size = request_.catalogue_size,
                       .shared_rows = &state_.rows,
                       .slots = {TrainedSlot()}};
    if (request_.adapter != nullptr) {
      parts.slots[0] = {.adapter = request_.adapter, .state = &state_.trained};
    } else {
      parts.backbone = &state_.trained;
    }
    const StepReport report =
        engine_.Step(batch, static_cast<std::uint64_t>(state_.report.steps), parts);
    state_.epoch_loss += report.loss * report.slot_weight[0];
    state_.epoch_weight += report.slot_weight[0];
    ++state_.report.steps;
    state_.report.samples += std::ssize(batch.targets);
  }

  [[noreturn]] void StopHere() const {
    std::string kept = "; nothing was kept (no checkpoint was asked for)";
    if (!request_.checkpoint.empty()) {
      Save();
      kept = "; --resume goes on from " + request_.checkpoint.string();
    }
    throw Error(ErrorCode::kCancelled, "fit stopped in epoch " + std::to_string(state_.epoch + 1) +
                                           " after " + std::to_string(state_.report.steps) +
                                           " steps" + kept);
  }

  void EndEpoch() {
    FitEpoch epoch{.epoch = state_.epoch + 1,
                   .loss = state_.epoch_loss / std::max(1e-30, state_.epoch_weight),
                   .seconds = seconds_};
    Validate(epoch);
    const bool keeps = !StopsEarly(options_) || epoch.validation_ndcg10 > state_.best_score;
    if (keeps) {
      state_.best_score = epoch.validation_ndcg10;
      state_.best_step = state_.report.steps;
      state_.report.best_epoch = epoch.epoch;
      state_.best_parameters.assign(trained_.begin(), trained_.end());
      state_.best_items.assign(items_.base_ND().begin(), items_.base_ND().end());
    }
    state_.report.epochs.push_back(epoch);
    ++state_.epoch;
    state_.batch = 0;
    state_.epoch_loss = 0;
    state_.epoch_weight = 0;
    progress_.EndEpoch(epoch, state_.report.best_epoch);
    if (!request_.checkpoint.empty()) Save();
  }

  // A stop in the middle keeps the epoch's steps: who goes on begins with its validation.
  WindowRanking RankValidation() const {
    try {
      return RankFittedWindows(request_, backbone_, items_, ValidationWindows(),
                               {pool_, {"fit: validation", request_.observer, request_.cancel}});
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kCancelled) StopHere();
      throw;
    }
  }

  void Validate(FitEpoch& epoch) const {
    const WindowRanking ranking = RankValidation();
    for (const std::int64_t rank : ranking.ranks) {
      const RankMetrics metrics = MetricsOf(rank);
      epoch.validation_ndcg10 += metrics.ndcg[kAt10];
      epoch.validation_recall10 += metrics.recall[kAt10];
    }
    const auto count = static_cast<double>(std::max<std::size_t>(1, ranking.ranks.size()));
    epoch.validation_ndcg10 /= count;
    epoch.validation_recall10 /= count;
  }

  void Save() const {
    internal::SaveFitState(request_.checkpoint, identity_, state_, trained_, items_);
  }

  const FitOptions& options_;
  const FitRequest& request_;
  Backbone& backbone_;
  ItemTable& items_;
  TaskPool& pool_;
  std::span<float> trained_;
  SetupWindows windows_;
  std::unique_ptr<SequenceObjective> objective_;
  FitProgress progress_;
  nlohmann::ordered_json identity_;
  StepEngine engine_;
  internal::FitState state_;
  double seconds_ = 0;
};

}  // namespace

FitReport FitBackbone(const FitOptions& options, const FitRequest& request, Backbone& backbone,
                      ItemTable& items, TaskPool& pool) {
  return Fit(options, request, backbone, items, pool).Run();
}

WindowRanking RankFittedWindows(const FitRequest& request, const Backbone& backbone,
                                const ItemTable& items, const WindowSet& windows,
                                const PassRun& run) {
  const BoundModel model({.backbone = backbone,
                          .slots = {{.adapter = request.adapter, .rows = items.Rows(kNoRegion)}},
                          .catalogue_size = request.catalogue_size,
                          .bias_N = {}},
                         run.pool);
  WindowRanking ranking;
  ranking.ranks.assign(windows.size(), kMissedRank);
  const auto rank = [&](std::int64_t begin, std::int64_t end) {
    const ReadWindows read = ReadContexts(request.data, windows, begin, end,
                                          request.windows.context, request.catalogue_size);
    const MaskedItems masked =
        MaskSeen(request.seen, request.data, windows, read.windows, read.contexts);
    const std::vector<std::int64_t> ranks = RankTargets(
        model, {.rows = read.contexts}, {.targets = read.targets, .masked = &masked}, run.pool);
    for (std::size_t row = 0; row < ranks.size(); ++row) {
      ranking.ranks[read.windows[row]] = ranks[row];
    }
    ranking.empty_contexts += end - begin - std::ssize(read.windows);
  };
  ForEachPiece(run.watch, windows.size(), kWindowsAtOnce, rank);
  return ranking;
}

}  // namespace raie
