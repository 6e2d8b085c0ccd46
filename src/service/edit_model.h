// How does a model learn from a new slice?
//
// Concept: the current version is loaded, RAIE edits its regions with the slice and trains the
//          adapters of those that drift, and the result becomes the next version.
// Source:  METHOD section 4.
// Errors:  kCorruptData if the data set is not the model's; kInvalidArgument if the slice is
//          not the next one or settings cannot work; kCancelled if stopped (then nothing is
//          written).
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "data/prepared_data.h"
#include "methods/adapt_report.h"
#include "service/next_slice.h"
#include "service/run_control.h"

namespace raie {

// Returns what is printed with --json: version, slice, edits, comparison (regions before and
// after), interval (coverage), drift, training.
nlohmann::ordered_json EditModelDirectory(const std::filesystem::path& model,
                                          const PreparedData& data, int slice,
                                          const PhaseControl& control);

// Which regions drift in a slice: what an edit would find, before any training. Nothing is written.
nlohmann::ordered_json MeasureModelDrift(const std::filesystem::path& model,
                                         const PreparedData& data, int slice,
                                         const PhaseControl& control);

nlohmann::ordered_json OrNull(const std::optional<double>& value);
nlohmann::ordered_json ToJson(const EditSummary& summary);
nlohmann::ordered_json ToJson(const RegionComparison& comparison);
nlohmann::ordered_json ToJson(const DriftReport& report, const PreparedData& data);

}  // namespace raie
