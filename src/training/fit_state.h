// What must be kept so that a fit can go on as if it had never stopped? (Private to this module.)
//
// Concept: parameters, item rows, moments and counters. Random bits are functions of (seed, epoch,
//          step), so no generator has a state to keep.
// Errors:  LoadFitState: kNotFound; kCorruptData; kInvalidArgument if the file is of another run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "training/fit.h"
#include "training/item_table.h"
#include "training/optimiser.h"
#include "training/step.h"

namespace raie::internal {

struct FitState {
  AdamState trained;  // of the parameters
  TrainedRows rows;
  std::vector<float> best_parameters;  // empty: no epoch has ended
  std::vector<float> best_items;
  double best_score = -1;
  std::int64_t best_step = 0;
  std::int64_t epoch = 0;  // being trained, from 0
  std::int64_t batch = 0;  // next one of the epoch
  double epoch_loss = 0;   // sum over targets so far
  double epoch_weight = 0;
  std::int64_t patience_epochs = 0;  // with which it came so far
  std::int64_t patience_steps = 0;
  FitReport report;
};

// Writes the folder `path`, all or nothing. `identity` says which run this is; `parameters` are the
// backbone's or those of the adapter in their place.
void SaveFitState(const std::filesystem::path& path, const nlohmann::ordered_json& identity,
                  const FitState& state, std::span<const float> parameters, const ItemTable& items);

// Sets state, parameters and items from the folder.
void LoadFitState(const std::filesystem::path& path, const nlohmann::ordered_json& identity,
                  FitState& state, std::span<float> parameters, ItemTable& items);

}  // namespace raie::internal
