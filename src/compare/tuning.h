// Which configurations of a method are tried, and which one is taken?
//
// Concept: every method gets the same number of configurations. Each is judged by the best F
//          validation NDCG@10 of its tuning pass on the first seed; the best one is used with all
//          seeds. With one configuration the settings are as given; keys given on the command line
//          or swept are not tuned.
// Source:  METHOD section 2 ("Tuning"), section 4 (raie: rho in {0, .3, .7} and sharing). The grids
//          of the other methods are ours (O): learning rate and the method's own knob.
// Errors:  kInvalidArgument for a configuration that cannot work.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "raie/settings.h"
#include "regions/editor_options.h"

namespace raie {

using TunedSettings = std::vector<Setting>;

// Returns at most `count` different configurations of a method; one without settings if count is 1
// or the method has nothing to tune. Keys of `fixed` are left as they are. The paper's editor keeps
// its sharing.
std::vector<TunedSettings> TuningCandidates(const std::string& method, EditorPreset editor,
                                            std::int64_t count,
                                            const std::vector<std::string>& fixed);

struct TuningChoice {
  std::vector<TunedSettings> candidates;
  std::vector<double> validation_ndcg10;  // empty if there was nothing to choose
  std::size_t chosen = 0;
};

// Judges every candidate; ties go to the earlier one.
TuningChoice ChooseBest(std::vector<TunedSettings> candidates,
                        const std::function<double(const TunedSettings&)>& judge);

nlohmann::ordered_json ToJson(const TuningChoice& choice);
TunedSettings ChosenSettings(const nlohmann::ordered_json& json);

}  // namespace raie
