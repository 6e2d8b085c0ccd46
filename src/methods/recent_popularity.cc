// Method `recent_popularity`: everybody gets the items taken most often in the last days of the
// slice. How many days is chosen by NDCG@10 on F validation; ties of the counts are ties of the
// ranking, which count against the target (METHOD section 2). A stream asks for slice 1 before the
// method has seen one: there it counts S first (docs/decisions/019-what-a-stream-forgets.md).
#include <utility>

#include "base/stopwatch.h"
#include "data/prepare.h"
#include "methods/budget.h"
#include "methods/popularity.h"
#include "methods/registry.h"
#include "methods/time_split.h"
#include "raie/error.h"

namespace raie {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kCandidateDays[] = {1, 2, 4, 7, 14, 30, 60, 90, 180, 365};

class RecentPopularity final : public Method {
 public:
  RecentPopularity(const RunContext& context, const AdaptOptions& options)
      : context_(context), options_(options) {
    options_.Validate();
  }

  std::string_view name() const override { return "recent_popularity"; }

  // Counts the last days of S, how many chosen as on any slice.
  void Prepare(const Snapshot& setup, const WindowSet& setup_windows) override {
    if (OptionsOf(context_.data).protocol != Protocol::kStream) return;
    const AdaptSlice slice{.slice = 0,
                           .windows = &setup_windows,
                           .catalogue_size = setup.catalogue_size,
                           .context = WindowOptionsOf(context_.data).context,
                           .seen = SeenItemsOf(context_.data)};
    Count(slice);
  }

  AdaptReport Adapt(const AdaptSlice& slice) override {
    const Stopwatch watch;
    const Choice choice = Count(slice);
    ShowTuned(context_, slice, choice.split, *choice.scorer);
    AdaptReport report;
    report.curve.push_back({.share = 1, .samples = 0, .validation_ndcg10 = choice.ndcg});
    report.popularity_days = choice.days;
    report.bytes_kept = std::ssize(counts_N_) * static_cast<std::int64_t>(sizeof(float));
    report.forward_passes = 0;
    report.seconds = watch.seconds();
    return report;
  }

  std::unique_ptr<Scorer> MakeScorer() const override { return MakeConstantScorer(counts_N_); }

 private:
  struct Choice {
    TimeSplit split;
    std::int64_t days = 0;
    double ndcg = -1;  // on validation
    std::unique_ptr<Scorer> scorer;
  };

  Choice Count(const AdaptSlice& slice) {
    left_out_ = HeldOutEvents(context_.data, slice.slice, *slice.windows);
    Choice choice = ChooseDays(slice);
    counts_N_ = Counts(slice.slice, EndOfSlice(context_.data, slice.slice), choice.days,
                       slice.catalogue_size);
    return choice;
  }

  std::vector<float> Counts(int slice, std::int64_t end, std::int64_t days,
                            std::int64_t catalogue_size) const {
    const CountedEvents events{
        .first_slice = slice, .last_slice = slice, .begin = end - days * kDay, .end = end};
    const auto counts = CountItems(context_.data, events, left_out_, catalogue_size);
    return {counts.begin(), counts.end()};
  }

  // The slice ends where its validation part begins; ties go to the fewer days. Where S has no
  // validation windows the most days are taken; a later slice without any is an error.
  Choice ChooseDays(const AdaptSlice& slice) const {
    Choice choice;
    choice.split =
        SplitInTime(context_.data, slice.slice, *slice.windows, options_.validation_share);
    const std::int64_t fixed = options_.recent_popularity.days;
    auto candidates = fixed > 0 ? std::span(&fixed, 1) : std::span(kCandidateDays);
    if (choice.split.validation.size() == 0 && fixed == 0) {
      if (slice.slice > 0) {
        throw Error(ErrorCode::kInvalidArgument,
                    "recent_popularity: slice " + std::to_string(slice.slice) +
                        " has no validation windows to choose the days on; set "
                        "edit.recent_popularity.days");
      }
      candidates = candidates.last(1);
    }
    for (const std::int64_t days : candidates) {
      auto scorer = MakeConstantScorer(
          Counts(slice.slice, Seconds(choice.split.border), days, choice.split.early_catalogue));
      const double ndcg = ValidationNdcg(context_, slice, choice.split, *scorer);
      if (ndcg <= choice.ndcg) continue;
      choice.ndcg = ndcg;
      choice.days = days;
      choice.scorer = std::move(scorer);
    }
    return choice;
  }

  RunContext context_;
  AdaptOptions options_;
  std::vector<std::int64_t> left_out_;
  std::vector<float> counts_N_;
};

}  // namespace

std::unique_ptr<Method> MakeRecentPopularity(const RunContext& context,
                                             const AdaptOptions& options) {
  return std::make_unique<RecentPopularity>(context, options);
}

}  // namespace raie
