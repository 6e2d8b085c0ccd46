#include "compare/stream_cell.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/files.h"
#include "compare/curve.h"
#include "data/prepare.h"
#include "evaluation/comparison.h"
#include "evaluation/evaluate.h"
#include "evaluation/stream_metrics.h"
#include "evaluation/window_results.h"
#include "methods/group_trainer.h"
#include "methods/popularity_prior.h"
#include "methods/snapshot_scorer.h"
#include "service/edit_model.h"
#include "service/slice_windows.h"
#include "store/journal.h"
#include "store/regions_file.h"
#include "training/metrics.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

struct Means {
  double recall = 0;
  double ndcg = 0;
};

class StreamRun {
 public:
  StreamRun(const CellInput& input, const fs::path& folder)
      : input_(input),
        data_(input.data),
        folder_(folder),
        last_(input.data.num_slices() - 1),
        setup_(MakeSetupWindows(data_, 0, WindowOptionsOf(data_))) {
    never_counted_ = setup_.removed_events;
    for (int j = 0; j <= last_; ++j) {
      parts_.push_back(j == 0
                           ? setup_.held_out
                           : SplitLastWindows(MakeWindows(data_, j, WindowOptionsOf(data_))).part);
      for (const Window& window : parts_[j].windows) never_counted_.push_back(window.target);
    }
    std::ranges::sort(never_counted_);
    after_.resize(last_ + 1, std::vector<Means>(last_ + 1));
    frozen_.resize(last_ + 1);
  }

  nlohmann::ordered_json Run() {
    const auto method = MakeMethod(input_.method, input_.context, input_.configuration.edit);
    method->Prepare(input_.setup, setup_.training);
    SaveRegions("regions_before", input_.setup.editor);
    Test(*method, 0);
    for (int i = 1; i <= last_; ++i) {
      Learn(*method, i);
      Test(*method, i);
      if (i < last_) RankFrozen(i + 1, method->prior());
    }
    if (method->snapshot() != nullptr) SaveRegions("regions_after", method->snapshot()->editor);
    WriteFileAtomically(folder_ / "next.windows", EncodeWindowResults(next_windows_));
    return Report();
  }

 private:
  RankedSet Rank(const Scorer& scorer, const WindowSet& windows, int catalogue_of,
                 const EarlierRequests* earlier = nullptr) const {
    return RankWindows(scorer, data_, windows,
                       {.context = WindowOptionsOf(data_).context,
                        .catalogue_size = data_.catalogue_size(catalogue_of),
                        .seen = SeenItemsOf(data_),
                        .popularity_slice = catalogue_of,
                        .earlier = earlier},
                       input_.context.Pass("evaluate"));
  }

  Means MeansOf(const Scorer& scorer, const WindowSet& windows, int catalogue_of,
                const EarlierRequests* earlier = nullptr) const {
    const RankedSet ranked = Rank(scorer, windows, catalogue_of, earlier);
    const RankMetrics means = Summarise(ranked.ranks, ranked.users).window_mean;
    return {means.recall[1], means.ndcg[1]};
  }

  void Learn(Method& method, int i) {
    const SliceWindows windows = MakeSliceWindows(data_, i);
    CheckHasTraining(windows, i, data_);
    const AdaptReport report = method.Adapt(MakeAdaptSlice(data_, i, windows));
    slices_.push_back({{"slice", i},
                       {"budget", BudgetToJson(report)},
                       {"edits", ToJson(report.edits)},
                       {"comparison", ToJson(report.comparison)},
                       {"drift", ToJson(report.drift, data_)}});
    if (report.prior.has_value()) slices_.back()["popularity_prior"] = ToJson(*report.prior);
    AddBudget(BudgetToJson(report));
    if (report.journal.empty()) return;
    WriteFileAtomically(folder_ / ("journal-" + std::to_string(i) + ".tsv"),
                        JournalText(report.journal, windows.training, data_));
  }

  // What was spent adds up over the slices; bytes, passes and regions are those at the end. The
  // share is that of all samples.
  void AddBudget(nlohmann::ordered_json of_slice) {
    for (const char* key :
         {"samples", "steps", "tuning_samples", "tuning_steps", "maximum_samples"}) {
      of_slice[key] = of_slice.at(key).get<std::int64_t>() + budget_.value(key, std::int64_t{0});
    }
    const auto maximum = of_slice.at("maximum_samples").get<double>();
    if (maximum > 0) of_slice["chosen_share"] = of_slice.at("samples").get<double>() / maximum;
    budget_ = std::move(of_slice);
  }

