#include "service/fit_model.h"

#include <string>

#include "base/options_json.h"
#include "base/random.h"
#include "data/windows.h"
#include "methods/setup.h"
#include "methods/window_states.h"
#include "raie/error.h"
#include "training/fit_start.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

constexpr int kSetupSlice = 0;
constexpr std::uint64_t kRegionsPart = 1;  // of the seed

bool IsLeaveLastOut(const PreparedData& data) { return data.contexts_cross_slices(); }

void CheckWindows(const SetupWindows& windows, const Configuration& configuration,
                  const PreparedData& data) {
  const auto refuse = [](const std::string& what, ErrorCode code = ErrorCode::kNotFound) {
    throw Error(code, "cannot fit: " + what);
  };
  const std::string shorter =
      "prepare the data with a smaller --context, or with slices that hold more";
  if (windows.training.size() == 0) {
    refuse("slice 0 has no training windows (contexts of " +
           std::to_string(WindowOptionsOf(data).context) + " items); " + shorter);
  }
  if (!FindsRegions(data)) return;
  if (windows.held_out.size() == 0) {
    refuse("slice 0 has no held-out windows, which tau and delta are calibrated on; " + shorter);
  }
  const auto points =
      static_cast<std::int64_t>(FindDistinctContexts(windows.training).window_of_row.size());
  if (configuration.regions.k > points) {
    refuse("regions.k = " + std::to_string(configuration.regions.k) + " regions from " +
               std::to_string(points) + " different windows; set regions.k to at most that",
           ErrorCode::kInvalidArgument);
  }
}

FitRequest RequestFor(const PreparedData& data, const Configuration& configuration,
                      const PhaseControl& control) {
  FitRequest request{.data = data};
  request.slice = kSetupSlice;
  request.windows = WindowOptionsOf(data);
  request.catalogue_size = FittedCatalogue(data);
  request.seen = SeenItemsOf(data);
  request.seed = configuration.seed;
  request.backbone = OptionsToJson(configuration.backbone).dump();
  request.observer = control.progress;
  request.cancel = control.cancel;
  return request;
}

nlohmann::ordered_json ReportOf(const FitOutcome& model) {
  nlohmann::ordered_json epochs = nlohmann::ordered_json::array();
  for (const FitEpoch& epoch : model.fit.epochs) {
    epochs.push_back({{"epoch", epoch.epoch},
                      {"loss", epoch.loss},
                      {"validation_ndcg@10", epoch.validation_ndcg10},
                      {"validation_recall@10", epoch.validation_recall10}});
  }
  return {{"best_epoch", model.fit.best_epoch},
          {"steps", model.fit.steps},
          {"samples", model.fit.samples},
          {"tau", model.snapshot.editor.calibration.tau},
          {"delta", model.snapshot.editor.calibration.delta},
          {"regions", RegionsToJson(model.snapshot.editor.regions, model.region_sizes)},
          {"epochs", epochs}};
}

}  // namespace

bool FindsRegions(const PreparedData& data) {
  return !IsLeaveLastOut(data) && OptionsOf(data).protocol != Protocol::kAsReleased;
}

Configuration ConfigureFit(const PreparedData& data, const Settings& settings) {
  const Protocol protocol = OptionsOf(data).protocol;
  Configuration configuration = Configure(settings, protocol);
  if (!IsGiven(settings, "backbone." + configuration.backbone.name + ".context")) {
    ContextOf(configuration.backbone) = WindowOptionsOf(data).context;
  }
  if (protocol == Protocol::kAsReleased && configuration.backbone.name != "sasrec") {
    throw Error(
        ErrorCode::kInvalidArgument,
        "protocol as-released reproduces the published SASRec only, not " +
            configuration.backbone.name +
            "; leave the backbone out, or prepare the data with --protocol strict or paper");
  }
  return configuration;
}

Snapshot AddRegions(const Snapshot& fitted, const PreparedData& data,
                    const Configuration& configuration, const PassRun& run,
                    KMeansResult* clustering) {
  const SetupWindows windows = MakeSetupWindows(data, kSetupSlice, WindowOptionsOf(data));
  CheckWindows(windows, configuration, data);
  DiscoveryOptions options = configuration.regions;
  options.seed = DeriveSeed(static_cast<std::uint64_t>(configuration.seed), kRegionsPart);
  return WithRegions(fitted, data, windows, options, configuration.edit.editor, run, clustering);
}

