#include "service/demo.h"

#include <chrono>
#include <limits>
#include <memory>

#include "data/prepare.h"
#include "evaluation/evaluate.h"
#include "methods/method.h"
#include "methods/slice_plan.h"
#include "service/edit_model.h"
#include "service/fit_model.h"
#include "service/shop_truth.h"
#include "service/slice_windows.h"

namespace raie {
namespace {

constexpr int kLearnSlice = 1;
constexpr int kTestSlice = 2;

struct Contender {
  const char* method;
  EditorPreset editor;
  const char* label;
};
constexpr Contender kContenders[] = {
    {"frozen", EditorPreset::kRaie, "frozen"},
    {"lora", EditorPreset::kRaie, "one LoRA"},
    {"lora_big", EditorPreset::kRaie, "LoRA of RAIE's size"},
    {"raie", EditorPreset::kPaper, "RAIE --editor paper"},
    {"raie", EditorPreset::kRaie, "RAIE"},
};

// The fitted model and the slice all methods learn from.
struct Stage {
  const PreparedData& data;
  const FitOutcome& model;
  const SliceWindows& windows;
  const PhaseControl& control;

  AdaptSlice slice() const {
    return {.slice = kLearnSlice,
            .windows = &windows.training,
            .memory = &windows.memory,
            .reference = &windows.reference,
            .catalogue_size = data.catalogue_size(kLearnSlice),
            .context = model.info.windows.context,
            .context_items = model.info.masks_seen ? ContextItems::kMasked : ContextItems::kRanked};
  }
  RunContext context() const {
    return {.data = data,
            .pool = control.pool,
            .seed = static_cast<std::uint64_t>(model.configuration.seed),
            .observer = control.progress,
            .cancel = control.cancel};
  }
};

AdaptOptions OptionsFor(const Stage& stage, EditorPreset editor) {
  Settings settings = stage.control.settings;
  settings.values.push_back(
      {"editor", EnumNames(EditorPreset{})[static_cast<int>(editor)], "demo"});
  return Configure(settings, OptionsOf(stage.data).protocol).edit;
}

nlohmann::ordered_json RunContender(const Stage& stage, const Contender& contender) {
  if (stage.control.progress) stage.control.progress({.phase = contender.label});
  const auto method =
      MakeMethod(contender.method, stage.context(), OptionsFor(stage, contender.editor));
  method->Prepare(stage.model.snapshot, stage.windows.memory);
  const auto begin = std::chrono::steady_clock::now();
  const AdaptReport report = method->Adapt(stage.slice());
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  CheckNotCancelled(stage.control, "the comparison was complete");
  EvaluationRequest request;
  request.windows = stage.model.info.windows;
  request.test_slice = kTestSlice;
  request.catalogue_size = stage.data.catalogue_size(kLearnSlice);
  request.context_items = stage.slice().context_items;
  request.setup_part = SetupPart::kHeldOutOnly;
  const EvaluationReport ranks =
      Evaluate(*method->MakeScorer(), stage.data, request, stage.control.pool);
  return {{"method", contender.label},
          {"S_held_out", ToJson(ranks.held_out)},
          {"T", ToJson(ranks.test)},
          {"samples", report.training.samples},
          {"trained_parameters", report.training.trained_parameters},
          {"seconds", seconds}};
}

void AddTruth(const Stage& stage, const SlicePlan& plan, const SimulationTruth& truth,
              nlohmann::ordered_json& result) {
  std::vector<RegionId> regions;
  std::vector<double> drift;
  for (const RegionDriftReport& region : plan.drift->regions) {
    regions.push_back(region.drift.region);
    drift.push_back(region.drift.drift);
  }
  const ShopTruth match =
      CompareWithTruth(stage.data, stage.windows.training, plan.new_regions, regions, truth);
  for (std::size_t k = 0; k < regions.size(); ++k) {
    auto& line = result["drift"][k];
    line["true_interest"] = match.regions[k].main_interest;
    line["true_interest_share"] = match.regions[k].main_share;
    line["drifted_traffic"] = match.regions[k].drifted_share;
  }
  const auto correlation = DriftRankCorrelation(drift, match.regions);
  result["truth"] = {
      {"drifting_interests", truth.drifting},
      {"adjusted_rand", match.adjusted_rand},
      {"rank_correlation", correlation.value_or(std::numeric_limits<double>::quiet_NaN())}};
}

}  // namespace

Settings DemoSettings(const Settings& given) {
  Settings settings;
  // Sizes that finish in two minutes on two cores; item rows as the paper's text has them.
  settings.values = {
      {"backbone.sasrec.dim", "64", "demo"}, {"fit.adam.learning_rate", "1e-3", "demo"},
      {"fit.max_epochs", "60", "demo"},      {"fit.patience_epochs", "6", "demo"},
      {"fit.patience_steps", "100", "demo"}, {"regions.k", "8", "demo"},
      {"edit.item_rows", "frozen", "demo"}};
  // Files come before single values, so a file's keys must win over the demo's by themselves.
  if (!given.files.empty()) settings.values.clear();
  settings.files = given.files;
  settings.values.insert(settings.values.end(), given.values.begin(), given.values.end());
  return settings;
}

Simulation SimulateDemoShop(const std::filesystem::path& folder, const PhaseControl& control) {
  StartPhase(control, "simulating a shop");
  const Configuration configuration = Configure(control.settings);
  SimulatorOptions options = configuration.simulate;
  if (IsGiven(control.settings, "seed")) options.seed = configuration.seed;
  Simulation simulation = SimulateLog(options, control.pool);
  PrepareData(simulation.log, configuration.prepare, folder / "data", control.pool);
  return simulation;
}

nlohmann::ordered_json RunDemo(const PreparedData& data, const SimulationTruth* truth,
                               const PhaseControl& control) {
  const auto begin = std::chrono::steady_clock::now();
  const FitOutcome model = FitInMemory(data, {}, Resume::kNo, control);
  const double fit_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const SliceWindows windows = MakeSliceWindows(data, kLearnSlice);
  const Stage stage{data, model, windows, control};

  StartPhase(control, "measuring drift");
  const SlicePlan plan = MeasureSliceDrift(stage.context(), OptionsFor(stage, EditorPreset::kRaie),
                                           model.snapshot, stage.slice());
  nlohmann::ordered_json result = {
      {"data",
       {{"users", data.num_users()},
        {"items", data.num_items()},
        {"events", data.items().size()},
        {"S_windows", windows.memory.size()},
        {"F_windows", windows.training.size()}}},
      {"fit", {{"best_epoch", model.fit.best_epoch}, {"seconds", fit_seconds}}},
      {"edits", ToJson(plan.edits.summary)},
      {"drift", ToJson(*plan.drift, data)},
      {"methods", nlohmann::ordered_json::array()},
      {"truth", nullptr}};
  if (truth != nullptr) AddTruth(stage, plan, *truth, result);
  for (const Contender& contender : kContenders) {
    CheckNotCancelled(control, "the comparison was complete");
    result["methods"].push_back(RunContender(stage, contender));
  }
  return result;
}

}  // namespace raie