  void Test(const Method& method, int i) {
    const auto scorer = method.MakeScorer();
    std::optional<EarlierRequests> earlier;
    if (method.prior() != nullptr) earlier.emplace(data_, *method.prior(), i, never_counted_);
    for (int j = 0; j <= last_; ++j) {
      after_[i][j] =
          MeansOf(*scorer, parts_[j], std::min(i, j), earlier && j <= i ? &*earlier : nullptr);
    }
    if (i == last_) return;
    const WindowSet next = MakeWindows(data_, i + 1, WindowOptionsOf(data_));
    const RankedSet ranked = Rank(*scorer, next, i);
    const RankMetrics means = Summarise(ranked.ranks, ranked.users).window_mean;
    next_.push_back({means.recall[1], means.ndcg[1]});
    AppendResults(MakeWindowResults(data_, next, ranked, {}), next_windows_);
  }

  // Part j by the model of S, as a method ranks it that has learnt slice j - 1 and chosen `prior`.
  void RankFrozen(int j, const PopularityPrior* prior) {
    Snapshot frozen =
        Unadapted(WithCatalogue(input_.setup, data_.catalogue_size(j - 1), input_.context.seed));
    if (prior != nullptr) frozen.prior = std::make_shared<const PopularityPrior>(*prior);
    frozen_[j] = MeansOf(SnapshotScorer(std::make_shared<const Snapshot>(std::move(frozen))),
                         parts_[j], j - 1);
  }

  static Snapshot Unadapted(Snapshot snapshot) {
    snapshot.editor = {};
    snapshot.adapters.clear();
    return snapshot;
  }

  void SaveRegions(const char* name, const EditorState& state) const {
    if (state.regions.size() == 0) return;
    fs::create_directories(folder_ / name);
    SaveEditorState(folder_ / name, state);
  }

  nlohmann::ordered_json Matrix(double Means::*metric) const {
    // Before slice 1 nothing has chosen a prior: part 0 would measure the prior.
    const bool prior = input_.configuration.edit.popularity_prior.use == PriorUse::kOn;
    StreamMatrix matrix{.first_learnt = prior ? 1u : 0u};
    for (const auto& row : after_) {
      auto& values = matrix.after.emplace_back();
      for (const Means& means : row) values.push_back(means.*metric);
    }
    for (const Means& means : next_) matrix.next.push_back(means.*metric);
    for (const Means& means : frozen_) matrix.frozen.push_back(means.*metric);
    const StreamMetrics metrics = MetricsOfStream(matrix);
    return {{"R", matrix.after},
            {"next", matrix.next},
            {"frozen", matrix.frozen},
            {"next_accuracy", metrics.next_accuracy},
            {"average_accuracy", metrics.average_accuracy},
            {"backward_transfer", OrNull(metrics.backward_transfer)},
            {"forward_transfer", OrNull(metrics.forward_transfer)},
            {"forgetting", OrNull(metrics.forgetting)}};
  }

  nlohmann::ordered_json Report() const {
    std::vector<std::int64_t> ranks;
    for (const std::int32_t rank : next_windows_.ranks) {
      ranks.push_back(rank == 0 ? kMissedRank : rank);
    }
    return {{"evaluation", {{"next", ToJson(Summarise(ranks, next_windows_.users))}}},
            {"stream", {{"recall@10", Matrix(&Means::recall)}, {"ndcg@10", Matrix(&Means::ndcg)}}},
            {"budget", budget_},
            {"slices", slices_}};
  }

  const CellInput& input_;
  const PreparedData& data_;
  fs::path folder_;
  int last_;
  SetupWindows setup_;
  std::vector<WindowSet> parts_;             // of each slice
  std::vector<std::int64_t> never_counted_;  // rows of targets held out, sorted
  std::vector<std::vector<Means>> after_;
  std::vector<Means> next_;
  std::vector<Means> frozen_;
  WindowResults next_windows_;
  nlohmann::ordered_json slices_ = nlohmann::ordered_json::array();
  nlohmann::ordered_json budget_ = nlohmann::ordered_json::object();
};

}  // namespace

nlohmann::ordered_json RunStream(const CellInput& input, const fs::path& folder) {
  return StreamRun(input, folder).Run();
}

}  // namespace raie
