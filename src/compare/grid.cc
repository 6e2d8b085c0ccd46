#include "compare/grid.h"

#include <algorithm>

#include "backbones/registry.h"
#include "methods/method.h"
#include "raie/error.h"
#include "service/configuration.h"

namespace raie {
namespace {

constexpr char kNoRegionsNoAdapters[] = "raie_wo_all";

[[noreturn]] void RefuseGrid(const std::string& message) {
  throw Error(ErrorCode::kInvalidArgument, "compare: " + message);
}

template <class Infos>
std::vector<std::string> NamesOf(const Infos& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.emplace_back(info.name);
  return names;
}

bool Holds(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

void CheckNames(const std::vector<std::string>& given, const std::vector<std::string>& known,
                const std::string& kind) {
  if (given.empty()) RefuseGrid("no " + kind + " is given; raie list " + kind + "s shows all");
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (std::find(given.begin(), given.begin() + i, given[i]) != given.begin() + i) {
      RefuseGrid(kind + " " + given[i] + " is given twice");
    }
    if (Holds(known, given[i])) continue;
    const std::string nearest = NearestName(given[i], known);
    RefuseGrid("there is no " + kind + " \"" + given[i] + "\"" +
               (nearest.empty() ? "" : "; did you mean " + nearest + "?") + " (raie list " + kind +
               "s shows all)");
  }
}

// Refuses keys that change nothing here, and values that cannot be, before anything is run.
void CheckSweep(const SweepAxis& axis) {
  Configuration configuration;
  const FieldList fields = FieldsOf(configuration);
  for (const std::string& value : axis.values) SetField(fields, axis.key, value, "--sweep");
  for (const char* section : {"backbone.", "fit.", "regions.", "edit.", "editor"}) {
    if (axis.key.starts_with(section) && axis.key != "backbone.name") return;
  }
  RefuseGrid("--sweep " + axis.key +
             " would change nothing: data sets are prepared before, seeds and "
             "backbones have flags of their own; sweep a key of backbone, fit, regions, edit, or "
             "editor");
}

std::vector<Variant> Variants(const CompareOptions& options) {
  std::vector<Variant> variants;
  for (const std::string& backbone : options.backbones) {
    std::vector<Variant> points = {{backbone, "", {{"backbone.name", backbone, "--backbones"}}}};
    for (const SweepAxis& axis : options.sweeps) {
      std::vector<Variant> grown;
      for (const Variant& point : points) {
        for (const std::string& value : axis.values) {
          Variant next = point;
          next.point += (next.point.empty() ? "" : ",") + axis.key + "=" + value;
          next.settings.push_back({axis.key, value, "--sweep"});
          grown.push_back(std::move(next));
        }
      }
      points = std::move(grown);
    }
    for (Variant& point : points) {
      if (point.point.empty()) point.point = "base";
      variants.push_back(std::move(point));
    }
  }
  return variants;
}

}  // namespace

SweepAxis ParseSweep(const std::string& text) {
  const std::size_t equals = text.find('=');
  SweepAxis axis{.key = text.substr(0, equals), .values = {}};
  for (std::size_t at = equals; at != std::string::npos;) {
    const std::size_t comma = text.find(',', at + 1);
    std::string value = text.substr(at + 1, comma == std::string::npos ? comma : comma - at - 1);
    std::ranges::replace(value, ';', ',');
    if (value.empty() || value.find('/') != std::string::npos || Holds(axis.values, value)) {
      axis.values.clear();
      break;
    }
    axis.values.push_back(value);
    at = comma;
  }
  if (axis.key.empty() || axis.values.empty()) {
    RefuseGrid("--sweep " + text + ": write --sweep key=value1,value2,... with different values");
  }
  return axis;
}

std::string CellMethod(const std::string& row) {
  return row == kNoRegionsNoAdapters ? "lora" : row;
}

std::vector<std::string> Grid::trained() const {
  std::vector<std::string> result;
  for (const std::string& row : methods) {
    const std::string method = CellMethod(row);
    if (!Holds(result, method)) result.push_back(method);
  }
  return result;
}

Grid PlanGrid(const CompareOptions& options) {
  std::vector<std::string> known = NamesOf(Methods());
  if (!Holds(known, kNoRegionsNoAdapters)) known.push_back(kNoRegionsNoAdapters);
  CheckNames(options.backbones, NamesOf(Backbones()), "backbone");
  CheckNames(options.methods, known, "method");
  CheckNames({options.reference}, known, "method");
  std::vector<std::string> keys;
  for (const SweepAxis& axis : options.sweeps) {
    if (Holds(keys, axis.key)) RefuseGrid("--sweep " + axis.key + " is given twice");
    keys.push_back(axis.key);
    CheckSweep(axis);
  }
  Grid grid;
  grid.variants = Variants(options);
  grid.methods = options.methods;
  if (!Holds(grid.methods, options.reference)) {
    grid.methods.insert(grid.methods.begin(), options.reference);
  }
  for (std::int64_t i = 0; i < options.seeds; ++i) {
    grid.seeds.push_back(static_cast<std::uint64_t>(options.first_seed + i));
  }
  for (std::size_t variant = 0; variant < grid.variants.size(); ++variant) {
    for (const std::uint64_t seed : grid.seeds) {
      for (const std::string& method : grid.trained())
        grid.cells.push_back({variant, method, seed});
    }
  }
  return grid;
}

std::filesystem::path CellFolder(const Variant& variant, const std::string& method,
                                 std::uint64_t seed) {
  return std::filesystem::path("cells") / variant.backbone / variant.point / method /
         ("seed-" + std::to_string(seed));
}

std::filesystem::path TuningFile(const Variant& variant, const std::string& method) {
  return std::filesystem::path("tuning") / variant.backbone / variant.point / (method + ".json");
}

}  // namespace raie
