#include "compare/results.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "compare/loaded_row.h"
#include "evaluation/significance.h"
#include "raie/error.h"

namespace raie {
namespace {

using Json = nlohmann::ordered_json;

Json Describe(const PartValues& part, const std::vector<std::uint64_t>& seeds, TaskPool& pool) {
  const CrossedValues ndcg = ValuesOf(part, seeds, &PartValues::ndcg);
  const CrossedValues recall = ValuesOf(part, seeds, &PartValues::recall);
  return {{"windows", part.users.size()},
          {"users", ndcg.num_users()},
          {"ndcg@10", IntervalJson(WindowMean(ndcg), CrossedBootstrap(ndcg, {}, pool))},
          {"recall@10", IntervalJson(WindowMean(recall), CrossedBootstrap(recall, {}, pool))}};
}

bool IsBetter(double difference) { return difference > kEqualDifference; }

// The difference to the reference; nullopt if no seed is shared.
std::optional<Json> Against(const LoadedRow& row, const LoadedRow& reference, std::size_t p,
                            TaskPool& pool) {
  std::vector<std::uint64_t> shared;
  std::ranges::set_intersection(row.seeds, reference.seeds, std::back_inserter(shared));
  if (shared.empty() || row.parts[p].users.empty()) return std::nullopt;
  if (row.parts[p].targets != reference.parts[p].targets) {
    throw Error(ErrorCode::kCorruptData,
                row.method + " and " + reference.method + " were not ranked on the same windows");
  }
  const auto difference = [&](auto metric) {
    return Difference(ValuesOf(row.parts[p], shared, metric),
                      ValuesOf(reference.parts[p], shared, metric));
  };
  const CrossedValues ndcg = difference(&PartValues::ndcg);
  const CrossedValues recall = difference(&PartValues::recall);
  const WilcoxonResult test = WilcoxonSignedRank(UserMeans(ndcg));
  return Json{{"ndcg@10", IntervalJson(WindowMean(ndcg), CrossedBootstrap(ndcg, {}, pool))},
              {"recall@10", IntervalJson(WindowMean(recall), CrossedBootstrap(recall, {}, pool))},
              {"seeds", shared.size()},
              {"users_better", std::ranges::count_if(UserMeans(ndcg), IsBetter)},
              {"users_equal", test.zeros},
              {"test_side", (test.plus > test.minus) - (test.plus < test.minus)},
              {"p_value", test.p_value}};
}

// Adjusts the p-values of one part over all rows that have one. Rows of the same cells are one
// test.
void AdjustPart(const std::string& part, std::vector<Json>& rows) {
  std::map<std::vector<std::string>, std::vector<Json*>> of_cells;
  std::vector<Json*> tested;
  for (Json& row : rows) {
    if (!row.contains(part) || !row.at(part).contains("against")) continue;
    auto& same = of_cells[{row.at("backbone"), row.at("point"), CellMethod(row.at("method"))}];
    same.push_back(&row.at(part).at("against"));
    if (same.size() == 1) tested.push_back(same[0]);
  }
  AddVerdicts(tested, [](const Json& against) { return against.at("ndcg@10"); });
  for (const auto& [cells, same] : of_cells) {
    for (Json* copy : std::span(same).subspan(1)) *copy = *same[0];
  }
}

Json MeanOf(const std::vector<const Json*>& values);

Json MeanOfObjects(const std::vector<const Json*>& values) {
  Json result = Json::object();
  for (const auto& [key, first] : values[0]->items()) {
    if (key == "regions") continue;  // other ones with every seed
    std::vector<const Json*> of_key;
    for (const Json* one : values) {
      if (one->contains(key)) of_key.push_back(&one->at(key));
    }
    Json mean = MeanOf(of_key);
    if (!mean.is_null()) result[key] = std::move(mean);
  }
  return result;
}

Json MeanOfLists(const std::vector<const Json*>& values) {
  Json result = Json::array();
  for (std::size_t i = 0; i < values[0]->size(); ++i) {
    std::vector<const Json*> of_place;
    for (const Json* one : values) {
      if (one->size() != values[0]->size()) return nullptr;
      of_place.push_back(&one->at(i));
    }
    result.push_back(MeanOf(of_place));
  }
  return result;
}

// Means over the cells of every number at the same place; null where a cell has none.
Json MeanOf(const std::vector<const Json*>& values) {
  const auto all = [&](auto is) {
    return std::ranges::all_of(values, [&](const Json* one) { return (one->*is)(); });
  };
  if (all(&Json::is_object)) return MeanOfObjects(values);
  if (all(&Json::is_array)) return MeanOfLists(values);
  if (!all(&Json::is_number)) return nullptr;
  double sum = 0;
  for (const Json* one : values) sum += one->get<double>();
  return sum / static_cast<double>(values.size());
}

Json MeanOfCells(const LoadedRow& row, const char* key) {
  std::vector<const Json*> values;
  for (const Json& cell : row.cells) {
    if (cell.contains(key)) values.push_back(&cell.at(key));
  }
  return values.empty() ? Json() : MeanOf(values);
}

Json RowJson(const LoadedRow& row, const ResultRequest& request, const LoadedRow* reference,
             TaskPool& pool) {
  Json json = {{"backbone", row.variant->backbone},
               {"point", row.variant->point},
               {"method", row.method},
               {"seeds", row.seeds.size()}};
  if (row.seeds.empty()) return json;
  for (std::size_t p = 0; p < request.parts.size(); ++p) {
    if (row.parts[p].users.empty()) continue;
    Json part = Describe(row.parts[p], row.seeds, pool);
    if (reference != nullptr) {
      auto against = Against(row, *reference, p, pool);
      if (against.has_value()) part["against"] = std::move(*against);
    }
    json[request.parts[p]] = std::move(part);
  }
  json["tuned"] = row.cells[0].at("tuned");
  for (const char* key : {"evaluation", "budget", "stream"}) {
    Json mean = MeanOfCells(row, key);
    if (!mean.is_null()) json[key] = std::move(mean);
  }
  return json;
}

}  // namespace

Json CollectResults(const ResultRequest& request, TaskPool& pool) {
  std::vector<Json> rows;
  std::int64_t missing = 0;
  for (const Variant& variant : request.grid.variants) {
    const LoadedRow reference = LoadRow(request, variant, request.reference);
    for (const std::string& method : request.grid.rows(variant)) {
      const LoadedRow row = LoadRow(request, variant, method);
      // Points of a frontier are compared as a whole, by the area under them.
      const bool untested =
          CellMethod(method) == CellMethod(request.reference) || !variant.methods.empty();
      rows.push_back(RowJson(row, request, untested ? nullptr : &reference, pool));
      if (CellMethod(method) == method)
        missing += std::ssize(request.grid.seeds) - std::ssize(row.seeds);
    }
  }
  for (const std::string& part : request.parts) AdjustPart(part, rows);
  return {{"reference", request.reference},
          {"seeds", request.grid.seeds},
          {"parts", request.parts},
          {"missing", missing},
          {"rows", rows}};
}

}  // namespace raie
