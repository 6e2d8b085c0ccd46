#include "compare/tuning.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "raie/error.h"

namespace raie {
namespace {

struct Knob {
  const char* key;
  std::vector<std::string> values;  // the default first
};

// The default rate, which is not the same for all backbones, and multiples of it.
Knob RatesAround(double rate, std::initializer_list<double> factors) {
  Knob knob{"edit.learning_rate", {}};
  for (const double factor : factors) {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), rate * factor,
                                   std::chars_format::general, 6);
    knob.values.emplace_back(text.data(), end.ptr);
  }
  return knob;
}

Knob Rates(double rate) { return RatesAround(rate, {1, 4, 2, 8}); }
Knob ManyRates(double rate) {
  return RatesAround(rate, {1, 2, 4, 8, 0.5, 0.25, 1.4, 2.8, 5.6, 11.2, 0.7, 16});
}
const Knob kRho = {"edit.rho", {"0.3", "0", "0.7"}};
const Knob kRhoOfPaper = {"edit.rho", {"0.7", "0.3", "0"}};
const Knob kSharing = {"edit.sharing", {"regional", "shared"}};
const Knob kGate = {"edit.gate", {"drift-or-gain", "off", "gain", "drift"}};

bool HasRegions(const std::string& method) {
  return method == "raie" || method == "raie_wo_ke" || method == "raie_wo_kr" ||
         method == "random_regions";
}

// What can be tuned of a method under the settings in force: twelve configurations at least, or
// nothing.
std::vector<Knob> KnobsOf(const TuningRequest& request) {
  const std::string& method = request.method;
  const Knob rates = Rates(request.options.learning_rate);
  if (method == "frozen" || method == "recent_popularity" || method == "full_retrain") return {};
  if (method == "lora_replay") return {rates, {"edit.replay.weight", {"0.3", "0.1", "0.5"}}};
  if (method == "lora_lwf") return {rates, {"edit.lwf.weight", {"0.5", "0.1", "2"}}};
  if (method == "lsat") return {rates, {"edit.lsat.long_share", {"0.6", "0.4", "0.8"}}};
  if (!HasRegions(method)) return {ManyRates(request.options.learning_rate)};
  if (request.editor == EditorPreset::kPaper) return {rates, kRhoOfPaper};
  std::vector<Knob> knobs = {rates, kRho, kGate};
  // A penalty needs adapters of their own; with one adapter for all there is nothing to share.
  if (request.options.overlap_penalty == 0 && method != "raie_wo_kr") knobs.push_back(kSharing);
  return knobs;
}

// A point of the product: the place of each knob's value.
using Point = std::vector<std::size_t>;

std::vector<Point> AllPoints(const std::vector<Knob>& knobs) {
  std::vector<Point> points = {{}};
  for (const Knob& knob : knobs) {
    std::vector<Point> grown;
    for (const Point& point : points) {
      for (std::size_t value = 0; value < knob.values.size(); ++value) {
        grown.push_back(point);
        grown.back().push_back(value);
      }
    }
    points = std::move(grown);
  }
  return points;
}

// How often the picked points have the values of this one: one by one, then two at a time.
std::pair<int, int> Familiarity(const Point& point, const std::vector<Point>& picked) {
  std::pair<int, int> seen;
  for (const Point& other : picked) {
    int equal = 0;
    for (std::size_t k = 0; k < point.size(); ++k) equal += point[k] == other[k];
    seen.first += equal;
    seen.second += equal * (equal - 1) / 2;
  }
  return seen;
}

// One adapter of all regions' size, trained on nothing but the slice, at the default rate: the
// second configuration of a method with regions. Where validation sees nothing in regions, it is
// lora_big.
const std::vector<Setting> kAsOneAdapter = {
    {"edit.rho", "0"}, {"edit.gate", "off"}, {"edit.sharing", "shared"}};

// Returns the point of these settings, other knobs at their defaults; nullopt if one of them is no
// knob here.
std::optional<Point> PointOf(const std::vector<Knob>& knobs, const std::vector<Setting>& settings) {
  Point point(knobs.size());
  for (const Setting& setting : settings) {
    const auto knob = std::ranges::find(knobs, setting.key, &Knob::key);
    if (knob == knobs.end()) return std::nullopt;
    const auto value = std::ranges::find(knob->values, setting.value);
    if (value == knob->values.end()) {
      throw Error(ErrorCode::kInternal, "tuning: " + setting.key + " is never " + setting.value);
    }
    point[knob - knobs.begin()] = value - knob->values.begin();
  }
  return point;
}

