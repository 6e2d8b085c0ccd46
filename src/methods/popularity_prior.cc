#include "methods/popularity_prior.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "base/stopwatch.h"
#include "methods/popularity.h"
#include "methods/window_states.h"
#include "raie/error.h"
#include "training/metrics.h"

namespace raie {
namespace {

// Rows of slices 0 .. slice.slice that no count may see.
std::vector<std::int64_t> NeverCounted(const PreparedData& data, const AdaptSlice& slice) {
  const WindowSet none;
  const WindowSet& memory = slice.memory != nullptr ? *slice.memory : none;
  std::vector<std::int64_t> rows;
  for (int earlier = 1; earlier <= slice.slice; ++earlier) {
    const auto more =
        HeldOutEvents(data, earlier, earlier == slice.slice ? *slice.windows : memory);
    rows.insert(rows.end(), more.begin(), more.end());
  }
  std::ranges::sort(rows);
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

// The candidates in the order that decides ties; the first is no prior at all.
std::vector<PriorCandidate> CandidatesOf(const PriorOptions& options, double span_seconds) {
  std::vector<PriorCandidate> candidates = {{}};
  for (const double weight : options.weights) {
    for (const double share : options.half_lives) {
      candidates.push_back(
          {.weight = weight, .half_life_seconds = std::max(1.0, share * span_seconds)});
    }
  }
  return candidates;
}

std::vector<std::vector<float>> BiasesOf(const PreparedData& data, const TunedState& state,
                                         std::span<const PriorCandidate> candidates) {
  const auto left_out = NeverCounted(data, state.slice);
  const std::int64_t catalogue = state.split.early_catalogue;
  const CountedEvents events{.last_slice = state.slice.slice, .end = Seconds(state.split.border)};
  std::vector<std::vector<float>> biases;
  std::vector<PopularityPrior> counted;  // by half-life
  for (const PriorCandidate& candidate : candidates) {
    PopularityPrior prior;
    if (candidate.weight > 0) {
      const auto same = std::ranges::find(counted, candidate.half_life_seconds,
                                          &PopularityPrior::half_life_seconds);
      if (same == counted.end()) {
        const auto counts =
            FadingCounts(data, events, left_out, catalogue, candidate.half_life_seconds);
        prior = {.half_life_seconds = candidate.half_life_seconds,
                 .counts_N = {counts.begin(), counts.end()}};
        counted.push_back(prior);
      } else {
        prior = *same;
      }
      prior.weight = candidate.weight;
    }
    biases.push_back(BiasOf(prior, catalogue));
  }
  return biases;
}

class PriorScorer final : public Scorer {
 public:
  PriorScorer(std::unique_ptr<Scorer> scorer, const PopularityPrior& prior)
      : scorer_(std::move(scorer)), bias_N_(BiasOf(prior, std::ssize(prior.counts_N))) {}

  void Score(const WindowBatch& contexts, std::int64_t catalogue_size,
             std::span<float> scores_BN) const override {
    scorer_->Score(contexts, catalogue_size, scores_BN);
    const std::int64_t counted = std::min(catalogue_size, std::ssize(bias_N_));
    for (std::int64_t row = 0; row < contexts.num_rows(); ++row) {
      const auto scores = scores_BN.subspan(row * catalogue_size, counted);
      for (std::int64_t i = 0; i < counted; ++i) scores[i] += bias_N_[i];
    }
  }

  std::vector<Route> Routes(const WindowBatch& contexts, TaskPool& pool) const override {
    return scorer_->Routes(contexts, pool);
  }

 private:
  std::unique_ptr<Scorer> scorer_;
  std::vector<float> bias_N_;
};

class PriorMethod final : public Method {
 public:
  PriorMethod(const RunContext& context, const AdaptOptions& options, MakeMethodFunction make)
      : context_(context), options_(options.popularity_prior) {
    RunContext watched = context;
    watched.on_tuned = [this](const TunedState& state) {
      choice_ = ChoosePrior(context_, options_, state);
      if (context_.on_tuned) context_.on_tuned(state);
    };
    method_ = make(watched, options);
  }
  PriorMethod(const PriorMethod&) = delete;  // its method points to it
  PriorMethod& operator=(const PriorMethod&) = delete;

  std::string_view name() const override { return method_->name(); }

  void Prepare(const Snapshot& setup, const WindowSet& setup_windows) override {
    method_->Prepare(setup, setup_windows);
    Publish();
  }

  AdaptReport Adapt(const AdaptSlice& slice) override {
    const Stopwatch watch;
    choice_.reset();
    AdaptReport report = method_->Adapt(slice);
    if (!choice_.has_value()) {
      throw Error(ErrorCode::kInternal, "popularity prior: method " + std::string(name()) +
                                            " has not shown the state it tuned");
    }
    const Stopwatch counting;
    if (slice.passes == AdaptPasses::kAll) {
      prior_ = choice_->chosen.weight == 0
                   ? nullptr
                   : std::make_shared<const PopularityPrior>(
                         CountPrior(context_.data, slice,
                                    {.weight = choice_->chosen.weight,
                                     .half_life_seconds = choice_->chosen.half_life_seconds}));
      if (prior_ != nullptr) {
        report.bytes_kept +=
            std::ssize(prior_->counts_N) * static_cast<std::int64_t>(sizeof(float));
      }
    }
    Publish();
    choice_->seconds += counting.seconds();
    report.prior = std::move(choice_);
    report.seconds = watch.seconds();
    return report;
  }

  std::unique_ptr<Scorer> MakeScorer() const override {
    return WithPrior(method_->MakeScorer(), prior_);
  }

  const PopularityPrior* prior() const override { return prior_.get(); }

  const Snapshot* snapshot() const override {
    return snapshot_.has_value() ? &*snapshot_ : nullptr;
  }

 private:
  void Publish() {
    snapshot_.reset();
    if (method_->snapshot() == nullptr) return;
    snapshot_ = *method_->snapshot();
    snapshot_->prior = prior_;
  }

  RunContext context_;
  PriorOptions options_;
  std::unique_ptr<Method> method_;
  std::optional<PriorChoice> choice_;             // of the slice at work
  std::shared_ptr<const PopularityPrior> prior_;  // null: none helped
  std::optional<Snapshot> snapshot_;              // of the method, with the prior
};

}  // namespace

PriorChoice ChoosePrior(const RunContext& context, const PriorOptions& options,
                        const TunedState& state) {
  const Stopwatch watch;
  const PreparedData& data = context.data;
  const WindowSet& windows = state.split.validation;
  const double span =
      static_cast<double>(Seconds(state.split.border) - StartOfSlice(data, state.slice.slice));
  PriorChoice choice{.candidates = CandidatesOf(options, span)};
  if (windows.size() > 0) {
    const auto biases = BiasesOf(data, state, choice.candidates);
    std::vector<std::vector<std::int64_t>> ranks(
        biases.size(), std::vector<std::int64_t>(windows.size(), kMissedRank));
    const auto body = [&](const ReadWindows& read) {
      const MaskedItems masked =
          MaskSeen(state.slice.seen, data, windows, read.windows, read.contexts);
      const RankRequest request{.targets = read.targets,
                                .catalogue_size = state.split.early_catalogue,
                                .masked = &masked};
      const auto found =
          RanksWithBiases(state.scorer, read.contexts, request, biases, context.pool);
      for (std::size_t b = 0; b < found.size(); ++b) {
        for (std::size_t i = 0; i < read.windows.size(); ++i) {
          ranks[b][read.windows[i]] = found[b][i];
        }
      }
    };
    const PassRun run = context.Pass("choosing the popularity prior");
    ForEachChunk(data, windows, {state.slice.context, state.split.early_catalogue, run.watch},
                 body);
    std::vector<UserId> users;
    for (const Window& window : windows.windows) users.push_back(window.user);
    for (std::size_t b = 0; b < ranks.size(); ++b) {
      choice.candidates[b].validation_ndcg10 = Summarise(ranks[b], users).window_mean.ndcg[1];
    }
  }
  choice.chosen =
      *std::ranges::max_element(choice.candidates, {}, &PriorCandidate::validation_ndcg10);
  choice.seconds = watch.seconds();
  return choice;
}

PopularityPrior CountPrior(const PreparedData& data, const AdaptSlice& slice,
                           const PriorShape& shape) {
  PopularityPrior prior{.weight = shape.weight,
                        .half_life_seconds = shape.half_life_seconds,
                        .end_seconds = EndOfSlice(data, slice.slice),
                        .counts_N = {}};
  const auto counts =
      FadingCounts(data, {.last_slice = slice.slice, .end = prior.end_seconds},
                   NeverCounted(data, slice), slice.catalogue_size, prior.half_life_seconds);
  prior.counts_N.assign(counts.begin(), counts.end());
  return prior;
}

EarlierRequests::EarlierRequests(const PreparedData& data, const PopularityPrior& prior,
                                 int last_slice, const std::vector<std::int64_t>& left_out)
    : weight_(prior.weight),
      end_seconds_(prior.end_seconds),
      bias_N_(BiasOf(prior, std::ssize(prior.counts_N))),
      history_(data, {.last_slice = last_slice, .end = prior.end_seconds}, left_out,
               std::ssize(prior.counts_N), prior.half_life_seconds) {}

void EarlierRequests::Change(std::int64_t seconds, std::span<float> scores_N) const {
  if (seconds >= end_seconds_) return;
  const std::int64_t counted = std::min(std::ssize(scores_N), std::ssize(bias_N_));
  for (std::int64_t i = 0; i < counted; ++i) {
    if (bias_N_[i] == 0) continue;  // not taken until the end: not before either
    const double then = history_.CountAt(static_cast<ItemId>(i), seconds);
    scores_N[i] += static_cast<float>(weight_ * std::log1p(then)) - bias_N_[i];
  }
}

std::unique_ptr<Scorer> WithPrior(std::unique_ptr<Scorer> scorer,
                                  std::shared_ptr<const PopularityPrior> prior) {
  if (prior == nullptr) return scorer;
  return std::make_unique<PriorScorer>(std::move(scorer), *prior);
}

std::unique_ptr<Method> MakeWithPrior(const RunContext& context, const AdaptOptions& options,
                                      MakeMethodFunction make) {
  return std::make_unique<PriorMethod>(context, options, make);
}

}  // namespace raie
