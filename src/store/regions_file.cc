#include "store/regions_file.h"

#include <array>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "raie/error.h"
#include "tensorfile/safetensors.h"

namespace raie {
namespace {

constexpr char kNumbers[] = "regions.json";
constexpr char kVectors[] = "regions.safetensors";

nlohmann::ordered_json ToJson(const Region& region) {
  return {{"id", Index(region.id)},
          {"radius_rad", region.radius_rad},
          {"initial_radius_rad", region.initial_radius_rad},
          {"resultant_length", region.resultant_length},
          {"num_members", region.num_members},
          {"num_updates", region.num_updates},
          {"num_expands", region.num_expands}};
}

Region RegionFrom(const nlohmann::json& object) {
  Region region;
  region.id = RegionId{object.at("id").get<std::int32_t>()};
  region.radius_rad = object.at("radius_rad");
  region.initial_radius_rad = object.at("initial_radius_rad");
  region.resultant_length = object.at("resultant_length");
  region.num_members = object.at("num_members");
  region.num_updates = object.at("num_updates");
  region.num_expands = object.at("num_expands");
  return region;
}

EditorState StateFrom(const nlohmann::json& object) {
  EditorState state;
  state.regions.dim = object.at("dim");
  state.regions.starting_count = object.at("starting_count");
  state.regions.next_id = object.at("next_id");
  state.regions.quantile = object.at("quantile");
  const auto& calibration = object.at("calibration");
  state.calibration.tau = calibration.at("tau");
  state.calibration.delta = calibration.at("delta");
  state.calibration.first_cos_quantile = calibration.at("first_cos_quantile");
  state.calibration.confidence = calibration.at("confidence");
  state.calibration.temperature = calibration.at("temperature");
  state.calibration.tau_quantile = calibration.at("tau_quantile");
  state.calibration.delta_quantile = calibration.at("delta_quantile");
  for (const auto& region : object.at("regions")) {
    state.regions.regions.push_back(RegionFrom(region));
  }
  state.buffer.users = object.at("buffer").at("users").get<std::vector<std::int64_t>>();
  state.buffer.windows = object.at("buffer").at("windows").get<std::vector<std::int64_t>>();
  return state;
}

}  // namespace

void SaveEditorState(const std::filesystem::path& folder, const EditorState& state) {
  const RegionSet& regions = state.regions;
  nlohmann::ordered_json object = {
      {"dim", regions.dim},
      {"starting_count", regions.starting_count},
      {"next_id", regions.next_id},
      {"quantile", regions.quantile},
      {"calibration",
       {{"tau", state.calibration.tau},
        {"delta", state.calibration.delta},
        {"first_cos_quantile", state.calibration.first_cos_quantile},
        {"confidence", state.calibration.confidence},
        {"temperature", state.calibration.temperature},
        {"tau_quantile", state.calibration.tau_quantile},
        {"delta_quantile", state.calibration.delta_quantile}}},
      {"regions", nlohmann::ordered_json::array()},
      {"buffer", {{"users", state.buffer.users}, {"windows", state.buffer.windows}}}};
  std::vector<float> centres_KD;
  for (const Region& region : regions.regions) {
    object["regions"].push_back(ToJson(region));
    centres_KD.insert(centres_KD.end(), region.centre.begin(), region.centre.end());
  }
  WriteFileAtomically(folder / kNumbers, object.dump(2) + "\n");
  SaveTensors(folder / kVectors,
              {{"centres", {regions.size(), regions.dim}, centres_KD},
               {"buffer", {state.buffer.size(), regions.dim}, state.buffer.z_MD}});
}

EditorState LoadEditorState(const std::filesystem::path& folder) {
  EditorState state;
  try {
    state = StateFrom(nlohmann::json::parse(ReadFile(folder / kNumbers)));
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kCorruptData,
                (folder / kNumbers).string() + ": not the state of an editor: " + error.what());
  }
  const TensorFile vectors(folder / kVectors);
  const std::int64_t dim = state.regions.dim;
  const auto centres_KD =
      vectors.Floats("centres", std::array<std::int64_t, 2>{state.regions.size(), dim});
  for (std::int64_t k = 0; k < state.regions.size(); ++k) {
    const auto centre_D = centres_KD.subspan(k * dim, dim);
    state.regions.regions[k].centre.assign(centre_D.begin(), centre_D.end());
  }
  try {
    CheckRegions(state.regions);
  } catch (const Error& error) {
    throw Error(ErrorCode::kCorruptData, folder.string() + ": " + kNumbers + " and " + kVectors +
                                             " give regions that cannot be: " + error.what());
  }
  const auto buffer_MD =
      vectors.Floats("buffer", std::array<std::int64_t, 2>{state.buffer.size(), dim});
  state.buffer.z_MD.assign(buffer_MD.begin(), buffer_MD.end());
  return state;
}

}  // namespace raie
