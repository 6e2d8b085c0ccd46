#include "cli/report_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "cli/table.h"

namespace raie::cli {
namespace {

// Numbers that are not finite are null in JSON.
double Number(const nlohmann::ordered_json& value) {
  return value.is_number() ? value.get<double>() : std::numeric_limits<double>::quiet_NaN();
}

std::string TopItems(const nlohmann::ordered_json& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size() && i < 3; ++i) {
    const std::string title = items[i].at("title");
    text += (text.empty() ? "" : ", ") +
            Shorten(title.empty() ? items[i].at("item").get<std::string>() : title, 28);
  }
  return text;
}

}  // namespace

std::string DriftText(const nlohmann::ordered_json& report) {
  char interval[48];
  std::snprintf(interval, sizeof interval, "%.4g %% interval", 100 * Number(report.at("interval")));
  Table table(
      {"region", "drift (nats)", interval, "p (Holm)", "verdict", "share", "windows", "top items"});
  for (const auto& region : report.at("drift")) {
    table.Add({std::to_string(region.at("region").get<int>()), Fixed(Number(region.at("drift")), 3),
               Fixed(Number(region.at("low")), 3) + " to " + Fixed(Number(region.at("high")), 3),
               Fixed(Number(region.at("p_adjusted")), 4),
               region.at("drifts").get<bool>() ? "drifts" : "-",
               Percent(Number(region.at("share"))), Count(region.at("windows")),
               TopItems(region.at("top_items"))});
  }
  return table.ToText();
}

std::string RegionsText(const nlohmann::ordered_json& report) {
  Table table({"region", "contexts", "radius (degrees)"});
  for (const auto& region : report.at("regions")) {
    table.Add({std::to_string(region.at("region").get<int>()), Count(region.at("contexts")),
               Fixed(region.at("radius_rad").get<double>() * 180 / 3.14159265358979, 1)});
  }
  return table.ToText() + "tau " + Fixed(report.at("tau"), 4) + ", delta " +
         Fixed(report.at("delta"), 4) + "\n";
}

std::string EditsText(const nlohmann::ordered_json& edits) {
  Table table({"region", "updated", "expanded", "added near", "made of"});
  for (const auto& region : edits.at("regions")) {
    table.Add({std::to_string(region.at("region").get<int>()), Count(region.at("updated")),
               Count(region.at("expanded")), Count(region.at("added_near")),
               Count(region.at("accepted"))});
  }
  table.Add({"all", Count(edits.at("updated")), Count(edits.at("expanded")),
             Count(edits.at("added")), ""});
  std::string text = table.ToText();
  text += "regions added " + Count(edits.at("regions_added")) + ", candidates refused " +
          Count(edits.at("candidates_refused")) + "; windows to add: waiting " +
          Count(edits.at("left_in_buffer")) + ", refused at the cap " +
          Count(edits.at("add_refused")) + ", dropped " + Count(edits.at("dropped")) + "\n";
  return text;
}

std::string ComparisonText(const nlohmann::ordered_json& comparison) {
  Table table({"region", "moved, degrees", "measured radius before", "after", "area, %"});
  for (const auto& region : comparison.at("regions")) {
    table.Add({std::to_string(region.at("region").get<int>()),
               Fixed(Number(region.at("displacement_deg")), 2),
               Fixed(Number(region.at("radius_before_deg")), 1),
               Fixed(Number(region.at("radius_after_deg")), 1),
               Fixed(Number(region.at("area_change_percent")), 1)});
  }
  return table.ToText() + "separability (angle to the nearest other centre over the own radius) " +
         Fixed(Number(comparison.at("separability_before")), 2) + " before, " +
         Fixed(Number(comparison.at("separability_after")), 2) + " after\n";
}

std::string OutcomesText(const nlohmann::ordered_json& regions) {
  std::vector<std::string> header = {"region", "outcome", "gate", "new windows", "memory windows"};
  const bool asked = std::ranges::any_of(
      regions, [](const nlohmann::ordered_json& region) { return region.contains("gain"); });
  if (asked) header.insert(header.begin() + 3, {"gain (nats)", "users", "p", "p (Holm)"});
  Table table(header);
  for (const auto& region : regions) {
    std::vector<std::string> row = {std::to_string(region.at("region").get<int>()),
                                    !region.at("kept").get<bool>()     ? "turned down by validation"
                                    : region.at("trained").get<bool>() ? "trained"
                                                                       : "untouched",
                                    region.at("gate").get<std::string>()};
    if (asked && region.contains("gain")) {
      row.insert(row.end(),
                 {Fixed(region.at("gain"), 3), Count(region.at("gain_users")),
                  Fixed(region.at("gain_p_value"), 4), Fixed(region.at("gain_p_adjusted"), 4)});
    } else if (asked) {
      row.insert(row.end(), 4, "n/a");
    }
    row.insert(row.end(), {Count(region.at("new_windows")), Count(region.at("memory_windows"))});
    table.Add(std::move(row));
  }
  return table.ToText();
}

std::string PriorText(const nlohmann::ordered_json& prior) {
  const double weight = prior.at("weight");
  if (weight == 0) return "none (weight 0)";
  return "weight " + Fixed(weight, 3) + ", half-life " + Fixed(prior.at("half_life_days"), 1) +
         " days";
}

}  // namespace raie::cli
