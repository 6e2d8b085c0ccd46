// The finished cells of one row of a comparison, seed by seed.
//
// Errors:  kCorruptData for cells that are not of the same windows.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "compare/results.h"
#include "evaluation/significance.h"
#include "raie/types.h"

namespace raie {

// Values of the windows of one part, by seed.
struct PartValues {
  std::vector<UserId> users;
  std::vector<ItemId> targets;
  std::map<std::uint64_t, std::vector<double>> ndcg;
  std::map<std::uint64_t, std::vector<double>> recall;
};

struct LoadedRow {
  const Variant* variant = nullptr;
  std::string method;
  std::vector<std::uint64_t> seeds;
  std::vector<nlohmann::ordered_json> cells;
  std::vector<PartValues> parts;  // as ResultRequest::parts
};

LoadedRow LoadRow(const ResultRequest& request, const Variant& variant, const std::string& method);

// Returns the values of some of its seeds, summed by user.
CrossedValues ValuesOf(const PartValues& part, const std::vector<std::uint64_t>& seeds,
                       std::map<std::uint64_t, std::vector<double>> PartValues::*metric);

// {"value", "low", "high"}
nlohmann::ordered_json IntervalJson(double value, const Interval& interval);

// "better", "worse" or "same": p_adjusted of `against` below .05 and an interval that leaves out 0
// on one side.
const char* VerdictOf(const nlohmann::ordered_json& against,
                      const nlohmann::ordered_json& interval);

}  // namespace raie
