#include "compare/curve.h"

#include "data/prepare.h"
#include "data/thin_windows.h"
#include "evaluation/comparison.h"
#include "methods/rank_windows.h"
#include "training/metrics.h"

namespace raie {
namespace {

constexpr std::int64_t kMostWindows = 20000;

}  // namespace

CurveRecorder::CurveRecorder(const PreparedData& data, const AdaptOptions& options,
                             const AdaptSlice& slice, const SetupPartWindows& setup,
                             const PassRun& run)
    : data_(data),
      slice_(slice),
      run_(run),
      setup_name_(setup.name),
      setup_(Thinned(setup.windows, kMostWindows)) {
  validation_ =
      Thinned(SplitInTime(data, slice.slice, *slice.windows, options.validation_share).validation,
              kMostWindows);
  test_ = Thinned(MakeWindows(data, slice.slice + 1, WindowOptionsOf(data)), kMostWindows);
}

nlohmann::ordered_json CurveRecorder::Rank(const Scorer& scorer, const WindowSet& windows,
                                           std::int64_t catalogue_size,
                                           int popularity_slice) const {
  const RankedSet ranked = RankWindows(scorer, data_, windows,
                                       {.context = slice_.context,
                                        .catalogue_size = catalogue_size,
                                        .seen = slice_.seen,
                                        .popularity_slice = popularity_slice},
                                       run_);
  const RankSummary summary = Summarise(ranked.ranks, ranked.users);
  return {{"windows", summary.windows},
          {"recall@10", summary.window_mean.recall[1]},
          {"ndcg@10", summary.window_mean.ndcg[1]}};
}

void CurveRecorder::Add(const Checkpoint& at) {
  points_.push_back({{"pass", at.pass == Checkpoint::Pass::kTuning ? "tuning" : "whole"},
                     {"share", at.share},
                     {"samples", at.samples},
                     {setup_name_, Rank(*at.scorer, setup_, FittedCatalogue(data_), 0)},
                     {"F_validation", Rank(*at.scorer, validation_, at.catalogue_size, -1)},
                     {"T", Rank(*at.scorer, test_, at.catalogue_size, slice_.slice)}});
}

nlohmann::ordered_json BudgetToJson(const AdaptReport& report) {
  nlohmann::ordered_json json = {{"samples", report.training.samples},
                                 {"steps", report.training.steps},
                                 {"trained_parameters", report.training.trained_parameters},
                                 {"tuning_samples", report.tuning.samples},
                                 {"tuning_steps", report.tuning.steps},
                                 {"maximum_samples", report.maximum_samples},
                                 {"chosen_share", report.chosen_share},
                                 {"bytes_kept", report.bytes_kept},
                                 {"forward_passes", report.forward_passes},
                                 {"regions", RegionsToJson(report)}};
  if (report.prior.has_value()) json["prior_weight"] = report.prior->chosen.weight;
  return json;
}

}  // namespace raie
