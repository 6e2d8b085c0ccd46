#include "compare/fitted_models.h"

#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/files.h"
#include "base/options_json.h"
#include "methods/setup.h"
#include "service/fit_model.h"
#include "service/keep_border.h"
#include "store/model_directory.h"

namespace raie {
namespace {

namespace fs = std::filesystem;

std::string ShortDigest(const std::string& text) {
  return DigestOf(std::as_bytes(std::span(text))).substr(0, 12);
}

}  // namespace

FittedModels::FittedModels(const PreparedData& data, fs::path folder)
    : data_(data), folder_(std::move(folder)) {}

fs::path FittedModels::PlaceOf(const Configuration& configuration) const {
  const std::string settings = SectionsToJson(configuration, {"backbone", "fit"}).dump();
  return fs::path("fits") / configuration.backbone.name /
         ("seed-" + std::to_string(configuration.seed) + "-" + ShortDigest(settings));
}

bool FittedModels::Has(const Configuration& configuration) const {
  return fs::exists(folder_ / PlaceOf(configuration));
}

const Snapshot& FittedModels::Get(const Configuration& configuration, const PhaseControl& control) {
  const fs::path path = folder_ / PlaceOf(configuration);
  if (!fs::exists(path)) {
    fs::create_directories(path.parent_path());
    const Resume resume = fs::exists(CheckpointOf(path)) ? Resume::kYes : Resume::kNo;
    const Settings settings = KeepingBorderWherePossible(control.settings);
    FitModelDirectory(data_, path, resume, control.With(settings));
  }
  if (fit_key_ != path) {
    fitted_ = ForData(ModelDirectory::Open(path).LoadSnapshot(0), data_);
    NoteArithmetic(control, *fitted_.backbone);
    fitted_.editor = {};
    fit_key_ = path;
    regions_key_.clear();
    plain_ = fitted_.backbone;
    border_layer_ = 0;
  }
  KeepBorder(configuration, control);
  if (!FindsRegions(data_)) return fitted_;
  const std::string regions_key = SectionsToJson(configuration, {"regions"}).dump() +
                                  OptionsToJson(configuration.edit.editor).dump();
  if (regions_key_ != regions_key) {
    StartPhase(control, "regions");
    with_regions_ = AddRegions(fitted_, data_, configuration, control.Pass("regions"));
    regions_key_ = regions_key;
  }
  with_regions_.backbone = fitted_.backbone;
  return with_regions_;
}

void FittedModels::KeepBorder(const Configuration& configuration, const PhaseControl& control) {
  const std::int64_t layer =
      BorderLayer(*plain_, configuration.border, BorderRequestOf(configuration.edit));
  if (layer == border_layer_) return;
  border_layer_ = layer;
  fitted_.backbone = plain_;
  if (layer == 0) return;
  fitted_ = KeepingBorder(std::move(fitted_), configuration, WindowsOfAllSlices(data_), control);
}

}  // namespace raie