// Takes the point of the defaults, those that are preferred, and then the least familiar one again
// and again, the earlier of equals.
std::vector<Point> PickSpread(std::vector<Point> points, const std::vector<Point>& preferred,
                              std::int64_t count) {
  std::vector<Point> picked = {points.front()};
  points.erase(points.begin());
  for (const Point& point : preferred) {
    if (std::ssize(picked) < count && std::erase(points, point) > 0) picked.push_back(point);
  }
  while (!points.empty() && std::ssize(picked) < count) {
    const auto next = std::ranges::min_element(
        points, {}, [&](const Point& point) { return Familiarity(point, picked); });
    picked.push_back(*next);
    points.erase(next);
  }
  return picked;
}

}  // namespace

TuningGrid MakeTuningGrid(const TuningRequest& request) {
  std::vector<Knob> knobs = KnobsOf(request);
  const auto all = std::ssize(AllPoints(knobs));
  if (!knobs.empty() && request.count > all) {
    throw Error(ErrorCode::kInvalidArgument,
                "compare: --tune " + std::to_string(request.count) + ": method " + request.method +
                    " has " + std::to_string(all) + " configurations to try; give --tune " +
                    std::to_string(all) + " or fewer, so that every method gets as many");
  }
  TuningGrid grid;
  std::erase_if(knobs, [&](const Knob& knob) {
    if (!request.is_given(knob.key)) return false;
    grid.given.emplace_back(knob.key);
    return true;
  });
  std::vector<Point> preferred;
  const auto as_one = PointOf(knobs, kAsOneAdapter);
  if (as_one.has_value()) preferred.push_back(*as_one);
  const auto points = PickSpread(AllPoints(knobs), preferred, request.count);
  if (points.size() <= 1) {
    grid.candidates = {{}};
    return grid;
  }
  for (const Point& point : points) {
    TunedSettings& settings = grid.candidates.emplace_back();
    for (std::size_t k = 0; k < knobs.size(); ++k) {
      settings.push_back({knobs[k].key, knobs[k].values[point[k]], "tuning"});
    }
  }
  return grid;
}

TuningChoice ChooseBest(std::vector<TunedSettings> candidates,
                        const std::function<double(const TunedSettings&)>& judge) {
  TuningChoice choice{.candidates = std::move(candidates)};
  if (choice.candidates.size() == 1) return choice;
  for (const TunedSettings& candidate : choice.candidates) {
    choice.validation_ndcg10.push_back(judge(candidate));
  }
  choice.chosen =
      std::ranges::max_element(choice.validation_ndcg10) - choice.validation_ndcg10.begin();
  return choice;
}

nlohmann::ordered_json ToJson(const TuningChoice& choice) {
  auto candidates = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < choice.candidates.size(); ++i) {
    auto settings = nlohmann::ordered_json::object();
    for (const Setting& setting : choice.candidates[i]) settings[setting.key] = setting.value;
    candidates.push_back({{"settings", settings}});
    if (choice.validation_ndcg10.empty()) continue;
    candidates.back()["F_validation_ndcg@10"] = choice.validation_ndcg10[i];
  }
  return {{"candidates", candidates}, {"chosen", choice.chosen}};
}

bool SameCandidates(const nlohmann::ordered_json& json,
                    const std::vector<TunedSettings>& candidates) {
  const nlohmann::ordered_json wanted = ToJson(TuningChoice{.candidates = candidates});
  const auto settings_of = [](const nlohmann::ordered_json& choice) {
    std::vector<nlohmann::ordered_json> all;
    for (const auto& candidate : choice.at("candidates")) all.push_back(candidate.at("settings"));
    return all;
  };
  return settings_of(json) == settings_of(wanted);
}

TunedSettings ChosenSettings(const nlohmann::ordered_json& json) {
  TunedSettings settings;
  const auto& chosen = json.at("candidates").at(json.at("chosen").get<std::size_t>());
  for (const auto& [key, value] : chosen.at("settings").items()) {
    settings.push_back({key, value.get<std::string>(), "tuning"});
  }
  return settings;
}

}  // namespace raie
