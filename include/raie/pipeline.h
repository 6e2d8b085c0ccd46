// How does a program run the phases: read a log, fit a model, edit it as slices arrive?
//
// Concept: each function is one command of the program; what it writes is a folder that appears
//          whole or not at all. Details of a run (counts, edits, verdicts) come back as JSON text,
//          the same the command prints with --json.
// Errors:  see raie/error.h; nothing half-written remains.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "raie/progress.h"
#include "raie/settings.h"

namespace raie {

// How a phase runs. The pointers may be null and must outlive the call.
struct RunControl {
  Settings settings;  // `seed` and `threads` among them
  ProgressObserver progress;
  const CancelFlag* cancel = nullptr;
  NoteObserver note = {};
};

// Simulates a shop whose interests drift and writes its log (and the truth) into `output`.
std::string SimulateShop(const std::filesystem::path& output, const RunControl& control = {});

// Reads interaction logs and writes a prepared data set.
std::string PrepareLogs(const std::vector<std::string>& inputs, const std::filesystem::path& output,
                        const RunControl& control = {});

// Fits backbone and regions on the first slice and writes a model directory.
std::string FitModel(const std::filesystem::path& data, const std::filesystem::path& model,
                     const RunControl& control = {});

// Makes a model directory of another library's checkpoint: a folder with weights and item list, and
// a name map (docs/formats.md).
std::string ImportModel(const std::filesystem::path& from, const std::filesystem::path& map,
                        const std::filesystem::path& data, const std::filesystem::path& model,
                        const RunControl& control = {});

// Edits the model with one slice (-1: the next one) and adds a version to its directory.
std::string EditModel(const std::filesystem::path& model, const std::filesystem::path& data,
                      int slice = -1, const RunControl& control = {});

}  // namespace raie
