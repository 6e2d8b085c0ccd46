#include "compare/tuning.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace raie {
namespace {

struct Knob {
  const char* key;
  std::vector<const char*> values;
};

const Knob kRates = {"edit.learning_rate", {"5e-4", "2e-3"}};
const Knob kRho = {"edit.rho", {"0.3", "0", "0.7"}};
const Knob kSharing = {"edit.sharing", {"regional", "shared"}};

// Six configurations each; the first knob varies slowest.
std::vector<Knob> KnobsOf(const std::string& method, EditorPreset editor) {
  if (method == "frozen" || method == "recent_popularity" || method == "full_retrain") return {};
  if (method == "raie_wo_kr") return {kRates, kRho};
  if (method == "raie" || method == "raie_wo_ke" || method == "random_regions") {
    return {editor == EditorPreset::kPaper ? kRates : kSharing, kRho};
  }
  if (method == "lora_replay") return {kRates, {"edit.replay.weight", {"0.3", "0.1", "0.5"}}};
  if (method == "lora_lwf") return {kRates, {"edit.lwf.weight", {"0.5", "0.1", "2"}}};
  if (method == "lsat") return {kRates, {"edit.lsat.long_share", {"0.6", "0.4", "0.8"}}};
  return {{"edit.learning_rate", {"5e-4", "1e-3", "2e-3", "4e-3", "2.5e-4", "1.25e-4"}}};
}

}  // namespace

std::vector<TunedSettings> TuningCandidates(const std::string& method, EditorPreset editor,
                                            std::int64_t count,
                                            const std::vector<std::string>& fixed) {
  std::vector<TunedSettings> grid = {{}};
  for (const Knob& knob : KnobsOf(method, editor)) {
    if (std::ranges::find(fixed, knob.key) != fixed.end()) continue;
    std::vector<TunedSettings> grown;
    for (const TunedSettings& point : grid) {
      for (const char* value : knob.values) {
        grown.push_back(point);
        grown.back().push_back({knob.key, value, "tuning"});
      }
    }
    grid = std::move(grown);
  }
  if (std::ssize(grid) > count) grid.resize(std::max<std::int64_t>(count, 0));
  if (count <= 1 || grid.size() == 1) return {{}};
  return grid;
}

TuningChoice ChooseBest(std::vector<TunedSettings> candidates,
                        const std::function<double(const TunedSettings&)>& judge) {
  TuningChoice choice{.candidates = std::move(candidates)};
  if (choice.candidates.size() == 1) return choice;
  for (const TunedSettings& candidate : choice.candidates) {
    choice.validation_ndcg10.push_back(judge(candidate));
  }
  choice.chosen =
      std::ranges::max_element(choice.validation_ndcg10) - choice.validation_ndcg10.begin();
  return choice;
}

nlohmann::ordered_json ToJson(const TuningChoice& choice) {
  auto candidates = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < choice.candidates.size(); ++i) {
    auto settings = nlohmann::ordered_json::object();
    for (const Setting& setting : choice.candidates[i]) settings[setting.key] = setting.value;
    candidates.push_back({{"settings", settings}});
    if (choice.validation_ndcg10.empty()) continue;
    candidates.back()["F_validation_ndcg@10"] = choice.validation_ndcg10[i];
  }
  return {{"candidates", candidates}, {"chosen", choice.chosen}};
}

TunedSettings ChosenSettings(const nlohmann::ordered_json& json) {
  TunedSettings settings;
  const auto& chosen = json.at("candidates").at(json.at("chosen").get<std::size_t>());
  for (const auto& [key, value] : chosen.at("settings").items()) {
    settings.push_back({key, value.get<std::string>(), "tuning"});
  }
  return settings;
}

}  // namespace raie
