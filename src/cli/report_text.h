// How are the results that several commands share written for people?
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace raie::cli {

// The drift of each region with its interval, p-value, verdict, share of traffic and top items.
std::string DriftText(const nlohmann::ordered_json& drift);

// The regions a model begins with, and its thresholds.
std::string RegionsText(const nlohmann::ordered_json& report);

// How many windows were updated, expanded and added, per region and in all.
std::string EditsText(const nlohmann::ordered_json& edits);

// How far each region moved and grew, and how well regions are apart (RQ4).
std::string ComparisonText(const nlohmann::ordered_json& comparison);

// What became of each region: trained or not, why the gate opened it, its gain where a gain gate
// asked.
std::string OutcomesText(const nlohmann::ordered_json& regions);

// "weight 0.4, half-life 12.5 days", or that weight 0 was chosen.
std::string PriorText(const nlohmann::ordered_json& prior);

}  // namespace raie::cli
