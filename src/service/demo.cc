#include "service/demo.h"

#include <limits>

#include "base/stopwatch.h"
#include "data/prepare.h"
#include "data/truth.h"
#include "evaluation/comparison.h"
#include "evaluation/truth_agreement.h"
#include "methods/slice_plan.h"
#include "service/edit_model.h"
#include "service/fit_model.h"
#include "service/keep_border.h"
#include "service/simulate_shop.h"
#include "service/slice_windows.h"

namespace raie {
namespace {

constexpr int kLearnSlice = 1;
constexpr int kTestSlice = 2;

bool IsAsReleased(const PreparedData& data) {
  return OptionsOf(data).protocol == Protocol::kAsReleased;
}

// The fitted model and the slice all methods learn from.
struct Stage {
  const PreparedData& data;
  const FitOutcome& model;
  const SliceWindows& windows;
  const PhaseControl& control;
  std::uint64_t seed;

  AdaptSlice slice() const { return MakeAdaptSlice(data, kLearnSlice, windows); }
};

SlicePlan MeasureDriftOf(const Stage& stage) {
  StartPhase(stage.control, "measuring drift");
  const RunContext context{.data = stage.data,
                           .pool = stage.control.pool,
                           .seed = stage.seed,
                           .observer = stage.control.progress,
                           .cancel = stage.control.cancel};
  return MeasureSliceDrift(context, stage.model.configuration.edit, stage.model.snapshot,
                           stage.slice());
}

// The methods of StandardComparison; what the user set wins over the editors' presets.
std::vector<ComparedMethod> Contenders(const Stage& stage) {
  const auto with = [&](EditorPreset editor) {
    Settings settings = stage.control.settings;
    settings.values.push_back(
        {"editor", EnumNames(EditorPreset{})[static_cast<int>(editor)], "demo"});
    return Configure(settings, OptionsOf(stage.data).protocol).edit;
  };
  std::vector<ComparedMethod> methods = StandardComparison(with(EditorPreset::kRaie));
  for (ComparedMethod& method : methods) {
    const bool paper = method.label.find("paper") != std::string::npos;
    method.options = with(paper ? EditorPreset::kPaper : EditorPreset::kRaie);
  }
  return methods;
}

// as-released: what is reproduced of the published code.
std::vector<ComparedMethod> ReleasedContenders(const Stage& stage) {
  const AdaptOptions& options = stage.model.configuration.edit;
  return {{"frozen (as released)", "frozen", options},
          {"one LoRA (as released)", "lora", options},
          {"RAIE (as released)", "raie", options}};
}

nlohmann::ordered_json Compare(const Stage& stage) {
  const SetupWindows setup = MakeSetupWindows(stage.data, 0, stage.model.info.windows);
  const AdaptSlice slice = stage.slice();
  ComparisonRequest request{.setup = stage.model.snapshot,
                            .setup_windows = setup,
                            .slice = slice,
                            .evaluation = {},
                            .seeds = std::span(&stage.seed, 1),
                            .observer = stage.control.progress,
                            .cancel = stage.control.cancel};
  const RefitOptions refit{stage.model.configuration.backbone, stage.model.configuration.fit,
                           stage.model.configuration.regions,
                           WherePossible(stage.model.configuration.border)};
  request.refit = &refit;
  const bool released = IsAsReleased(stage.data);
  request.evaluation.windows = stage.model.info.windows;
  request.evaluation.test_slice = kTestSlice;
  request.evaluation.catalogue_size = slice.catalogue_size;
  request.evaluation.seen = slice.seen;
  request.evaluation.setup_part = released ? SetupPart::kAll : SetupPart::kHeldOutOnly;
  const auto methods = released ? ReleasedContenders(stage) : Contenders(stage);
  return ToJson(CompareMethods(methods, stage.data, request, stage.control.pool));
}

void AddTruth(const Stage& stage, const SlicePlan& plan, const SimulationTruth& truth,
              nlohmann::ordered_json& result) {
  const TruthAgreement match =
      CompareWithTruth(plan, stage.windows.training, AlignTruth(truth, stage.data));
  for (std::size_t k = 0; k < match.regions.size(); ++k) {
    auto& line = result["drift"][k];
    line["true_interest"] = match.regions[k].main_interest;
    line["true_interest_share"] = match.regions[k].main_share;
    line["drifted_traffic"] = match.regions[k].drifted_share;
  }
  result["truth"] = {{"drifting_interests", truth.drifting},
                     {"adjusted_rand", match.adjusted_rand},
                     {"rank_correlation",
                      match.drift_correlation.value_or(std::numeric_limits<double>::quiet_NaN())}};
}

}  // namespace

std::vector<Setting> DemoDefaults() {
  // Sizes that finish in two minutes on two cores; item rows as the paper's text has them.
  return {{"backbone.sasrec.dim", "64", "demo"},
          {"backbone.tisasrec.dim", "64", "demo"},
          {"fit.adam.learning_rate", "3e-3", "demo"},
          {"fit.batch_size", "128", "demo"},
          {"fit.max_epochs", "20", "demo"},
          {"fit.patience_epochs", "4", "demo"},
          {"fit.patience_steps", "0", "demo"},
          {"regions.k", "8", "demo"},
          {"edit.item_rows", "frozen", "demo"},
          {"edit.learning_rate", "2e-3", "demo"},
          {"edit.epochs", "1", "demo"}};
}

Simulation SimulateDemoShop(const std::filesystem::path& folder, const PhaseControl& control) {
  StartPhase(control, "simulating a shop");
  const Configuration configuration = Configure(control.settings);
  Simulation simulation = SimulateLog(SimulatorOptionsOf(control.settings), control.pool);
  PrepareData(simulation.log, configuration.prepare, folder / "data", control.pool);
  return simulation;
}

nlohmann::ordered_json RunDemo(const PreparedData& data, const SimulationTruth* truth,
                               const PhaseControl& control) {
  const Stopwatch watch;
  CheckBorder(ConfigureFit(data, control.settings), data);
  const Settings fit_settings = KeepingBorderWherePossible(control.settings);
  FitOutcome model = FitInMemory(data, {}, Resume::kNo, control.With(fit_settings));
  const double fit_seconds = watch.seconds();
  const SliceWindows windows = MakeSliceWindows(data, kLearnSlice);
  CheckHasTraining(windows, kLearnSlice, data);
  model.configuration.border = Configure(control.settings).border;
  model.snapshot = KeepingBorder(std::move(model.snapshot), model.configuration,
                                 WindowsOfAllSlices(data), control);
  const Stage stage{data, model, windows, control,
                    static_cast<std::uint64_t>(model.configuration.seed)};
  nlohmann::ordered_json result = {
      {"protocol", EnumNames(Protocol{})[static_cast<int>(OptionsOf(data).protocol)]},
      {"data",
       {{"users", data.num_users()},
        {"items", data.num_items()},
        {"events", data.items().size()},
        {"S_windows", windows.memory.size()},
        {"F_windows", windows.training.size()}}},
      {"fit", {{"best_epoch", model.fit.best_epoch}, {"seconds", fit_seconds}}},
      {"edits", nullptr},
      {"interval", model.configuration.edit.drift.interval},
      {"drift", nullptr},
      {"methods", nullptr},
      {"truth", nullptr}};
  if (!IsAsReleased(data)) {  // which knows no drift
    const SlicePlan plan = MeasureDriftOf(stage);
    result["edits"] = ToJson(plan.edits.summary);
    result["drift"] = ToJson(*plan.drift, data);
    if (truth != nullptr) AddTruth(stage, plan, *truth, result);
  }
  result["methods"] = Compare(stage);
  CheckNotCancelled(control, "the comparison was complete");
  return result;
}

}  // namespace raie
