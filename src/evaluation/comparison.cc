#include "evaluation/comparison.h"

#include <algorithm>

namespace raie {
namespace {

// `preset`'s editing, gate and replay; everything else as in `options`.
AdaptOptions WithEditor(const AdaptOptions& options, EditorPreset preset) {
  const AdaptOptions own = AdaptOptions::Preset(preset, Protocol::kStrict);
  AdaptOptions result = options;
  result.editor = own.editor;
  result.gate = own.gate;
  result.keep_gate = own.keep_gate;
  result.rho = own.rho;
  return result;
}

class MeanOver {
 public:
  MeanOver(std::span<const ComparisonRow> rows, const std::string& label) {
    for (const ComparisonRow& row : rows) {
      if (row.label == label) rows_.push_back(&row);
    }
  }

  template <class Value>
  double Of(const Value& value) const {
    double sum = 0;
    for (const ComparisonRow* row : rows_) sum += static_cast<double>(value(*row));
    return sum / static_cast<double>(rows_.size());
  }

  std::int64_t InSampleWindows() const { return rows_[0]->evaluation.in_sample.windows; }

  nlohmann::ordered_json Part(RankSummary EvaluationReport::*part) const {
    const auto mean = [&](const auto& of) {
      return Of([&](const ComparisonRow& row) { return of((row.evaluation.*part).window_mean); });
    };
    return {{"windows", (rows_[0]->evaluation.*part).windows},
            {"recall@10", mean([](const RankMetrics& means) { return means.recall[1]; })},
            {"ndcg@10", mean([](const RankMetrics& means) { return means.ndcg[1]; })}};
  }