ModelInfo DescribeModel(const PreparedData& data, const Configuration& configuration) {
  ModelInfo info;
  info.backbone = configuration.backbone;
  info.windows = WindowOptionsOf(data);
  info.masks_seen = MasksContext(data);
  info.reads_slices = !IsLeaveLastOut(data);
  info.data_digest = data.lineage()[kSetupSlice];
  info.configuration = SectionsToJson(configuration, {"", "backbone", "fit", "regions", "edit"});
  return info;
}

nlohmann::ordered_json RegionsToJson(const RegionSet& regions,
                                     const std::vector<std::int64_t>& sizes) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::int64_t k = 0; k < regions.size(); ++k) {
    list.push_back({{"region", Index(regions.regions[k].id)},
                    {"contexts", sizes[k]},
                    {"radius_rad", regions.regions[k].radius_rad}});
  }
  return list;
}

void CreateModel(const fs::path& path, const ModelInfo& info, const Snapshot& snapshot,
                 const PreparedData& data) {
  VersionInfo first;
  first.slice = snapshot.slice;
  first.catalogue_size = snapshot.catalogue_size;
  first.old_catalogue_size = snapshot.old_catalogue_size;
  first.data_digest = info.data_digest;
  first.configuration = info.configuration;
  first.report = info.report;
  ModelDirectory::Create(
      path, info,
      {.snapshot = snapshot, .names = NamesOf(data, first.catalogue_size), .info = first});
}

fs::path CheckpointOf(const fs::path& model) {
  fs::path path = model.has_filename() ? model : model.parent_path();
  path += ".checkpoint";
  return path;
}

FitOutcome FitInMemory(const PreparedData& data, const fs::path& checkpoint, Resume resume,
                       const PhaseControl& control) {
  FitOutcome model;
  model.configuration = ConfigureFit(data, control.settings);
  const Configuration& configuration = model.configuration;
  configuration.edit.Validate();
  const SetupWindows windows = MakeSetupWindows(data, kSetupSlice, WindowOptionsOf(data));
  CheckWindows(windows, configuration, data);

  FitRequest request = RequestFor(data, configuration, control);
  request.checkpoint = checkpoint;
  request.resume = resume == Resume::kYes;
  const auto seed = static_cast<std::uint64_t>(configuration.seed);
  FittedBackbone fitted =
      FitFromStart({.backbone = configuration.backbone,
                    .backbone_seed = seed,
                    .rows_seed = seed,
                    .border = configuration.border,
                    .note = control.note,
                    .made = [&](const Backbone& made) { NoteArithmetic(control, made); }},
                   configuration.fit, request, control.pool);
  model.fit = std::move(fitted.report);
  model.snapshot = MakeFittedSnapshot({.backbone = std::move(fitted.backbone),
                                       .items = std::move(fitted.items),
                                       .catalogue_size = request.catalogue_size});
  if (FindsRegions(data)) {
    StartPhase(control, "regions");
    KMeansResult clustering;
    model.snapshot =
        AddRegions(model.snapshot, data, configuration, control.Pass("regions"), &clustering);
    model.region_sizes = clustering.counts;
  }

  model.info = DescribeModel(data, configuration);
  model.info.report = ReportOf(model);
  return model;
}

nlohmann::ordered_json FitModelDirectory(const PreparedData& data, const fs::path& path,
                                         Resume resume, const PhaseControl& control) {
  ModelDirectory::CheckNotThere(path);
  const fs::path checkpoint = CheckpointOf(path);
  if (resume == Resume::kYes && !fs::exists(checkpoint)) {
    throw Error(ErrorCode::kNotFound, "there is no checkpoint " + checkpoint.string() +
                                          " to go on from; run raie fit without --resume");
  }
  if (resume == Resume::kNo && fs::exists(checkpoint)) {
    throw Error(ErrorCode::kInvalidArgument,
                checkpoint.string() +
                    " is of a fit that was stopped: go on with it by --resume, or "
                    "remove it to begin anew");
  }
  const FitOutcome model = FitInMemory(data, checkpoint, resume, control);
  CheckNotCancelled(control, "the model was written; raie fit --resume goes on");
  StartPhase(control, "writing");
  CreateModel(path, model.info, model.snapshot, data);
  std::error_code error;
  fs::remove_all(checkpoint, error);
  return model.info.report;
}

}  // namespace raie
