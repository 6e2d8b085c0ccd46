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

// What moves a method between keeping S and learning F. Source: METHOD section 8 ("frontiers").
struct StabilityKnob {
  const char* method;
  const char* key;
  std::vector<const char*> values;
  const char* editor = nullptr;  // of a curve of its own
};

const std::vector<StabilityKnob>& StabilityKnobs() {
  static const std::vector<const char*> shares = {"0", "0.3", "0.5", "0.7", "0.9"};
  static const std::vector<StabilityKnob> knobs = {
      {"lora_replay", "edit.replay.weight", {"0.1", "0.3", "0.5", "0.7", "0.9"}},
      {"lora_lwf", "edit.lwf.weight", {"0.1", "0.5", "2", "8", "32"}},
      {"lsat", "edit.lsat.long_share", {"0", "0.2", "0.4", "0.6", "0.8"}},
      {"raie", "edit.rho", shares},
      {"raie", "edit.rho", shares, "paper"},
      {"raie_wo_kr", "edit.rho", shares},
      {"raie_wo_ke", "edit.rho", shares},
      {"random_regions", "edit.rho", shares}};
  return knobs;
}

// Adds the points of every listed method's knob to a backbone's base variant.
void AddFrontiers(const std::string& backbone, Grid& grid) {
  const Setting of_backbone = {"backbone.name", backbone, "--backbones"};
  const std::size_t base = grid.variants.size();
  grid.variants.push_back({backbone, "base", {of_backbone}});
  const auto place_of = [&](const Variant& wanted) {
    const auto same =
        std::find_if(grid.variants.begin() + static_cast<std::int64_t>(base), grid.variants.end(),
                     [&](const Variant& variant) { return variant.point == wanted.point; });
    if (same == grid.variants.end()) {
      grid.variants.push_back(wanted);
      return grid.variants.size() - 1;
    }
    same->methods.insert(same->methods.end(), wanted.methods.begin(), wanted.methods.end());
    return static_cast<std::size_t>(same - grid.variants.begin());
  };
  for (const std::string& method : grid.methods) {
    const std::size_t curves = grid.frontiers.size();
    for (const StabilityKnob& knob : StabilityKnobs()) {
      if (knob.method != method) continue;
      Variant start = {backbone, "base", {of_backbone}, {method}};
      FrontierCells curve{.method = method, .variants = {base}};
      if (knob.editor != nullptr) {
        start.point = std::string("editor=") + knob.editor;
        start.settings.push_back({"editor", knob.editor, "--frontier"});
        curve.variants = {place_of(start)};
      }
      for (const char* value : knob.values) {
        Variant next = start;
        next.tuned_at = start.point;
        const std::string setting = std::string(knob.key) + "=" + value;
        next.point = knob.editor == nullptr ? setting : start.point + "," + setting;
        next.settings.push_back({knob.key, value, "--frontier"});
        curve.variants.push_back(place_of(next));
      }
      grid.frontiers.push_back(std::move(curve));
    }
    // Without a knob it is one point.
    if (grid.frontiers.size() > curves || method != CellMethod(method)) continue;
    grid.frontiers.push_back({method, {base}});
  }
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

const Variant& Grid::tuned(const Variant& variant) const {
  if (variant.tuned_at.empty()) return variant;
  return *std::ranges::find_if(variants, [&](const Variant& other) {
    return other.backbone == variant.backbone && other.point == variant.tuned_at;
  });
}

std::vector<std::string> Grid::trained(const Variant& variant) const {
  std::vector<std::string> result;
  for (const std::string& row : rows(variant)) {
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
  if (options.frontier && !options.sweeps.empty()) {
    RefuseGrid("--frontier sweeps the knob of each method; give it or --sweep, not both");
  }
  Grid grid;
  grid.methods = options.methods;
  const auto add_first = [&](const std::string& method) {
    if (!Holds(grid.methods, method)) grid.methods.insert(grid.methods.begin(), method);
  };
  add_first(options.reference);
  if (options.frontier) {
    add_first(CellMethod(options.reference));  // a row of another has no curve
    add_first("frozen");
    for (const std::string& backbone : options.backbones) AddFrontiers(backbone, grid);
  } else {
    grid.variants = Variants(options);
  }
  for (std::int64_t i = 0; i < options.seeds; ++i) {
    grid.seeds.push_back(static_cast<std::uint64_t>(options.first_seed + i));
  }
  for (std::size_t variant = 0; variant < grid.variants.size(); ++variant) {
    for (const std::uint64_t seed : grid.seeds) {
      for (const std::string& method : grid.trained(grid.variants[variant])) {
        grid.cells.push_back({variant, method, seed});
      }
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
