// From which S checkpoint does a cell start?
//
// Concept: backbone and item rows are fitted once for each (backbone settings, seed) and kept as a
//          model directory below fits/; all methods of the seed, and all points of a sweep that
//          fit alike, start from it. Regions are found anew from it by the cell's own settings.
// Source:  METHOD section 5 ("same backbone checkpoint").
// Errors:  those of FitModelDirectory; an interrupted fit goes on from its checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "data/prepared_data.h"
#include "service/configuration.h"
#include "service/run_control.h"
#include "training/snapshot.h"

namespace raie {

class FittedModels {
 public:
  // `folder` is the run's.
  FittedModels(const PreparedData& data, std::filesystem::path folder);

  // Where the checkpoint of these settings lies (relative to the run), whether or not it is there.
  std::filesystem::path PlaceOf(const Configuration& configuration) const;
  bool Has(const Configuration& configuration) const;

  // Returns the fitted model with regions; fits it if need be. `control.settings` made
  // `configuration`.
  const Snapshot& Get(const Configuration& configuration, const PhaseControl& control);

 private:
  const PreparedData& data_;
  std::filesystem::path folder_;
  // All cells of a model that adapt the same layers share what its frozen layers give.
  void KeepBorder(const Configuration& configuration, const PhaseControl& control);

  std::string fit_key_;  // of the one in memory
  Snapshot fitted_;
  std::shared_ptr<const Backbone> plain_;  // of it, keeping nothing
  std::int64_t border_layer_ = 0;          // of fitted_; 0: it keeps nothing
  std::string regions_key_;
  Snapshot with_regions_;
};

}  // namespace raie
