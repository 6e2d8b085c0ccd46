#include "compare/fitted_models.h"

#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/files.h"
#include "base/options_json.h"
#include "methods/setup.h"
#include "service/fit_model.h"
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
    FitModelDirectory(data_, path, resume, control);
  }
  if (fit_key_ != path) {
    fitted_ = ForData(ModelDirectory::Open(path).LoadSnapshot(0), data_);
    fitted_.editor = {};
    fit_key_ = path;
    regions_key_.clear();
  }
  if (!FindsRegions(data_)) return fitted_;
  const std::string regions_key = SectionsToJson(configuration, {"regions"}).dump() +
                                  OptionsToJson(configuration.edit.editor).dump();
  if (regions_key_ != regions_key) {
    StartPhase(control, "regions");
    with_regions_ = AddRegions(fitted_, data_, configuration, control.pool);
    regions_key_ = regions_key;
  }
  return with_regions_;
}

}  // namespace raie