 private:
  std::vector<const ComparisonRow*> rows_;
};

}  // namespace

std::vector<ComparedMethod> StandardComparison(const AdaptOptions& options) {
  return {{"frozen", "frozen", options},
          {"one LoRA", "lora", options},
          {"LoRA of RAIE's size", "lora_big", WithEditor(options, EditorPreset::kRaie)},
          {"RAIE --editor paper", "raie", WithEditor(options, EditorPreset::kPaper)},
          {"RAIE", "raie", WithEditor(options, EditorPreset::kRaie)}};
}

Learnt LearnFromSlice(const ComparedMethod& compared, const RunContext& context,
                      const ComparisonRequest& request) {
  Learnt learnt{MakeMethod(compared.method, context, compared.options), {}};
  learnt.method->Prepare(request.setup, request.setup_windows.training);
  learnt.report = learnt.method->Adapt(request.slice);
  return learnt;
}

std::vector<ComparisonRow> CompareMethods(std::span<const ComparedMethod> methods,
                                          const PreparedData& data,
                                          const ComparisonRequest& request, TaskPool& pool) {
  std::vector<ComparisonRow> rows;
  for (const std::uint64_t seed : request.seeds) {
    for (const ComparedMethod& compared : methods) {
      const ProgressObserver observer = [&](const Progress& progress) {
        Progress named = progress;
        named.phase = compared.label + ", seed " + std::to_string(seed) + ": " + progress.phase;
        request.observer(named);
      };
      const RunContext context{.data = data,
                               .pool = pool,
                               .seed = seed,
                               .observer = request.observer ? observer : nullptr,
                               .cancel = request.cancel,
                               .refit = request.refit};
      Learnt learnt = LearnFromSlice(compared, context, request);
      ComparisonRow row{.label = compared.label,
                        .seed = seed,
                        .evaluation = {},
                        .adapt = std::move(learnt.report)};
      EvaluationRequest evaluation = request.evaluation;
      evaluation.catalogue_size = request.slice.catalogue_size;
      evaluation.prior = learnt.method->prior();
      row.evaluation =
          Evaluate(*learnt.method->MakeScorer(), data, evaluation, context.Pass("evaluate"));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

nlohmann::ordered_json RegionsToJson(const AdaptReport& report) {
  auto regions = nlohmann::ordered_json::array();
  for (const RegionTraining& region : report.regions) {
    regions.push_back({{"region", Index(region.region)},
                       {"gate", EnumNames(GateVerdict{})[static_cast<int>(region.gate)]},
                       {"trained", region.trained},
                       {"kept", region.kept},
                       {"new_windows", region.new_windows},
                       {"memory_windows", region.memory_windows},
                       {"rows_per_step", region.rows_per_step}});
    // A region that only the whole slice has added was not there to be asked.
    const auto gain = std::ranges::find(report.gains, region.region, &RegionGain::region);
    if (gain == report.gains.end()) continue;
    regions.back().update({{"gain", -gain->change},
                           {"gain_users", gain->users},
                           {"gain_p_value", gain->p_value},
                           {"gain_p_adjusted", gain->p_adjusted}});
  }
  return regions;
}

nlohmann::ordered_json ToJson(const PriorChoice& choice) {
  constexpr double kDay = 86400;
  const auto about = [](const PriorCandidate& candidate) -> nlohmann::ordered_json {
    return {{"weight", candidate.weight},
            {"half_life_days", candidate.half_life_seconds / kDay},
            {"F_validation_ndcg@10", candidate.validation_ndcg10}};
  };
  nlohmann::ordered_json json = about(choice.chosen);
  json["without_prior"] = choice.candidates[0].validation_ndcg10;
  auto& candidates = json["candidates"] = nlohmann::ordered_json::array();
  for (const PriorCandidate& candidate : choice.candidates) candidates.push_back(about(candidate));
  return json;
}

nlohmann::ordered_json ToJson(std::span<const ComparisonRow> rows) {
  auto json = nlohmann::ordered_json::array();
  std::vector<std::string> done;
  for (const ComparisonRow& first : rows) {
    if (std::find(done.begin(), done.end(), first.label) != done.end()) continue;
    done.push_back(first.label);
    const MeanOver mean(rows, first.label);
    const auto adapt = [&](const auto& of) {
      return mean.Of([&](const ComparisonRow& row) { return of(row.adapt); });
    };
    json.push_back(
        {{"method", first.label},
         {"S_held_out", mean.Part(&EvaluationReport::held_out)},
         {"T", mean.Part(&EvaluationReport::test)},
         {"seconds", adapt([](const AdaptReport& a) { return a.seconds; })},
         {"samples", adapt([](const AdaptReport& a) { return a.training.samples; })},
         {"tuning_samples", adapt([](const AdaptReport& a) { return a.tuning.samples; })},
         {"steps", adapt([](const AdaptReport& a) { return a.training.steps; })},
         {"trained_parameters",
          adapt([](const AdaptReport& a) { return a.training.trained_parameters; })},
         {"bytes_kept", adapt([](const AdaptReport& a) { return a.bytes_kept; })},
         {"chosen_share", adapt([](const AdaptReport& a) { return a.chosen_share; })},
         {"forward_passes", adapt([](const AdaptReport& a) { return a.forward_passes; })},
         {"expanded", adapt([](const AdaptReport& a) { return a.edits.expanded; })},
         {"regions_added", adapt([](const AdaptReport& a) { return a.edits.regions_added; })}});
    if (mean.InSampleWindows() > 0) {
      json.back()["S_in_sample"] = mean.Part(&EvaluationReport::in_sample);
    }
    const auto of_seeds = [&](const auto& of) {
      auto list = nlohmann::ordered_json::array();
      for (const ComparisonRow& row : rows) {
        if (row.label == first.label) list.push_back(of(row.adapt));
      }
      return list;
    };
    if (!first.adapt.regions.empty()) json.back()["regions"] = of_seeds(RegionsToJson);
    if (!first.adapt.prior.has_value()) continue;
    json.back()["prior_seconds"] = adapt([](const AdaptReport& a) { return a.prior->seconds; });
    json.back()["priors"] = of_seeds([](const AdaptReport& a) { return ToJson(*a.prior); });
  }
  return json;
}

}  // namespace raie
