// Which configurations of a method are tried, and which one is taken?
//
// Concept: every method gets the same number of configurations, spread over the product of its
//          knobs so that each value of each knob is tried about equally often; the first is the
//          defaults, the second of methods whose regions may share one adapter, to share it without
//          replay or gate. Each is judged by the best F validation NDCG@10 of its tuning pass on
//          the first seed; the best one is used with all seeds. What the user gives (in a file, by
//          --set or in a sweep) is never tuned; what the settings in force rule out (one adapter
//          for several regions with an overlap penalty, say) is not tried.
// Source:  METHOD section 2 ("Tuning"), section 4 (raie: rho in {0, .3, .7} and sharing). Gates and
//          learning rates of raie, and the grids of the other methods, are ours (O).
// Errors:  kInvalidArgument for more configurations than a method has.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "methods/adapt_options.h"
#include "raie/settings.h"
#include "regions/editor_options.h"

namespace raie {

using TunedSettings = std::vector<Setting>;

struct TuningRequest {
  std::string method;
  EditorPreset editor = EditorPreset::kRaie;  // the paper's keeps its gate and its sharing
  AdaptOptions options;                       // in force where nothing is tuned
  std::int64_t count = 6;                     // configurations wanted
  std::function<bool(const std::string& key)> is_given = [](const std::string&) { return false; };
};

struct TuningGrid {
  std::vector<TunedSettings> candidates;  // different ones; the first is the defaults. One without
                                          // settings if there is nothing to tune
  std::vector<std::string> given;         // knobs left alone because the user has given them
};

// Returns `count` configurations of a method, fewer only where keys that are given leave fewer.
TuningGrid MakeTuningGrid(const TuningRequest& request);

struct TuningChoice {
  std::vector<TunedSettings> candidates;
  std::vector<double> validation_ndcg10;  // empty if there was nothing to choose
  std::size_t chosen = 0;
};

// Judges every candidate; ties go to the earlier one.
TuningChoice ChooseBest(std::vector<TunedSettings> candidates,
                        const std::function<double(const TunedSettings&)>& judge);

nlohmann::ordered_json ToJson(const TuningChoice& choice);
// Whether a choice was made among these candidates.
bool SameCandidates(const nlohmann::ordered_json& choice,
                    const std::vector<TunedSettings>& candidates);
TunedSettings ChosenSettings(const nlohmann::ordered_json& json);

}  // namespace raie
