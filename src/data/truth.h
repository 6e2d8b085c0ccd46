// How is the truth of a simulated log kept, and found again for the events that were prepared?
//
// Concept: an event is known by its user and its time, unique in a simulated log; preparation drops
//          events but keeps their order, so one walk through both lists finds each.
// Source:  docs/formats.md (simulation folder).
// Errors:  kNotFound, kCorruptData; kInvalidArgument: the data set is not of this simulation.
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "data/prepared_data.h"
#include "data/simulator.h"

namespace raie {

// Writes truth.json and the truth's columns into an existing folder.
void WriteTruth(const SimulationTruth& truth, const std::filesystem::path& folder);

SimulationTruth LoadTruth(const std::filesystem::path& folder);

struct EventTruth {
  std::vector<std::uint8_t> interests;  // by event row of the prepared data
  std::vector<std::uint8_t> versions;   // 0: as before any drift
};

EventTruth AlignTruth(const SimulationTruth& truth, const PreparedData& data);

}  // namespace raie
