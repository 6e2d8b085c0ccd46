#include "compare/loaded_row.h"

#include "base/statistics.h"
#include "evaluation/window_results.h"
#include "raie/error.h"

namespace raie {
namespace {

// The test may lean one way and the mean the other, where few gain much and many lose little.
const char* VerdictOf(const nlohmann::ordered_json& against,
                      const nlohmann::ordered_json& interval) {
  constexpr double kLevel = 0.05;
  if (against.at("p_adjusted").get<double>() >= kLevel) return "same";
  const double side = against.at("test_side");
  if (interval.at("low").get<double>() > 0 && side > 0) return "better";
  if (interval.at("high").get<double>() < 0 && side < 0) return "worse";
  return "same";
}

}  // namespace

LoadedRow LoadRow(const ResultRequest& request, const Variant& variant, const std::string& method) {
  LoadedRow row{.variant = &variant, .method = method};
  row.parts.resize(request.parts.size());
  for (const std::uint64_t seed : request.grid.seeds) {
    const auto folder = CellFolder(variant, CellMethod(method), seed);
    if (!request.run.Has(folder)) continue;
    row.seeds.push_back(seed);
    row.cells.push_back(request.run.LoadJson(folder / "cell.json"));
    for (std::size_t p = 0; p < request.parts.size(); ++p) {
      const auto path = request.run.path() / folder / (request.parts[p] + ".windows");
      const WindowResults results = LoadWindowResults(path);
      PartValues& part = row.parts[p];
      if (part.ndcg.empty()) {
        part.users = results.users;
        part.targets = results.targets;
      }
      if (part.users != results.users || part.targets != results.targets) {
        throw Error(ErrorCode::kCorruptData,
                    path.string() + " is not of the windows of the other seeds; remove its folder");
      }
      part.ndcg[seed] = Ndcg10(results);
      part.recall[seed] = Recall10(results);
    }
  }
  return row;
}

CrossedValues ValuesOf(const PartValues& part, const std::vector<std::uint64_t>& seeds,
                       std::map<std::uint64_t, std::vector<double>> PartValues::*metric) {
  std::vector<std::vector<double>> by_seed;
  for (const std::uint64_t seed : seeds) by_seed.push_back((part.*metric).at(seed));
  return SumByUser(part.users, by_seed);
}

nlohmann::ordered_json IntervalJson(double value, const Interval& interval) {
  return {{"value", value}, {"low", interval.low}, {"high", interval.high}};
}

void AddVerdicts(
    std::span<nlohmann::ordered_json* const> tested,
    const std::function<nlohmann::ordered_json(const nlohmann::ordered_json&)>& interval_of) {
  std::vector<double> p_values;
  for (const auto* against : tested) p_values.push_back(against->at("p_value"));
  const std::vector<double> adjusted = HolmAdjust(p_values);
  for (std::size_t i = 0; i < tested.size(); ++i) {
    nlohmann::ordered_json& against = *tested[i];
    const auto interval = interval_of(against);
    against["p_adjusted"] = adjusted[i];
    against["tests"] = tested.size();
    against["verdict"] = VerdictOf(against, interval);
  }
}

}  // namespace raie
