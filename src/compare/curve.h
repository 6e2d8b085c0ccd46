// How do S, F validation and T move while a method trains?
//
// Concept: at every checkpoint of a pass the held-out windows of S, the validation windows of F and
//          the windows of T are ranked with the method as it is. Curves are for looking at: T is
//          written down and goes nowhere else. Sets larger than 20,000 windows are thinned evenly.
// Source:  METHOD section 2 ("Budget": curve logged).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "data/prepared_data.h"
#include "data/windows.h"
#include "methods/method.h"
#include "methods/time_split.h"

namespace raie {

// The windows of S that curves show: those held out, or (as-released) in-sample ones.
struct SetupPartWindows {
  std::string name;
  const WindowSet& windows;
};

class CurveRecorder {
 public:
  CurveRecorder(const PreparedData& data, const AdaptOptions& options, const AdaptSlice& slice,
                const SetupPartWindows& setup, const PassRun& run);

  void Add(const Checkpoint& checkpoint);

  // [{"pass", "share", "samples", "S_held_out": {"windows", "recall@10", "ndcg@10"},
  // "F_validation", "T"}]; pass `whole` (budget own) has trained on the validation windows. All
  // without the popularity prior, which is chosen afterwards.
  const nlohmann::ordered_json& ToJson() const { return points_; }

 private:
  nlohmann::ordered_json Rank(const Scorer& scorer, const WindowSet& windows,
                              std::int64_t catalogue_size, int popularity_slice) const;

  const PreparedData& data_;
  AdaptSlice slice_;
  PassRun run_;
  std::string setup_name_;
  WindowSet setup_;
  WindowSet validation_;
  WindowSet test_;
  nlohmann::ordered_json points_ = nlohmann::ordered_json::array();
};

// {"samples", "steps", "trained_parameters", "tuning_samples", "tuning_steps", "maximum_samples",
// "chosen_share", "bytes_kept", "forward_passes", "regions": [...]}; with a popularity prior
// "prior_weight", too.
nlohmann::ordered_json BudgetToJson(const AdaptReport& report);

}  // namespace raie
