// How does slice S become a model?
//
// Concept: fit the backbone (early stopping on the validation windows), put the S training windows
//          into its space, cut that into K regions, calibrate tau and delta on the held-out
//          windows, write it all as version 0 of a model directory.
// Source:  METHOD sections 3 and 4 (Eq. 1, calibration below Eq. 4).
// Errors:  kInvalidArgument for settings that cannot work (before anything is fitted where that can
//          be known); kNotFound for a slice without windows; kCancelled after a checkpoint was
//          written beside the model's place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "data/prepared_data.h"
#include "service/configuration.h"
#include "service/run_control.h"
#include "store/model_directory.h"
#include "training/fit.h"
#include "training/snapshot.h"

namespace raie {

enum class Resume { kNo, kYes };

struct FitOutcome {
  ModelInfo info;
  Snapshot snapshot;
  Configuration configuration;
  FitReport fit;
  std::vector<std::int64_t> region_sizes;  // distinct S contexts, by slot
};

// Returns the tree in force for fitting on this data: what the data and its protocol fix is filled
// in where it is not given.
Configuration ConfigureFit(const PreparedData& data, const Settings& settings);

// Whether a model of this data has regions: leave-last-out asks of backbones only, and as-released
// finds its regions in F.
bool FindsRegions(const PreparedData& data);

// Returns the fitted snapshot with the regions and thresholds this configuration asks for.
// `clustering` (if not null) receives how the k-means went.
Snapshot AddRegions(const Snapshot& fitted, const PreparedData& data,
                    const Configuration& configuration, const PassRun& run,
                    KMeansResult* clustering = nullptr);

// Where FitModel keeps its state while it runs: MODEL.checkpoint.
std::filesystem::path CheckpointOf(const std::filesystem::path& model);

// Returns what all versions of a model share, but for `report`.
ModelInfo DescribeModel(const PreparedData& data, const Configuration& configuration);

// Returns the regions for a report: [{"region", "contexts", "radius_rad"}].
nlohmann::ordered_json RegionsToJson(const RegionSet& regions,
                                     const std::vector<std::int64_t>& sizes);

// Writes a model directory with version 0.
void CreateModel(const std::filesystem::path& path, const ModelInfo& info, const Snapshot& snapshot,
                 const PreparedData& data);

// Fits without writing anything but the checkpoint (none if the path is empty).
FitOutcome FitInMemory(const PreparedData& data, const std::filesystem::path& checkpoint,
                       Resume resume, const PhaseControl& control);

// Fits and writes `model`; returns what is printed with --json.
nlohmann::ordered_json FitModelDirectory(const PreparedData& data,
                                         const std::filesystem::path& model, Resume resume,
                                         const PhaseControl& control);

}  // namespace raie
