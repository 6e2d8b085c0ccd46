#include "compare/frontier.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "compare/loaded_row.h"
#include "evaluation/frontier.h"
#include "raie/error.h"

namespace raie {
namespace {

using FrontierJson = nlohmann::ordered_json;

// The parts of the protocols that have frontiers (cell.h: WindowParts).
constexpr std::size_t kHeldOutPart = 0;
constexpr std::size_t kTestPart = 1;

struct LoadedCurve {
  const FrontierCells* cells = nullptr;
  std::vector<LoadedRow> points;
};

std::vector<LoadedCurve> LoadCurves(const ResultRequest& request, const std::string& backbone) {
  std::vector<LoadedCurve> curves;
  for (const FrontierCells& cells : request.grid.frontiers) {
    if (request.grid.variants[cells.variants.front()].backbone != backbone) continue;
    LoadedCurve& curve = curves.emplace_back();
    curve.cells = &cells;
    for (const std::size_t v : cells.variants) {
      curve.points.push_back(LoadRow(request, request.grid.variants[v], cells.method));
    }
  }
  return curves;
}

TradeOffValues ValuesAt(const LoadedRow& row, const std::vector<std::uint64_t>& seeds) {
  return {ValuesOf(row.parts[kHeldOutPart], seeds, &PartValues::ndcg),
          ValuesOf(row.parts[kTestPart], seeds, &PartValues::ndcg)};
}

// All points must be of the same windows, none of them without windows.
bool OfSameWindows(const LoadedRow& row, const LoadedRow& frozen) {
  for (const std::size_t part : {kHeldOutPart, kTestPart}) {
    if (row.parts[part].targets != frozen.parts[part].targets) {
      throw Error(ErrorCode::kCorruptData, row.method + " at " + row.variant->point +
                                               " and frozen were not ranked on the same windows");
    }
  }
  return !frozen.parts[kHeldOutPart].users.empty() && !frozen.parts[kTestPart].users.empty();
}

// The curves of one backbone, if a seed is finished at all of their points.
void CollectBackbone(const ResultRequest& request, const std::string& backbone, TaskPool& pool,
                     FrontierJson& json) {
  const auto curves = LoadCurves(request, backbone);
  const Variant& base = request.grid.variants[curves.front().cells->variants.front()];
  const LoadedRow frozen = LoadRow(request, base, "frozen");
  std::vector<std::uint64_t> seeds = frozen.seeds;
  for (const LoadedCurve& curve : curves) {
    for (const LoadedRow& point : curve.points) {
      std::vector<std::uint64_t> shared;
      std::ranges::set_intersection(seeds, point.seeds, std::back_inserter(shared));
      seeds = std::move(shared);
    }
  }
  if (seeds.empty()) return;
  for (const LoadedCurve& curve : curves) {
    for (const LoadedRow& point : curve.points) {
      if (!OfSameWindows(point, frozen)) return;
    }
  }
  std::vector<std::vector<TradeOffValues>> values;
  const auto of_reference =
      std::ranges::find(curves, CellMethod(request.reference),
                        [](const LoadedCurve& curve) { return curve.cells->method; });
  const auto reference = static_cast<std::size_t>(of_reference - curves.begin());
  for (std::size_t c = 0; c < curves.size(); ++c) {
    auto& points = values.emplace_back();
    for (const LoadedRow& point : curves[c].points) points.push_back(ValuesAt(point, seeds));
  }
  const auto areas = MeasureFrontiers(
      {.frozen = ValuesAt(frozen, seeds), .curves = values, .reference = reference}, pool);
  for (std::size_t c = 0; c < curves.size(); ++c) {
    FrontierJson points = FrontierJson::array();
    for (std::size_t i = 0; i < values[c].size(); ++i) {
      points.push_back({{"point", curves[c].points[i].variant->point},
                        {"S_held_out", WindowMean(values[c][i].held_out)},
                        {"T", WindowMean(values[c][i].test)}});
    }
    json.push_back({{"backbone", backbone},
                    {"method", curves[c].cells->method},
                    {"tuned_at", curves[c].points.front().variant->point},
                    {"seeds", seeds.size()},
                    {"points", points},
                    {"area", IntervalJson(areas[c].gain, areas[c].interval)}});
    if (c == reference) continue;
    auto& against = json.back()["against"];
    against = IntervalJson(areas[c].difference, areas[c].difference_interval);
    against["test_side"] = (areas[c].difference > 0) - (areas[c].difference < 0);
    against["p_value"] = areas[c].p_value;
  }
}

// Holm over all curves that are compared, of all backbones.
void AdjustCurves(FrontierJson& curves) {
  std::vector<FrontierJson*> tested;
  for (FrontierJson& curve : curves) {
    if (curve.contains("against")) tested.push_back(&curve.at("against"));
  }
  AddVerdicts(tested, [](const FrontierJson& against) { return against; });
}

std::string NameOf(const FrontierJson& curve) {
  const std::string point = curve.at("tuned_at");
  return curve.at("method").get<std::string>() + (point == "base" ? "" : " (" + point + ")");
}

}  // namespace

FrontierJson CollectFrontiers(const ResultRequest& request, TaskPool& pool) {
  FrontierJson json = FrontierJson::array();
  std::vector<std::string> done;
  for (const FrontierCells& cells : request.grid.frontiers) {
    const std::string& backbone = request.grid.variants[cells.variants.front()].backbone;
    if (std::ranges::find(done, backbone) != done.end()) continue;
    done.push_back(backbone);
    CollectBackbone(request, backbone, pool, json);
  }
  AdjustCurves(json);
  return json;
}

ResultTable FrontierTable(const FrontierJson& results) {
  const std::string reference = results.at("reference");
  ResultTable table{.title =
                        "Frontier: how much a curve gains on T N@10 over frozen at a level of "
                        "S held-out N@10, mean over the levels, with 95 % intervals; "
                        "bootstrap p-values of the difference to " +
                        reference + " adjusted by Holm (more points are an advantage)",
                    .header = {"backbone", "method", "points", "gain", "gain - " + reference, "p"},
                    .rows = {}};
  for (const FrontierJson& curve : results.value("frontiers", FrontierJson::array())) {
    const bool compared = curve.contains("against");
    const bool better = compared && curve.at("against").at("verdict") == "better";
    table.rows.push_back({{curve.at("backbone").get<std::string>()},
                          {NameOf(curve)},
                          {std::to_string(curve.at("points").size())},
                          {WithInterval(curve.at("area"), "%.5f")},
                          {compared ? WithInterval(curve.at("against"), "%+.5f") : "-", better},
                          {compared ? PValue(curve.at("against").at("p_adjusted")) : "-"}});
  }
  return table;
}

std::string FrontierCsv(const FrontierJson& results) {
  std::string text = "backbone,method,point,S_held_out,T\n";
  for (const FrontierJson& curve : results.at("frontiers")) {
    for (const FrontierJson& point : curve.at("points")) {
      text += curve.at("backbone").get<std::string>() + "," + NameOf(curve) + ",\"" +
              point.at("point").get<std::string>() + "\"," + point.at("S_held_out").dump() + "," +
              point.at("T").dump() + "\n";
    }
  }
  return text;
}

}  // namespace raie
