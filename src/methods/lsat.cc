// Method `lsat`: a long-term adapter (one epoch on S) and a short-term one (on F), fused: the score
// is long_share log p_long + (1 - long_share) log p_short (Shi et al. 2024).
//
// The long-term adapter is trained first and its samples count in the budget, of which it may take
// half. Item rows are those the short-term adapter trains with; both score with them. In a stream
// both adapters go on, the long-term one with an epoch over the whole memory.
#include <algorithm>
#include <utility>

#include "base/random.h"
#include "base/stopwatch.h"
#include "kernels/softmax.h"
#include "methods/budget.h"
#include "methods/group_trainer.h"
#include "methods/registry.h"
#include "methods/snapshot_method.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::uint64_t kLongTermPart = 0x6c6f6e;

// Two models with the same backbone and item rows.
struct LongAndShort {
  Snapshot long_term;
  Snapshot short_term;
};

class FusedScorer final : public Scorer {
 public:
  FusedScorer(const LongAndShort& models, double long_share)
      : long_term_(std::make_shared<const Snapshot>(models.long_term)),
        short_term_(std::make_shared<const Snapshot>(models.short_term)),
        long_share_(static_cast<float>(long_share)) {}

  void Score(const WindowBatch& contexts, std::int64_t catalogue_size,
             std::span<float> scores_BN) const override {
    std::vector<float> long_BN(scores_BN.size());
    long_term_.Score(contexts, catalogue_size, long_BN);
    short_term_.Score(contexts, catalogue_size, scores_BN);
    for (std::int64_t row = 0; row < contexts.num_rows(); ++row) {
      const auto slow = std::span(long_BN).subspan(row * catalogue_size, catalogue_size);
      const auto quick = scores_BN.subspan(row * catalogue_size, catalogue_size);
      kernels::LogSoftmax(1, slow);
      kernels::LogSoftmax(1, quick);
      for (std::int64_t i = 0; i < catalogue_size; ++i) {
        quick[i] = long_share_ * slow[i] + (1 - long_share_) * quick[i];
      }
    }
  }

 private:
  SnapshotScorer long_term_;
  SnapshotScorer short_term_;
  float long_share_;
};

class LsatRun final : public AdaptRun {
 public:
  LsatRun(const RunContext& context, const AdaptOptions& options, const LongAndShort& start,
          const AdaptSlice& slice, const SlicePart& part)
      : long_share_(options.lsat.long_share) {
    const std::int64_t memory = slice.memory->size();
    maximum_ = part.maximum_samples > 0 ? part.maximum_samples
                                        : memory + options.epochs * part.windows.size();
    long_samples_ = part.maximum_samples > 0 ? std::min(memory, maximum_ / 2) : memory;
    TrainPlan plan;
    plan.new_windows = &part.windows;
    plan.memory = slice.memory;
    plan.catalogue_size = part.catalogue_size;
    const auto train = [&](const Snapshot& from, bool from_memory, std::int64_t samples) {
      TrainGroup group{.regions = {kNoRegion}, .start = from.adapters.at(kNoRegion), .samples = {}};
      const std::int64_t windows = from_memory ? memory : part.windows.size();
      for (std::int64_t i = 0; i < windows; ++i) group.samples.push_back({from_memory, i});
      TrainPlan own = plan;
      own.groups.push_back(std::move(group));
      own.maximum_samples = samples;
      return std::make_unique<GroupTrainer>(context, options, from, std::move(own));
    };
    long_term_ = train(start.long_term, true, long_samples_);
    short_term_ = train(start.short_term, false, maximum_ - long_samples_);
  }

  std::int64_t maximum_samples() const override { return maximum_; }

  void TrainTo(std::int64_t samples) override {
    long_term_->TrainTo(std::min(samples, long_samples_));
    if (samples > long_samples_) short_term_->TrainTo(samples - long_samples_);
  }

  LongAndShort Current() const {
    LongAndShort now{.long_term = long_term_->Current(), .short_term = short_term_->Current()};
    now.long_term.items = now.short_term.items;
    return now;
  }

  std::unique_ptr<Scorer> MakeScorer() const override {
    return std::make_unique<FusedScorer>(Current(), long_share_);
  }

  TrainCounts counts() const override {
    TrainCounts counts = short_term_->counts();
    const TrainCounts more = long_term_->counts();
    counts.samples += more.samples;
    counts.steps += more.steps;
    counts.trained_parameters += more.trained_parameters;
    return counts;
  }

 private:
  double long_share_;
  std::int64_t maximum_ = 0;
  std::int64_t long_samples_ = 0;
  std::unique_ptr<GroupTrainer> long_term_;
  std::unique_ptr<GroupTrainer> short_term_;
};

class Lsat final : public Method {
 public:
  Lsat(const RunContext& context, const AdaptOptions& options)
      : context_(context), options_(options) {
    options_.Validate();
  }

  std::string_view name() const override { return "lsat"; }

  void Prepare(const Snapshot& setup, const WindowSet&) override {
    const auto with_adapter = [&](std::uint64_t seed) {
      Snapshot snapshot = setup;
      snapshot.editor = {};  // nothing is routed
      snapshot.adapters = {
          {kNoRegion, MakeFreshAdapter(*setup.backbone, options_.lora, kNoRegion, seed)}};
      return snapshot;
    };
    models_ = {.long_term = with_adapter(DeriveSeed(context_.seed, kLongTermPart)),
               .short_term = with_adapter(context_.seed)};
  }

  AdaptReport Adapt(const AdaptSlice& slice) override {
    const Stopwatch watch;
    if (slice.memory == nullptr || slice.memory->size() == 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  "lsat: there are no memory windows for the long-term adapter to learn from");
    }
    LongAndShort start{
        .long_term = WithCatalogue(models_.long_term, slice.catalogue_size, context_.seed),
        .short_term = WithCatalogue(models_.short_term, slice.catalogue_size, context_.seed)};
    start.long_term.items = start.short_term.items;
    const auto make = [&](const SlicePart& part, const TuningResult*) -> std::unique_ptr<AdaptRun> {
      return std::make_unique<LsatRun>(context_, options_, start, slice, part);
    };
    AdaptReport report;
    const auto run = RunBudget(context_, options_, slice, make, report);
    models_ = static_cast<const LsatRun&>(*run).Current();
    const auto values = std::ssize(models_.long_term.adapters.at(kNoRegion)->values());
    report.bytes_kept = BytesKept(models_.short_term) + MemoryBytes(*slice.memory) +
                        values * static_cast<std::int64_t>(sizeof(float));
    report.forward_passes = 2;
    report.seconds = watch.seconds();
    return report;
  }

  std::unique_ptr<Scorer> MakeScorer() const override {
    return std::make_unique<FusedScorer>(models_, options_.lsat.long_share);
  }

 private:
  RunContext context_;
  AdaptOptions options_;
  LongAndShort models_;
};

}  // namespace

std::unique_ptr<Method> MakeLsat(const RunContext& context, const AdaptOptions& options) {
  return std::make_unique<Lsat>(context, options);
}

}  // namespace raie
