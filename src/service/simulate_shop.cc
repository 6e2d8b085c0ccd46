#include "service/simulate_shop.h"

#include <nlohmann/json.hpp>

#include "base/output_folder.h"
#include "service/configuration.h"

namespace raie {

SimulatorOptions SimulatorOptionsOf(const Settings& settings) {
  const Configuration configuration = Configure(settings);
  SimulatorOptions options = configuration.simulate;
  if (IsGiven(settings, "seed")) options.seed = configuration.seed;
  return options;
}

nlohmann::ordered_json SimulateShopFolder(const std::filesystem::path& output,
                                          const PhaseControl& control) {
  CheckMayReplace(output, "truth.json", kShopFiles);
  StartPhase(control, "simulating");
  const Simulation simulation = SimulateLog(SimulatorOptionsOf(control.settings), control.pool);
  StartPhase(control, "writing");
  SaveSimulation(simulation, output, control.pool);
  return {{"users", simulation.log.user_ids.size()},
          {"items", simulation.log.item_ids.size()},
          {"events", simulation.log.size()},
          {"drifting", simulation.truth.drifting}};
}

}  // namespace raie
