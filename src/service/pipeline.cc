#include "raie/pipeline.h"

#include <functional>
#include <nlohmann/json.hpp>

#include "data/prepare.h"
#include "data/read_log.h"
#include "service/configuration.h"
#include "service/edit_model.h"
#include "service/fit_model.h"
#include "service/import_model.h"
#include "service/simulate_shop.h"

namespace raie {
namespace {

std::string WithPool(const RunControl& control,
                     const std::function<nlohmann::ordered_json(const PhaseControl&)>& run) {
  TaskPool pool(static_cast<int>(Configure(control.settings).threads));
  return run({control.settings, pool, control.progress, control.cancel, control.note}).dump(2) +
         "\n";
}

}  // namespace

std::string SimulateShop(const std::filesystem::path& output, const RunControl& control) {
  return WithPool(control,
                  [&](const PhaseControl& phase) { return SimulateShopFolder(output, phase); });
}

std::string PrepareLogs(const std::vector<std::string>& inputs, const std::filesystem::path& output,
                        const RunControl& control) {
  return WithPool(control, [&](const PhaseControl& phase) -> nlohmann::ordered_json {
    const Configuration configuration = Configure(control.settings);
    CheckMayPrepare(output);
    const ReadResult read = ReadLog(inputs, configuration.read, phase.pool);
    const PrepareReport report =
        PrepareData(read.log, configuration.prepare, output, phase.pool, ToJson(read.report));
    return {{"read", ToJson(read.report)}, {"prepared", ToJson(report)}};
  });
}

std::string FitModel(const std::filesystem::path& data, const std::filesystem::path& model,
                     const RunControl& control) {
  return WithPool(control, [&](const PhaseControl& phase) {
    return FitModelDirectory(PreparedData::Load(data), model, Resume::kNo, phase);
  });
}

std::string ImportModel(const std::filesystem::path& from, const std::filesystem::path& map,
                        const std::filesystem::path& data, const std::filesystem::path& model,
                        const RunControl& control) {
  return WithPool(control, [&](const PhaseControl& phase) {
    return ImportModelDirectory({.from = from, .map = map, .model = model},
                                PreparedData::Load(data), phase);
  });
}

std::string EditModel(const std::filesystem::path& model, const std::filesystem::path& data,
                      int slice, const RunControl& control) {
  return WithPool(control, [&](const PhaseControl& phase) {
    return EditModelDirectory(model, PreparedData::Load(data), slice, phase);
  });
}

}  // namespace raie
