#include "report/region_map.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "base/number_text.h"
#include "base/statistics.h"
#include "data/prepare.h"
#include "methods/group_trainer.h"
#include "methods/setup.h"
#include "methods/window_states.h"
#include "regions/sphere.h"
#include "report/angle_map.h"
#include "report/data_section.h"
#include "service/slice_windows.h"
#include "store/model_directory.h"

namespace raie {
namespace {

constexpr std::size_t kAllRings = 60;  // as in region_map.js
constexpr double kDegreesPerRad = 180 / std::numbers::pi;

double AngleDeg(std::span<const float> a, std::span<const float> b) {
  return kDegreesPerRad * AngleRad(a, b);
}

std::vector<double> AnglesTo(const std::vector<const Region*>& centres, std::span<const float> z) {
  std::vector<double> angles;
  for (const Region* centre : centres) angles.push_back(AngleDeg(centre->centre, z));
  return angles;
}

// Centres before (and added ones), then the same with those that moved where they went.
struct PlacedCentres {
  std::vector<const Region*> before;  // or added, where there was none
  std::vector<const Region*> after;   // null: gone
  AngleMap map;                       // of `before`
  std::vector<MapPlace> moved;        // of `after`

  std::size_t size() const { return before.size(); }
};

PlacedCentres PlaceCentres(const RegionStudy& study) {
  PlacedCentres placed;
  for (const RegionId id : study.ids()) {
    const std::int32_t was = SlotOf(study.before, id);
    const std::int32_t is = SlotOf(study.after, id);
    const Region* after = is < 0 ? nullptr : &study.after.regions[is];
    placed.before.push_back(was < 0 ? after : &study.before.regions[was]);
    placed.after.push_back(after);
  }
  std::vector<double> angles;
  for (const Region* one : placed.before) {
    const std::vector<double> row = AnglesTo(placed.before, one->centre);
    angles.insert(angles.end(), row.begin(), row.end());
  }
  placed.map = PlaceByAngles(angles, std::ssize(placed.before));
  for (std::size_t k = 0; k < placed.size(); ++k) {
    placed.moved.push_back(placed.map.places[k]);
    if (placed.after[k] == nullptr || placed.after[k] == placed.before[k]) continue;
    const std::vector<double> row = AnglesTo(placed.before, placed.after[k]->centre);
    placed.moved.back() = PlaceAround(
        placed.map.places, {.anchor = k, .angles_N = row, .tie = static_cast<std::int64_t>(k)});
  }
  return placed;
}

// Every n-th window, so that at most `most` are left.
WindowSet Thinned(const WindowSet& windows, std::int64_t most) {
  const std::int64_t step = std::max<std::int64_t>(1, (windows.size() + most - 1) / most);
  WindowSet thinned;
  for (std::int64_t i = step / 2; i < windows.size(); i += step) {
    thinned.windows.push_back(windows.windows[i]);
  }
  return thinned;
}

// How far windows lie from where their angles say, at the centre that decides their margin.
struct WindowErrors {
  std::vector<double> second_deg;
  std::int64_t shown = 0;
  std::int64_t all = 0;
};

void AddWindows(const RegionMapInput& input, const PlacedCentres& placed, int slice,
                const Snapshot& snapshot, ReportTable& table, WindowErrors& errors,
                TaskPool& pool) {
  const PreparedData& data = *input.data;
  const WindowSet all = slice == 0 ? MakeSetupWindows(data, 0, WindowOptionsOf(data)).training
                                   : MakeWindows(data, slice, WindowOptionsOf(data));
  const WindowSet shown = Thinned(all, input.windows_a_slice);
  const WindowStates states = ComputeStates(snapshot, data, shown, snapshot.catalogue_size, pool);
  std::vector<const Region*> centres;
  std::vector<MapPlace> places;
  for (std::size_t k = 0; k < placed.size(); ++k) {
    const bool later = slice > 0;
    const Region* centre = later ? placed.after[k] : placed.before[k];
    if (centre == nullptr || (!later && SlotOf(input.study.before, centre->id) < 0)) continue;
    centres.push_back(centre);
    places.push_back(later ? placed.moved[k] : placed.map.places[k]);
  }
  errors.all += all.size();
  for (std::int64_t i = 0; i < shown.size(); ++i) {
    const std::int64_t row = states.row_of_window[i];
    if (row < 0) continue;
    const std::vector<double> angles = AnglesTo(centres, states.row(row));
    const std::size_t own = std::ranges::min_element(angles) - angles.begin();
    const MapPlace place = PlaceAround(places, {.anchor = own, .angles_N = angles, .tie = i});
    std::size_t second = own == 0 ? 1 : 0;
    for (std::size_t k = 0; k < angles.size(); ++k) {
      if (k != own && angles[k] < angles[second]) second = k;
    }
    if (second < angles.size()) {
      errors.second_deg.push_back(std::abs(DistanceDeg(place, places[second]) - angles[second]));
    }
    ++errors.shown;
    const Window& window = shown.windows[i];
    const auto rounded = [](double value) { return std::round(100 * value) / 100; };
    table.rows.push_back({"window", Index(centres[own]->id), SliceLabel(data, slice),
                          rounded(place.x_deg), rounded(place.y_deg), rounded(angles[own]),
                          data.user_id(window.user),
                          Shorten(ItemName(data, data.items()[window.target]), 60)});
  }
}

// Adds a sentence that says why there are no windows, or returns "".
std::string WhyNoWindows(const RegionMapInput& input) {
  if (input.data == nullptr) return "Windows are drawn with --data DIR.";
  if (!input.run.Has(input.study.about.value("fit", "") + std::string("/model.json"))) {
    return "Windows are not drawn: the run's fits/ folder, whose model places them, is gone.";
  }
  if (OptionsOf(*input.data).protocol == Protocol::kAsReleased) {
    return "Windows are not drawn: the published code encodes them with a model that is not kept.";
  }
  return "";
}

// Small movements are drawn longer, by a round factor: the longest about a third of a radius.
double ArrowFactor(const PlacedCentres& placed) {
  double longest = 0;
  std::vector<double> radii;
  for (std::size_t k = 0; k < placed.size(); ++k) {
    longest = std::max(longest, DistanceDeg(placed.map.places[k], placed.moved[k]));
    radii.push_back(kDegreesPerRad * placed.before[k]->radius_rad);
  }
  if (longest == 0) return 1;
  double fitting = 1;
  for (const double factor : {2.0, 5.0, 10.0, 20.0, 50.0}) {
    if (longest * factor <= Quantile(radii, 0.5) / 3) fitting = factor;
  }
  return fitting;
}

std::string DistortionText(const AngleMap& map, const WindowErrors& errors) {
  std::string text =
      "Projection: one degree of angle is one unit of length. Centres: classical "
      "scaling of their mutual angles, refined by stress majorisation; stress " +
      Fixed(map.stress, 3) + ", an angle between two centres is off by " +
      Fixed(map.mean_error_deg, 1) + " degrees on average and " + Fixed(map.worst_error_deg, 1) +
      " at worst.";
  if (errors.shown == 0) return text;
  text +=
      " Windows: their distance to their own centre is their angle to it, exactly; the direction "
      "fits their angles to the other centres, as far as possible without drawing them nearer to "
      "one than they are";
  if (!errors.second_deg.empty()) {
    text += " (the angle to the second nearest centre is off by " +
            Fixed(Quantile(errors.second_deg, 0.5), 1) + " degrees in the median)";
  }
  return text + ". " + Count(errors.shown) + " of " + Count(errors.all) +
         " windows are drawn, thinned evenly.";
}

}  // namespace

ReportJson RegionMapFigure(const RegionMapInput& input, TaskPool& pool) {
  const PlacedCentres placed = PlaceCentres(input.study);
  ReportTable table{.columns = {{"kind", "Kind"},
                                {"region", "Region", "count"},
                                {"slice", "Slice"},
                                {"x_deg", "x", "degrees"},
                                {"y_deg", "y", "degrees"},
                                {"angle_deg", "Radius, or angle to the own centre", "degrees"},
                                {"user", "User"},
                                {"target", "Target"}}};
  std::vector<double> moves;
  std::int64_t added = 0;
  for (std::size_t k = 0; k < placed.size(); ++k) {
    const bool is_new = SlotOf(input.study.before, placed.before[k]->id) < 0;
    added += is_new;
    const auto add = [&](const char* kind, const Region& region, const MapPlace& place) {
      table.rows.push_back({kind, Index(region.id), nullptr, place.x_deg, place.y_deg,
                            kDegreesPerRad * region.radius_rad, nullptr, nullptr});
    };
    if (!is_new) add("before", *placed.before[k], placed.map.places[k]);
    if (placed.after[k] == nullptr) continue;
    add(is_new ? "added" : "after", *placed.after[k], placed.moved[k]);
    if (!is_new) moves.push_back(AngleDeg(placed.before[k]->centre, placed.after[k]->centre));
  }
  WindowErrors errors;
  const std::string no_windows = WhyNoWindows(input);
  ReportJson slices = ReportJson::array();
  if (no_windows.empty()) {
    const Snapshot fitted = ForData(
        ModelDirectory::Open(input.run.path() / input.study.about.at("fit").get<std::string>())
            .LoadSnapshot(0),
        *input.data);
    if (input.made) input.made(*fitted.backbone);
    const int last = input.data->num_slices() - 1;
    const Snapshot grown = WithCatalogue(
        fitted, RankedCatalogue(*input.data, std::max(0, last - 1)), input.study.cell.seed);
    for (int slice = 0; slice <= last; ++slice) {
      AddWindows(input, placed, slice, slice == 0 ? fitted : grown, table, errors, pool);
      slices.push_back(SliceLabel(*input.data, slice));
    }
  }
  const double factor = ArrowFactor(placed);
  std::string takeaway = CountOf(input.study.before.size(), "region") + " before the edit, " +
                         Count(input.study.after.size()) + " after";
  if (!moves.empty()) {
    takeaway += "; centres moved by " + Fixed(Quantile(moves, 0.5), 1) +
                " degrees in the median, " + Fixed(std::ranges::max(moves), 1) + " at most";
  }
  return FigureBlock(
      {.id = "region-map",
       .chart = "region_map",
       .title = "Regions before and after the edit",
       .takeaway = takeaway + ".",
       .note = "Rings are caps at the editor's radius" +
               std::string(placed.size() > kAllRings ? " (faint, since there are so many; choose a "
                                                       "region to see its own)"
                                                     : "") +
               ": dashed before, solid after" +
               std::string(added > 0 ? ", dotted for regions that were added" : "") +
               ". Arrows show how centres moved" +
               (factor > 1 ? ", drawn " + Fixed(factor, 0) + " times as long" : "") + ". " +
               no_windows + (no_windows.empty() ? "" : " ") + DistortionText(placed.map, errors)},
      table, {{"slices", slices}, {"arrow_factor", factor}, {"stress", placed.map.stress}});
}

}  // namespace raie
