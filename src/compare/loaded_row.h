// The finished cells of one row of a comparison, seed by seed.
//
// Errors:  kCorruptData for cells that are not of the same windows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
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

// Adds to differences that have a "p_value" and a "test_side" (1: the test leans to better, -1: to
// worse): "p_adjusted" by Holm over all of them, "tests", and the "verdict": better or worse if
// p_adjusted is below .05 and the interval (that of the difference) leaves out 0 on the test's
// side, else same.
void AddVerdicts(
    std::span<nlohmann::ordered_json* const> tested,
    const std::function<nlohmann::ordered_json(const nlohmann::ordered_json&)>& interval_of);

}  // namespace raie
